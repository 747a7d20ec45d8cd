/** One incident explained: an incident of the gateway's, or one that was recorded and ships with the page. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type ReactNode } from "react";

import type { Clock } from "../../feed/clock";
import { readScenario } from "../../feed/scenarios";
import { ConnectionBadge, ConnectionBanner } from "../../parts/connection-badge";
import { DashboardNav, ThemeButton } from "../../parts/dashboard-nav";
import { useIncident, useVigil, useVigilState } from "../../store/react";
import { OriginBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Skeleton } from "../../ui/panel";
import { NowProvider } from "../../ui/now";
import { SubjectIndex } from "./subject-index";
import { SubjectPage } from "./subject-page";
import { Recorder, Recording } from "./recording";

export type Subject = { kind: "incident"; id: string } | { kind: "scenario"; name: string };

export interface TransparencyPageProps {
  /** Undefined: choose one. A scenario has no live connection: there is no VigilProvider then. */
  subject: Subject | undefined;
  view: string | undefined;
  /** The event that the address names, by its number or its id. */
  at: string | undefined;
  go: (path: string) => void;
  replace: (path: string) => void;
  /** The page of the namespace in Temporal's web UI, as far as the gateway knows. */
  temporal?: string | undefined;
  /** Moved by tests. */
  clock?: Clock;
}

export function TransparencyPage(props: TransparencyPageProps) {
  const { subject } = props;
  if (subject === undefined) return <Choosing {...props} />;
  return subject.kind === "incident" ? <IncidentSubject key={subject.id} {...props} id={subject.id} /> : <ScenarioSubject key={subject.name} {...props} name={subject.name} />;
}

function Choosing({ go }: TransparencyPageProps) {
  const offsetMs = useVigilState((s) => s.connection.clockOffsetMs);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  return (
    <NowProvider offsetMs={offsetMs}>
      <Frame go={go} live>
        <main id="main" ref={setScroller} className="relative min-h-0 flex-1 overflow-y-auto">
          <SubjectIndex go={go} scroller={scroller} />
        </main>
      </Frame>
    </NowProvider>
  );
}

function IncidentSubject({ id, ...props }: TransparencyPageProps & { id: string }) {
  const vigil = useVigil();
  const detail = useIncident(id);
  const offsetMs = useVigilState((s) => s.connection.clockOffsetMs);
  const [recorder] = useState(() => new Recorder());
  const events = detail?.events;
  const earlier = detail?.earlier;
  const recording = useMemo(() => (events === undefined || events.length === 0 ? undefined : recorder.record([...(earlier ?? []), ...events])), [recorder, events, earlier]);
  return (
    <NowProvider offsetMs={offsetMs}>
      <Frame go={props.go} live>
        {recording !== undefined && recording.viewAfter(recording.last) !== undefined ? (
          <SubjectPage {...props} subject={{ kind: "incident", id }} recording={recording} scenario={undefined} />
        ) : detail?.load === "not_found" ? (
          <Message title="There is no such incident" go={props.go}>
            {detail.error}
          </Message>
        ) : detail?.load === "error" ? (
          <Message title="The incident could not be read" go={props.go} again={() => vigil.incidents.retry(id)}>
            {detail.error} It is being tried again.
          </Message>
        ) : (
          <Waiting />
        )}
      </Frame>
    </NowProvider>
  );
}

function ScenarioSubject({ name, ...props }: TransparencyPageProps & { name: string }) {
  const scenario = useQuery({ queryKey: ["scenario", name], queryFn: () => readScenario(name), staleTime: Infinity, retry: false });
  const recording = useMemo(() => (scenario.data === undefined ? undefined : Recording.ofScenario(scenario.data)), [scenario.data]);
  return (
    <Frame go={props.go} live={false}>
      {scenario.data !== undefined && recording !== undefined && recording.viewAfter(recording.last) !== undefined ? (
        <SubjectPage {...props} subject={{ kind: "scenario", name }} recording={recording} scenario={scenario.data} />
      ) : scenario.isError ? (
        <Message title="The recording could not be read" go={props.go} again={() => void scenario.refetch()}>
          {scenario.error.message}
        </Message>
      ) : scenario.isPending ? (
        <Waiting />
      ) : (
        <Message title="The recording is empty" go={props.go}>
          It has no event that this page can read.
        </Message>
      )}
    </Frame>
  );
}

/** What is around every page of the dashboard. */
function Frame({ go, live, children }: { go: (path: string) => void; live: boolean; children: ReactNode }) {
  return (
    <div className="flex h-dvh flex-col">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-surface focus:p-2">
        Skip to the explanation
      </a>
      <header className="flex items-center gap-3 border-b border-line bg-surface px-3 py-1.5">
        <DashboardNav current="transparency" go={go} />
        <span className="ml-auto" />
        {live ? <ConnectionBadge /> : (
          <span className="inline-flex items-center gap-2 text-xs text-ink-3">
            <OriginBadge origin="recorded" /> <span className="max-sm:sr-only">works without a gateway</span>
          </span>
        )}
        <ThemeButton />
      </header>
      {live && <ConnectionBanner />}
      {children}
    </div>
  );
}

function Waiting() {
  return (
    <main id="main" aria-busy className="mx-auto w-full max-w-4xl space-y-3 p-4">
      <p className="sr-only" role="status">
        Reading the incident
      </p>
      <Skeleton className="h-6 w-72" />
      <Skeleton className="h-16 w-full" />
      <Skeleton className="h-40 w-full" />
      <Skeleton className="h-40 w-full" />
    </main>
  );
}

function Message({ title, go, again, children }: { title: string; go: (path: string) => void; again?: () => void; children: ReactNode }) {
  return (
    <main id="main" className="grid flex-1 place-items-center p-6">
      <div className="flex max-w-md flex-col items-start gap-3 text-[13px] text-ink-2">
        <h1 className="text-base font-semibold text-ink">{title}</h1>
        <p role="alert" className="[overflow-wrap:anywhere]">
          {children}
        </p>
        <div className="flex gap-2">
          {again !== undefined && <Button onClick={again}>Try again now</Button>}
          <Button onClick={() => go("/transparency")}>Choose another</Button>
        </div>
      </div>
    </main>
  );
}
