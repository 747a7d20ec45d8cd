import { Network } from "lucide-react";
import { useMemo } from "react";

import type { Spread, View } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { Moment } from "../ui/now";
import { parseTime } from "../ui/format";
import { Panel } from "../ui/panel";
import { useSource } from "../ui/sources";
import { Cites } from "./citations";
import { type Standing, ServiceGraph } from "./service-graph";

/** The services around the incident: where the cause is, what it has reached, what it may reach. */
export function ImpactPanel({ view: v }: { view: View }) {
  const at = useSource();
  const place = (v.evidence ?? []).findLastIndex((e) => e.kind === "topology" && (e.edges ?? []).length > 0);
  const topology = v.evidence?.[place];
  const spread = v.prediction?.spread ?? [];
  const cause = v.cause_service;
  const standing = useMemo(() => standingOf(v.service, cause, v.prediction?.spread ?? []), [v.service, cause, v.prediction]);
  if (topology === undefined) return null;
  const reached = spread.filter((s) => s.reached).length;
  return (
    <Panel
      title="Impact on services"
      icon={<Network className="size-4" />}
      testId="impact"
      aside={
        spread.length > 0 && (
          <span>
            reached: <span {...at("/prediction/spread", "count . reached=true")}>{reached}</span> of <span {...at("/prediction/spread", "count .")}>{spread.length}</span> that depend on it
          </span>
        )
      }
    >
      <div className="space-y-3 p-3.5">
        <ServiceGraph edges={topology.edges ?? []} pointer={`/evidence/${place}/edges`} standing={standing} />
        <ul className="space-y-1 text-xs" aria-label="Services by how they are affected">
          {cause !== undefined && (
            <li {...at("/cause_service")} className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
              <span className="font-medium">{cause}</span>
              <Badge tone="bad">cause</Badge>
            </li>
          )}
          {v.service !== "" && v.service !== cause && (
            <li {...at("/service")} className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
              <span className="font-medium">{v.service}</span>
              <Badge tone="bad">where the alerts are</Badge>
            </li>
          )}
          {spread.map((s, i) => (
            <li key={s.service} className="flex flex-wrap items-center gap-x-2 gap-y-0.5" {...at(`/prediction/spread/${i}`)}>
              <span className="font-medium">{s.service}</span>
              <Badge tone={s.reached ? "warn" : "neutral"}>{s.reached ? "reached" : "at risk"}</Badge>
              <span className="text-2xs text-ink-3">{s.hops === 1 ? "calls it" : `${s.hops} calls away`}</span>
              {parseTime(s.since) !== undefined && (
                <span className="text-2xs text-ink-3">
                  since <Moment at={s.since} className="tabular" />
                </span>
              )}
              <Cites ids={s.cites} />
            </li>
          ))}
          {spread.length === 0 && <li className="text-ink-3">Nothing is known of a spread.</li>}
        </ul>
        <Cites ids={[topology.id]} label="from" />
      </div>
    </Panel>
  );
}

function standingOf(service: string, cause: string | undefined, spread: readonly Spread[]): ReadonlyMap<string, Standing> {
  const standing = new Map<string, Standing>();
  for (const s of spread) standing.set(s.service, s.reached ? { text: "reached", tone: "warn" } : { text: "at risk", tone: "neutral" });
  if (service !== "") standing.set(service, { text: "alerts", tone: "bad" });
  if (cause !== undefined) standing.set(cause, { text: "cause", tone: "bad" });
  return standing;
}
