/** How alerts add up. Mirrors workflows/event/view_alerts.go. */
import type { Alert, AlertMention, MemberState, Move, View } from "../protocol/generated";

type Counted = Pick<View, "alerts" | "more_alerts" | "alerts_total" | "alerts_firing">;

/** What tells the alerts of an incident apart. */
export function identityOf(a: Alert): string {
  return a.member ?? a.fingerprint;
}

/** How an alert stands: one that is silenced fires, and is not to be told of. */
export function stateOf(a: { status: Alert["status"] }, silenced: boolean): MemberState {
  if (a.status !== "firing") return "resolved";
  return silenced ? "silenced" : "firing";
}

export function alert(v: View, a: Alert): Partial<View> {
  const had = v.alerts ?? [];
  const id = identityOf(a);
  if (had.some((have) => identityOf(have) === id)) {
    return count(had.map((have) => (identityOf(have) === id ? a : have)), v.more_alerts);
  }
  return count([...had, a], without(v.more_alerts, new Set([id])));
}

export function mention(v: View, list: readonly AlertMention[]): Partial<View> {
  const alerts = [...(v.alerts ?? [])];
  const at = new Map(alerts.map((a, i) => [identityOf(a), i]));
  const more: Record<string, MemberState> = { ...v.more_alerts };
  for (const m of list) {
    const i = at.get(m.member);
    const have = i === undefined ? undefined : alerts[i];
    if (i === undefined || have === undefined) {
      more[m.member] = stateOf(m, m.silenced === true);
    } else {
      alerts[i] = { ...have, status: m.status, silenced_by: m.silenced === true ? have.silenced_by : undefined };
    }
  }
  return count(alerts, more);
}

export function move(v: View, m: Move): Partial<View> {
  const { members, ...said } = m;
  const moves = [...(v.moves ?? []), said];
  if (m.from !== v.incident_id || m.all === true) return { moves };
  const gone = new Set(members ?? []);
  return { moves, ...count((v.alerts ?? []).filter((a) => !gone.has(identityOf(a))), without(v.more_alerts, gone)) };
}

function without(more: View["more_alerts"], gone: ReadonlySet<string>): View["more_alerts"] {
  const left = Object.entries(more ?? {}).filter(([id]) => !gone.has(id));
  return left.length > 0 ? Object.fromEntries(left) : undefined;
}

function count(alerts: Alert[], more: View["more_alerts"]): Counted {
  const others = Object.values(more ?? {});
  return {
    alerts,
    more_alerts: others.length > 0 ? more : undefined,
    alerts_total: alerts.length + others.length,
    alerts_firing:
      alerts.filter((a) => stateOf(a, (a.silenced_by ?? "") !== "") === "firing").length + others.filter((s) => s === "firing").length,
  };
}
