/** Which incident is explained: those of the gateway's, and those that were recorded. */
import { useQuery } from "@tanstack/react-query";
import { History } from "lucide-react";
import { useMemo, useState, type MouseEvent, type ReactNode } from "react";

import { type ScenarioSummary, readScenarios, scenarioIndexPath } from "../../feed/scenarios";
import type { Summary } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { OriginBadge, SeverityMark, StatusBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { SearchField } from "../../ui/field";
import { dayTime, duration, noData, parseTime } from "../../ui/format";
import { Age } from "../../ui/now";
import { Empty, Panel, Skeleton } from "../../ui/panel";
import { from, incidentSource } from "../../ui/source";
import { LongList } from "./long-list";

type Go = (path: string) => void;

export function SubjectIndex({ go, scroller }: { go: Go; scroller: HTMLElement | null }) {
  return (
    <div className="mx-auto max-w-6xl space-y-5 p-4 sm:p-6">
      <div>
        <h1 className="text-xl font-semibold">Which incident shall be explained?</h1>
        <p className="mt-1 max-w-prose text-[13px] text-ink-2">Every step of it, with the evidence it cites, the alternatives, and where each value comes from. A past incident can be replayed event by event.</p>
      </div>
      <div className="grid items-start gap-5 lg:grid-cols-[3fr_2fr]">
        <Incidents go={go} scroller={scroller} />
        <Scenarios go={go} />
      </div>
    </div>
  );
}

function Incidents({ go, scroller }: { go: Go; scroller: HTMLElement | null }) {
  const vigil = useVigil();
  const { summaries, known, older } = useVigilState((s) => s.incidents);
  const [text, setText] = useState("");
  const listed = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return [...summaries.values()]
      .filter((s) => {
        const all = `${s.title} ${s.service} ${s.incident_id} ${s.status} ${s.cause ?? ""}`.toLowerCase();
        return words.every((w) => all.includes(w));
      })
      .toSorted((a, b) => Date.parse(b.opened_at ?? "") - Date.parse(a.opened_at ?? ""));
  }, [summaries, text]);
  return (
    <Panel title="Incidents" testId="choose-incident" aside={<SearchField label="Search incidents" placeholder="Title, service, cause, id" value={text} onChange={setText} className="w-56 max-sm:w-full" />}>
      {!known ? (
        <div className="space-y-2 p-3.5">
          <Skeleton className="h-9 w-full" />
          <Skeleton className="h-9 w-full" />
          <Skeleton className="h-9 w-full" />
        </div>
      ) : listed.length === 0 ? (
        <Empty>{text === "" ? "There was no incident yet. A recorded one shows what an explanation looks like." : "No incident matches."}</Empty>
      ) : (
        <LongList label="Incidents" items={listed} keyOf={idOf} render={(s) => <Incident summary={s} go={go} />} scroller={scroller} about={54} current={undefined} fromTop gap="" />
      )}
      {known && older.state !== "end" && (
        <div className="p-2.5">
          <Button kind="ghost" onClick={() => void vigil.incidents.loadOlder()} disabled={older.state === "loading"}>
            {older.state === "loading" ? "Reading older incidents…" : "Older incidents"}
          </Button>
          {older.error !== undefined && (
            <p role="alert" className="text-2xs text-bad">
              {older.error}
            </p>
          )}
        </div>
      )}
    </Panel>
  );
}

function idOf(s: Summary): string {
  return s.incident_id;
}

function Incident({ summary: s, go }: { summary: Summary; go: Go }) {
  return (
    <div className="border-b border-line">
      <Way to={`/transparency/incidents/${encodeURIComponent(s.incident_id)}`} go={go}>
        <span {...from(["title", "service", "incident_id"].map((field) => incidentSource(s.incident_id, `/${field}`)).join(" "))} className="flex items-center gap-x-2.5 gap-y-1 px-3.5 py-2 hover:bg-hover max-sm:flex-wrap">
          <SeverityMark severity={s.severity} />
          <span className="min-w-0 flex-1">
            <span className="block truncate text-[13px] font-medium">{s.title}</span>
            <span className="block truncate text-2xs text-ink-3">
              {s.service === "" ? noData : s.service}, <span className="font-mono">{s.incident_id}</span>
            </span>
          </span>
          <span className="flex items-center gap-2 max-sm:order-last max-sm:basis-full max-sm:pl-6">
            <OriginBadge origin={s.origin} />
            <StatusBadge of={s} />
          </span>
          <span {...from(incidentSource(s.incident_id, "/opened_at"))} className="w-8 text-right text-2xs text-ink-3">
            <Age at={s.opened_at} className="tabular" />
          </span>
        </span>
      </Way>
    </div>
  );
}

function Scenarios({ go }: { go: Go }) {
  const scenarios = useQuery({ queryKey: ["scenarios"], queryFn: readScenarios, staleTime: Infinity, retry: false });
  return (
    <Panel title="Recorded scenarios" icon={<History className="size-4" />} testId="choose-scenario" aside="They work without a gateway">
      {scenarios.isPending ? (
        <div className="space-y-2 p-3.5">
          <Skeleton className="h-24 w-full" />
          <Skeleton className="h-24 w-full" />
        </div>
      ) : scenarios.isError ? (
        <div className="space-y-2 px-3.5 py-3">
          <p role="alert" className="text-xs text-ink-2">
            {scenarios.error.message}
          </p>
          <Button onClick={() => void scenarios.refetch()}>Try again now</Button>
        </div>
      ) : scenarios.data.length === 0 ? (
        <Empty>None ships with this build.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {scenarios.data.map((s, i) => (
            <Scenario key={s.name} scenario={s} place={i} go={go} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Scenario({ scenario: s, place, go }: { scenario: ScenarioSummary; place: number; go: Go }) {
  const at = parseTime(s.recorded_at);
  return (
    <li>
      <Way to={`/transparency/scenarios/${encodeURIComponent(s.name)}`} go={go}>
        <span {...from(`${scenarioIndexPath}#/scenarios/${place}`)} className="block space-y-1 px-3.5 py-2.5 hover:bg-hover">
          <span className="flex items-center gap-2">
            <SeverityMark severity={s.severity} />
            <b className="min-w-0 flex-1 truncate text-[13px] font-medium">{s.title}</b>
            <OriginBadge origin="recorded" />
          </span>
          <span className="line-clamp-2 text-xs text-ink-2">{s.description}</span>
          <span className="tabular block text-2xs text-ink-3">
            {s.service}, {s.event_count} events in {duration(s.duration_seconds * 1000)}
          </span>
          <span className="block text-2xs text-ink-3">
            From {s.recorded_from.origin === "simulated" ? "the sandbox (simulated)" : "AWS"}: {s.recorded_from.what}, {at === undefined ? noData : dayTime(at)}
          </span>
        </span>
      </Way>
    </li>
  );
}

function Way({ to, go, children }: { to: string; go: Go; children: ReactNode }) {
  const click = (e: MouseEvent) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(to);
  };
  return (
    <a href={to} onClick={click} className="block">
      {children}
    </a>
  );
}
