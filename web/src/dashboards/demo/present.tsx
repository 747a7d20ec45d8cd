/** What is presented: an incident of the gateway's, live or over, or one that ships with the page. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, type ReactNode } from "react";

import { analyticsPaths, readIncidentFigures } from "../../feed/analytics";
import { readScenario, scenarioPath } from "../../feed/scenarios";
import { ApiError } from "../../feed/rest";
import type { DecodedEvent } from "../../protocol/decoder";
import type { IncidentEvent } from "../../protocol/generated";
import { useIncident, useVigil, useVigilState } from "../../store/react";
import { Badge, OriginBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { dayTime } from "../../ui/format";
import { from, incidentSource } from "../../ui/source";
import { Presentation } from "./presentation";
import { type Story, gatewaySources, isOver, scenarioSources } from "./story";

export function PresentScenario({ name, onLeave }: { name: string; onLeave: () => void }) {
  const scenario = useQuery({ queryKey: ["scenario", name], queryFn: () => readScenario(name), staleTime: Infinity, retry: false });
  const story = useMemo<Story | undefined>(() => {
    if (scenario.data === undefined) return undefined;
    const { decoded, events, figures, recorded_from } = scenario.data;
    return { events: readable(decoded), figures, currency: undefined, origin: recorded_from.origin, sources: scenarioSources(name, events) };
  }, [scenario.data, name]);
  if (scenario.isError) return <Notice title="This cannot be presented" text={scenario.error.message} onLeave={onLeave} />;
  if (scenario.data === undefined || story === undefined) return <Notice title="Vigil" text="Reading the recording…" onLeave={onLeave} />;
  const { title, recorded_at, recorded_from } = scenario.data;
  const origin = (
    <>
      <OriginBadge origin="recorded" />
      {recorded_from.origin !== "recorded" && <OriginBadge origin={recorded_from.origin} />}
      <span>
        Recorded <span {...from(`${scenarioPath(name)}#/recorded_at`)}>{dayTime(Date.parse(recorded_at))}</span> from{" "}
        <span {...from(`${scenarioPath(name)}#/recorded_from`)}>
          {recorded_from.what}, by Vigil {recorded_from.version}
        </span>
      </span>
    </>
  );
  return <Presentation story={story} title={title} origin={origin} onLeave={onLeave} />;
}

export function PresentIncident({ id, onLeave }: { id: string; onLeave: () => void }) {
  const { rest } = useVigil();
  const detail = useIncident(id);
  const connection = useVigilState((s) => s.connection.state);
  const business = useVigilState((s) => s.system.business);
  const events = useMemo(() => (detail === undefined ? [] : readable([...detail.earlier, ...detail.events])), [detail]);
  const over = isOver(events);
  // What the incident adds is asked for once it is over: before, there is no end of it to count to.
  const figures = useQuery({ queryKey: [analyticsPaths.incident(id)], queryFn: ({ signal }) => readIncidentFigures(rest, id, signal), enabled: over, retry: (n, error) => n < 3 && !(error instanceof ApiError && error.status === 404) });
  const origin = detail?.view?.origin ?? "live";
  const currency = business?.data.currency;
  const story = useMemo<Story>(() => ({ events, figures: figures.data, currency, origin, sources: gatewaySources(id) }), [events, figures.data, currency, origin, id]);
  if (detail?.load === "not_found") return <Notice title="There is no such incident" text="It may have been forgotten by the gateway's retention, or never have been." onLeave={onLeave} />;
  if (detail?.view === undefined || events.length === 0) return <Notice title="Vigil" text={detail?.error ?? "Reading the incident's events…"} onLeave={onLeave} />;
  const badges = (
    <>
      <Badge tone={over ? "neutral" : "accent"}>{over ? "From its recorded events" : "Open: it goes on as events come"}</Badge>
      <OriginBadge origin={origin} />
      {connection !== "live" && <Badge tone="warn">Not connected: what came since is missing</Badge>}
      <span {...from(incidentSource(id, "/incident_id"))} className="font-mono text-2xs max-md:hidden">
        {id}
      </span>
    </>
  );
  return <Presentation story={story} title={detail.view.title} origin={badges} onLeave={onLeave} />;
}

/** What this page cannot read is not told. */
function readable(decoded: readonly DecodedEvent[]): readonly IncidentEvent[] {
  return decoded.flatMap((d) => (d.readable ? [d.event] : []));
}

function Notice({ title, text, onLeave }: { title: string; text: ReactNode; onLeave: () => void }) {
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <div className="flex max-w-sm flex-col items-start gap-3 text-[13px] text-ink-2">
        <h1 className="text-base font-semibold text-ink">{title}</h1>
        <p role="status">{text}</p>
        <Button onClick={onLeave}>To the executive view</Button>
      </div>
    </main>
  );
}
