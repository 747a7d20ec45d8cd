/** The alerts of an incident, as the events tell of them and as the gateway has counted them, by the keys they came with. */
import type { IncidentAlert, IncidentKey } from "../../feed/rest";
import type { Alert, MemberState, View } from "../../protocol/generated";
import { identityOf, stateOf } from "../../store/reduce-alerts";

export interface AlertRow {
  id: string;
  alert: Alert;
  state: MemberState;
  /** How often it was heard and how often its status changed; undefined where the gateway has not said. */
  heard?: Pick<IncidentAlert, "first_at" | "last_at" | "deliveries" | "changes">;
}

export interface KeyGroup {
  key: string;
  rows: AlertRow[];
  /** What the gateway knows of the key. */
  known?: IncidentKey;
  /** By which rule, or whose hand, it came to the incident. Undefined: the incident was opened for it. */
  joinedBy?: string;
}

type Seen = Pick<View, "alerts" | "more_alerts" | "outcome">;

/** Those that the events show in full. */
export function shownAlerts(view: Seen, listed: readonly IncidentAlert[]): AlertRow[] {
  const counted = new Map(listed.map((l) => [identityOf(l.alert), l]));
  return (view.alerts ?? []).map((alert) => {
    const id = identityOf(alert);
    return { id, alert, state: stateNow(alert), heard: counted.get(id) };
  });
}

/**
 * All that the gateway has listed, but for what was split off: only an incident that became part of
 * another still shows what it had. What the events say since is newer than the list.
 */
export function listedAlerts(view: Seen, listed: readonly IncidentAlert[]): AlertRow[] {
  const live = new Map((view.alerts ?? []).map((a) => [identityOf(a), a]));
  const its = listed.filter((l) => l.moved_to === undefined || view.outcome === "merged");
  return its.map((l) => {
    const id = identityOf(l.alert);
    const alert = live.get(id) ?? l.alert;
    return { id, alert, state: view.more_alerts?.[id] ?? stateNow(alert), heard: l };
  });
}

/** By correlation key, in the order of their first alert. */
export function byKey(rows: readonly AlertRow[], keys: readonly IncidentKey[]): KeyGroup[] {
  const known = new Map(keys.map((k) => [k.correlation_key, k]));
  const groups = new Map<string, KeyGroup>();
  for (const row of rows) {
    const key = row.alert.correlation_key;
    const group = groups.get(key);
    if (group !== undefined) group.rows.push(row);
    else groups.set(key, { key, rows: [row], known: known.get(key), joinedBy: known.get(key)?.joined_by ?? row.alert.joined_by });
  }
  return [...groups.values()];
}

/** It cleared and came back, and did so again. */
export function flaps(row: AlertRow): boolean {
  return (row.heard?.changes ?? 0) >= 4;
}

function stateNow(a: Alert): MemberState {
  return stateOf(a, (a.silenced_by ?? "") !== "");
}
