/** Incidents to look at: those that are there already, or new ones from faults in the sandbox's world. */
import type { Api } from "./api";
import { until } from "./until";

/** An incident that was resolved by an action that a person approved. */
export async function resolvedIncident(api: Api): Promise<string> {
  const past = (await api.summaries()).find((s) => s.status === "resolved" && s.outcome === "remediated");
  if (past !== undefined) return past.incident_id;
  const id = await waitingIncident(api);
  await api.approve(id);
  await api.reaches(id, "resolved");
  return id;
}

/** An incident that waits for somebody to approve what is proposed. */
export async function waitingIncident(api: Api): Promise<string> {
  const before = await api.summaries();
  const waiting = before.find((s) => s.status === "awaiting_approval");
  if (waiting !== undefined) return waiting.incident_id;
  // One fault at a time: the one before it may still be draining.
  await until("a fault can be started", () => api.fault("bad_deployment"));
  const id = await api.opened(before);
  await api.reaches(id, "awaiting_approval");
  return id;
}

/** What every view can be looked at with. */
export async function everything(api: Api): Promise<{ over: string; waiting: string; scenario: string }> {
  const over = await resolvedIncident(api);
  const waiting = await waitingIncident(api);
  return { over, waiting, scenario: await recordedScenario(api) };
}

/** The name of a scenario that ships with the dashboards. */
export async function recordedScenario(api: Api): Promise<string> {
  const { scenarios } = await api.get<{ scenarios: { name: string }[] }>("/scenarios/index.json");
  const first = scenarios[0];
  if (first === undefined) throw new Error("No recorded scenario ships with the dashboards.");
  return first.name;
}
