/** A recorded scenario as it would be written of these events. */
import type { Scenario, ScenarioSummary } from "../src/feed/scenarios";
import type { IncidentEvent, View } from "../src/protocol/generated";

export function scenarioOf(name: string, events: readonly IncidentEvent[], view: View): Scenario {
  const first = events[0];
  const last = events.at(-1);
  if (first === undefined || last === undefined) throw new Error(`${name} has no events`);
  return {
    format: 1,
    name,
    title: view.title,
    description: view.description ?? view.title,
    service: view.service,
    severity: view.severity,
    recorded_at: last.at,
    recorded_from: { origin: view.origin, what: "a golden story of the tests", version: "0.1.0", seed: 7 },
    event_count: events.length,
    duration_seconds: (Date.parse(last.at) - Date.parse(first.at)) / 1000,
    figures: {
      incident_id: view.incident_id,
      run_id: view.run_id,
      title: view.title,
      service: view.service,
      severity: view.severity,
      status: view.status,
      origin: view.origin,
      ...(view.closed_at === undefined ? {} : { closed_at: view.closed_at, resolve_seconds: (Date.parse(view.closed_at) - Date.parse(view.started_at ?? first.at)) / 1000 }),
      acted: view.execution !== undefined,
      helped: view.verification?.state === "helped",
      autonomous: false,
      prevented: false,
      ai_cost_usd_micros: view.cost.cost_usd_micros,
      ai_calls_unknown_price: view.cost.unknown_priced_calls,
    },
    events,
  };
}

export function summaryOf({ format: _f, figures: _i, events: _e, ...summary }: Scenario): ScenarioSummary {
  return summary;
}
