/** Which model each agent asks and why, and the models' calls, as the events say it. */
import type { DecodedEvent } from "../protocol/decoder";
import type { Agent, GuardrailChecked, ModelCalled, ModelRouted, Provenance } from "../protocol/generated";

/** The latest choice of a model for each agent, with the event that says it. */
export function latestRoutes(events: readonly DecodedEvent[]): ReadonlyMap<Agent, ModelRouted & { eventId: string }> {
  const routes = new Map<Agent, ModelRouted & { eventId: string }>();
  for (const d of events) if (d.readable && d.event.type === "model.routed") routes.set(d.event.data.agent, { ...d.event.data, eventId: d.event.id });
  return routes;
}

/** A call that was paid for, of a model or of the guardrail. */
export interface Call {
  id: string;
  at: string;
  model?: ModelCalled;
  guardrail?: GuardrailChecked;
  provenance: Provenance;
}

export function callsOf(events: readonly DecodedEvent[]): Call[] {
  const calls: Call[] = [];
  for (const d of events) {
    if (!d.readable) continue;
    const { id, at, type, data, provenance } = d.event;
    if (type === "model.called") calls.push({ id, at, model: data, provenance });
    else if (type === "guardrail.checked" && provenance.usage !== undefined) calls.push({ id, at, guardrail: data, provenance });
  }
  return calls;
}

/** What a call cost, as often as it was sent; undefined where its price is not known. */
export function callCost({ provenance: p }: Call): number | undefined {
  const once = p.usage?.cost_usd_micros;
  return once === undefined ? undefined : once * (1 + (p.lost ?? 0));
}
