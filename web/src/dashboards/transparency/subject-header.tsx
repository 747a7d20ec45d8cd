/** Which incident this is, how it stands at the event that is shown, and where else it can be looked at. */
import { ExternalLink, History } from "lucide-react";
import type { MouseEvent, ReactNode } from "react";

import type { IncidentFigures } from "../../protocol/generated";
import { scenarioPath } from "../../feed/scenarios";
import { OriginBadge, SeverityLabel, StatusBadge } from "../../ui/badge";
import { buttonClass } from "../../ui/button";
import { dayTime, duration, noData, parseTime } from "../../ui/format";
import { Moment } from "../../ui/now";
import { Fact } from "../../ui/panel";
import { from } from "../../ui/source";
import { causeWord, handoverWord, outcomeWord, statusWord } from "../../ui/words";
import { usePlace, useSource, useSubject } from "./subject";
import { historyURL } from "./temporal-link";

export function SubjectHeader({ go, temporal, figures }: { go: (path: string) => void; temporal: string | undefined; figures: IncidentFigures | undefined }) {
  const { recording, scenario } = useSubject();
  const { view: v, index } = usePlace();
  const source = useSource();
  const first = recording.events[0]?.event;
  const here = recording.events[index]?.event;
  if (first === undefined || here === undefined) return null;
  return (
    <header className="space-y-2.5 border-b border-line bg-surface px-3 py-3 sm:px-5">
      {scenario !== undefined && <RecordedBanner />}
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-72">
          <div {...source(first.id)} className="mb-1 flex flex-wrap items-center gap-2">
            <SeverityLabel severity={v.severity} />
            <StatusBadge of={v} />
            <OriginBadge origin={v.origin} />
            <span className="font-mono text-2xs text-ink-3 select-all">{v.incident_id}</span>
          </div>
          <h1 {...source(first.id)} className="text-lg leading-tight font-semibold [overflow-wrap:anywhere]">
            {v.title}
          </h1>
        </div>
        <nav aria-label="This incident elsewhere" className="flex flex-wrap gap-1.5">
          {figures === undefined && (
            <Elsewhere href={`/ops/incidents/${encodeURIComponent(v.incident_id)}?event=${encodeURIComponent(here.id)}`} go={go}>
              In operations
            </Elsewhere>
          )}
          {temporal !== undefined && (
            <a href={historyURL(temporal, v.incident_id, here.run_id)} target="_blank" rel="noreferrer" className={buttonClass("plain")} data-testid="temporal-link">
              Workflow in Temporal <ExternalLink aria-hidden className="size-3.5" />
            </a>
          )}
        </nav>
      </div>
      <dl className="grid grid-cols-2 gap-x-6 gap-y-1.5 sm:grid-cols-3 lg:grid-cols-5">
        <Fact label="Service">
          <span {...source(first.id)}>{v.service === "" ? noData : v.service}</span>
        </Fact>
        <Fact label="Began">
          <span {...source(first.id, "/data/started_at")}>
            <Moment at={v.started_at} className="tabular" />
          </span>
        </Fact>
        <Fact label="Since then, at this event">
          <SinceBegin />
        </Fact>
        <Fact label="Cause">
          <Cause />
        </Fact>
        <Fact label="How it stands">
          <Standing />
        </Fact>
      </dl>
    </header>
  );
}

function SinceBegin() {
  const { recording } = useSubject();
  const { view: v, index } = usePlace();
  const here = recording.events[index]?.event;
  const first = recording.events[0]?.event;
  const began = parseTime(v.started_at);
  if (here === undefined || first === undefined || began === undefined) return <>{noData}</>;
  return (
    <span {...from(`${recording.sourceOf(first.id, "/data/started_at")} ${recording.sourceOf(here.id, "/at")}`, "span")} className="tabular">
      {duration((recording.times[index] ?? 0) - began)}
    </span>
  );
}

function Cause() {
  const { view: v } = usePlace();
  if (v.verdict === undefined) return <>not known yet</>;
  if (v.verdict === "inconclusive") return <>inconclusive</>;
  if (v.verdict === "healthy") return <>healthy: nothing is wrong now</>;
  return (
    <>
      probably {causeWord(v.cause ?? "unknown")}
      {v.cause_service !== undefined && ` in ${v.cause_service}`}
    </>
  );
}

function Standing() {
  const { recording } = useSubject();
  const { view: v, index } = usePlace();
  const source = useSource();
  const said = v.outcome === undefined ? (v.needs_human && v.handover !== undefined ? handoverWord(v.handover) : (v.status_reason ?? statusWord(v.status).text)) : outcomeWord(v.outcome);
  // Whoever said so last said it in an event of the state.
  const by = recording.events.slice(0, index + 1).findLast((d) => d.readable && (d.event.type === "incident.status_changed" || d.event.type === "incident.closed" || d.event.type === "incident.aborted"));
  if (by === undefined) return <>{said}</>;
  return <span {...source(by.event.id)}>{said}</span>;
}

function Elsewhere({ href, go, children }: { href: string; go: (path: string) => void; children: ReactNode }) {
  const click = (e: MouseEvent) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(href);
  };
  return (
    <a href={href} onClick={click} className={buttonClass("plain")} data-testid="ops-link">
      {children}
    </a>
  );
}

/** Says first of all that nobody sees this happen, and what it was recorded from. */
function RecordedBanner() {
  const { scenario: s } = useSubject();
  if (s === undefined) return null;
  const at = parseTime(s.recorded_at);
  return (
    <div {...from(`${scenarioPath(s.name)}#`)} role="note" data-testid="recorded" data-origin={s.recorded_from.origin} className="flex flex-wrap items-center gap-x-2.5 gap-y-1 rounded-md border border-dashed border-line-strong bg-sunken px-3 py-2 text-xs">
      <span className="inline-flex items-center gap-1.5 font-semibold">
        <History aria-hidden className="size-4" /> Recorded
      </span>
      <span className="text-ink-2">
        from {s.recorded_from.origin === "simulated" ? "the sandbox, whose AWS is simulated" : "AWS"}: {s.recorded_from.what}
      </span>
      <span className="text-ink-3">
        {at === undefined ? noData : dayTime(at)}, Vigil {s.recorded_from.version}
        {s.recorded_from.seed !== undefined && `, seed ${s.recorded_from.seed}`}
      </span>
      <span className="basis-full text-ink-2">
        <b className="font-medium text-ink">{s.title}.</b> {s.description}
      </span>
    </div>
  );
}
