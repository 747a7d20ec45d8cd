/** What came of an action, drawn from the view and its events. */
import { actionHash } from "../protocol/action-hash";
import type { DecodedEvent } from "../protocol/decoder";
import type { Action, Execution, Option, Remediation, RemediationState, View } from "../protocol/generated";

/** A remediation, or what stands for one that was never told of. */
export type Carried = Pick<Remediation, "action_hash" | "name" | "target" | "state"> & Partial<Remediation>;

const running: readonly RemediationState[] = ["waiting", "running", "probing", "undoing"];

export function hasEnded(state: RemediationState): boolean {
  return !running.includes(state);
}

/** The carrying out of the latest action; undefined where there was none. */
export function carriedOut(v: View): Carried | undefined {
  if (v.remediation !== undefined) return v.remediation;
  const { action: a, execution: x } = v;
  if (a === undefined) return undefined;
  const state = x === undefined || x.state === "running" || x.state === "succeeded" ? "running" : x.state === "failed" ? "failed" : "unknown";
  return { action_hash: x?.action_hash ?? "", name: a.name, target: a.target, state };
}

/** What exactly is carried out, and where in the view it is: as it was started, else as it was proposed, else as it was voted on. */
export function actionOf(v: View, r: Carried): { of: Action | Option; pointer: string } | undefined {
  if (v.action !== undefined && actionHash(v.action) === r.action_hash) return { of: v.action, pointer: "/action" };
  if (v.proposal?.action_hash === r.action_hash) return { of: v.proposal.action, pointer: "/proposal/action" };
  const place = v.decision?.options?.findIndex((o) => o.name === r.name && o.target === r.target) ?? -1;
  const option = v.decision?.options?.[place];
  return option && { of: option, pointer: `/decision/options/${place}` };
}

/** A step that was carried out, and where in the view it is. */
export interface Located extends Execution {
  at: string;
}

function located(list: readonly Execution[] | null | undefined, pointer: string): Located[] {
  return (list ?? []).map((x, i) => ({ ...x, at: `${pointer}/${i}` }));
}

/** Each step of the action, and what took it back, as far as is known: live ones before what was reported at the end. */
export function executionsOf(v: View, r: Carried): Located[] {
  const live = located(v.executions, "/executions").filter((x) => x.action_hash === r.action_hash);
  const missing = located(r.executions, "/remediation/executions").filter((x) => !live.some((have) => have.step === x.step && isUndo(have) === isUndo(x)));
  return [...live, ...missing];
}

export function isUndo(x: Execution): boolean {
  return x.undo === true;
}

/** The steps that were done, or may have been, and that nothing is known to have taken back. */
export function leftStanding<T extends Execution>(executions: readonly T[]): T[] {
  const undone = new Set(executions.filter((x) => isUndo(x) && x.state === "succeeded").map((x) => x.step));
  return executions.filter((x) => !isUndo(x) && !undone.has(x.step) && x.refused !== true && x.state !== "failed");
}

/** How the actions before the latest one ended. */
export function earlierRemediations(events: readonly DecodedEvent[], latest: string | undefined): (Remediation & { eventId: string })[] {
  const last = new Map<string, Remediation & { eventId: string }>();
  for (const d of events) if (d.readable && d.event.type === "remediation.changed") last.set(d.event.data.remediation.action_hash, { ...d.event.data.remediation, eventId: d.event.id });
  return [...last.values()].filter((r) => r.action_hash !== latest);
}
