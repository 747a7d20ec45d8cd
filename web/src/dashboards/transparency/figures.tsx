/** What the incident adds to the business figures: computed by the gateway, or kept with the recording. */
import { useQuery } from "@tanstack/react-query";
import { ChartNoAxesCombined } from "lucide-react";

import { ApiError } from "../../feed/rest";
import { scenarioPath } from "../../feed/scenarios";
import type { IncidentFigures } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { cost, count, duration, noData } from "../../ui/format";
import { Empty, Fact, Panel, Skeleton } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { usePlace, useSubject } from "./subject";

export function Figures() {
  const { scenario } = useSubject();
  const { atEnd } = usePlace();
  return (
    <Panel title="Figures of the incident" icon={<ChartNoAxesCombined className="size-4" />} testId="figures" className="lg:col-span-2">
      {!atEnd ? <Empty>They are of the incident as it stands last; go to the end to see them.</Empty> : scenario === undefined ? <Live /> : <List figures={scenario.figures} source={`${scenarioPath(scenario.name)}#/figures`} />}
    </Panel>
  );
}

/** How often the figures of an incident that goes on are read anew. */
const refreshEveryMs = 10_000;

function Live() {
  const { view: v } = usePlace();
  const { rest } = useVigil();
  const figures = useQuery({
    queryKey: ["analytics", "incident", v.incident_id, v.run_id, v.closed_at, v.cause_correct],
    queryFn: () => rest.incidentFigures(v.incident_id),
    retry: (times, error) => times < 2 && !(error instanceof ApiError && error.status === 404),
    refetchInterval: v.closed_at === undefined ? refreshEveryMs : false,
    placeholderData: (before) => before,
  });
  if (figures.data !== undefined) return <List figures={figures.data} source={querySource(`/api/v1/analytics/incidents/${encodeURIComponent(v.incident_id)}`)} />;
  if (figures.isPending) return <Skeleton className="m-3.5 h-10" />;
  return <Empty>{figures.error instanceof ApiError && figures.error.status === 404 ? `The gateway has no figures of this incident: ${noData}.` : `The figures could not be read: ${figures.error?.message ?? noData}`}</Empty>;
}

function List({ figures: f, source }: { figures: IncidentFigures; source: string }) {
  const at = (field: keyof IncidentFigures) => from(`${source}/${field}`);
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-2.5 p-3.5 sm:grid-cols-3 lg:grid-cols-6">
      <Fact label="Detected after">
        <span {...at("detect_seconds")} className="tabular">
          {seconds(f.detect_seconds)}
        </span>
      </Fact>
      <Fact label="Acknowledged after">
        <span {...at("acknowledge_seconds")} className="tabular">
          {seconds(f.acknowledge_seconds)}
        </span>
      </Fact>
      <Fact label="Resolved after">
        <span {...at("resolve_seconds")} className="tabular">
          {seconds(f.resolve_seconds)}
        </span>
      </Fact>
      <Fact label="Cost of AI">
        <span {...from(`${source}/ai_cost_usd_micros ${source}/ai_calls_unknown_price`)} className="tabular">
          {cost(f.ai_cost_usd_micros, f.ai_calls_unknown_price)}
        </span>
      </Fact>
      <Fact label="Users affected">
        <span {...at("affected_users")} className="tabular">
          {f.affected_users === undefined ? noData : count(f.affected_users)}
        </span>
      </Fact>
      <Fact label="Down for">
        <span {...at("downtime_seconds")} className="tabular">
          {seconds(f.downtime_seconds)}
        </span>
      </Fact>
      <Fact label="Vigil acted">{f.acted ? (f.helped ? "and it helped" : "and it did not help") : "no"}</Fact>
      <Fact label="Without a person">{f.acted ? yes(f.autonomous) : noData}</Fact>
      <Fact label="Prevented">{yes(f.prevented)}</Fact>
      <Fact label="Cause confirmed">{f.cause_correct === undefined ? "nobody has said" : yes(f.cause_correct)}</Fact>
    </dl>
  );
}

function seconds(value: number | undefined): string {
  return value === undefined ? noData : duration(value * 1000);
}

function yes(value: boolean): string {
  return value ? "yes" : "no";
}
