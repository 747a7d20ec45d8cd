/** What a piece of evidence is made of, by its kind. Everything from outside is shown as text. */
import { ArrowRight } from "lucide-react";

import type { Change, Evidence, LogPattern, Series, Suspect } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { clockTime, count } from "../ui/format";
import { Meter } from "../ui/meter";
import { Moment } from "../ui/now";
import { SourceAt, useSource } from "../ui/sources";
import { Sparkline } from "../ui/sparkline";
import { causeWord, metricWord } from "../ui/words";
import { Cites } from "./citations";
import { DatabaseLoad } from "./database-load";
import { Documents, PlatformEvents, nothingFound } from "./evidence-documents";
import { ServiceGraph } from "./service-graph";

interface Props {
  evidence: Evidence;
  startedAt: number | undefined;
}

export function EvidenceBody({ evidence: e, startedAt }: Props) {
  if (!e.found) return <p className="text-xs text-ink-2">{nothingFound(e)}</p>;
  return (
    <>
      {e.series !== undefined && <Charts series={e.series} mark={startedAt} />}
      {e.logs !== undefined && <Logs logs={e.logs} />}
      {e.changes !== undefined && <Changes changes={e.changes} />}
      {e.edges !== undefined && <ServiceGraph edges={e.edges} pointer="/edges" />}
      {e.events !== undefined && <PlatformEvents events={e.events} />}
      {e.load !== undefined && <DatabaseLoad load={e.load} />}
      {e.documents !== undefined && <Documents documents={e.documents} />}
      {e.suspects !== undefined && <Suspects suspects={e.suspects} />}
    </>
  );
}

function Charts({ series, mark }: { series: readonly Series[]; mark: number | undefined }) {
  const at = useSource();
  const index = series.findIndex((s) => (s.points ?? []).length > 0);
  const first = series[index]?.points ?? [];
  return (
    <>
      <div className="grid gap-x-4 gap-y-2.5 sm:grid-cols-2 lg:grid-cols-3">
        {series.map((s, i) => (
          <SourceAt key={`${s.service}/${s.metric}`} pointer={`/series/${i}/points`}>
            <Sparkline points={s.points ?? []} unit={s.unit} label={metricWord(s.metric)} mark={mark} />
          </SourceAt>
        ))}
      </div>
      {first.length > 0 && (
        <p {...at([`/series/${index}/points/0`, `/series/${index}/points/${first.length - 1}`])} className="tabular text-2xs text-ink-3">
          From {clockTime(first[0]?.[0] ?? 0)} to {clockTime(first.at(-1)?.[0] ?? 0)}; the dashed line is when the trouble began.
        </p>
      )}
    </>
  );
}

function Logs({ logs }: { logs: readonly LogPattern[] }) {
  const at = useSource();
  return (
    <ul className="space-y-1.5">
      {logs.map((l, i) => (
        <li key={`${l.level}/${l.template}`} {...at(`/logs/${i}`)} className="rounded-md bg-sunken px-2.5 py-1.5">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
            {l.level !== undefined && <Badge tone={/error|fatal/i.test(l.level) ? "bad" : "neutral"}>{l.level}</Badge>}
            <code className="min-w-0 flex-1 font-mono text-2xs [overflow-wrap:anywhere]">{l.template}</code>
            <span className="tabular text-2xs text-ink-2" title="In this window, and in the window of equal length before the incident">
              {count(l.count)} now, {count(l.baseline)} before
            </span>
            {l.baseline === 0 && <Badge tone="warn">new</Badge>}
          </div>
          {l.example !== undefined && <code className="mt-0.5 block font-mono text-2xs text-ink-3 [overflow-wrap:anywhere]">{l.example}</code>}
        </li>
      ))}
    </ul>
  );
}

function Changes({ changes }: { changes: readonly Change[] }) {
  const at = useSource();
  return (
    <ul className="space-y-1">
      {changes.map((c, i) => (
        <li key={`${c.at}/${c.summary}`} {...at(`/changes/${i}`)} className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-xs">
          <Moment at={c.at} className="tabular font-mono text-2xs text-ink-2" />
          <Badge>{c.kind}</Badge>
          <span className="font-medium">{c.service}</span>
          {c.version !== undefined && (
            <span className="inline-flex items-center gap-1 font-mono text-2xs">
              {c.before ?? "?"} <ArrowRight aria-label="to" className="size-3" /> {c.version}
            </span>
          )}
          <span className="text-ink-2 [overflow-wrap:anywhere]">{c.summary}</span>
          {c.actor !== undefined && <span className="text-2xs text-ink-3">by {c.actor}</span>}
        </li>
      ))}
    </ul>
  );
}

function Suspects({ suspects }: { suspects: readonly Suspect[] }) {
  const at = useSource();
  return (
    <ol className="space-y-1.5">
      {suspects.map((s, i) => (
        <li key={`${s.service}/${s.cause}`} {...at(`/suspects/${i}`)} className="flex flex-wrap items-center gap-x-3 gap-y-0.5 text-xs">
          <Meter source={at(`/suspects/${i}/score`)} value={s.score} label={`Score of ${s.service}`} className="w-28 shrink-0" />
          <span className="font-medium">{s.service}</span>
          <span className="text-ink-2">{causeWord(s.cause)}</span>
          {s.reasons !== undefined && <span {...at(`/suspects/${i}/reasons`)} className="text-ink-3">{s.reasons.join("; ")}</span>}
          <Cites ids={s.cites} />
        </li>
      ))}
    </ol>
  );
}
