/** What is decided on actions and comes of them, as workflows/event/view_actions.go keeps it. */
import type { Approval, DeliveryView, Execution, ReviewEdited, ReviewWritten, View } from "../protocol/generated";

/** How many notifications a view keeps; the events have all. */
export const shownDeliveries = 100;

/** The version of a review that no person has edited. */
const writtenVersion = 1;

/** Keeps a person's yes. The same person says it once. */
export function approve(v: View, id: string, a: Approval): Partial<View> {
  const { proposal: p } = v;
  if (p === undefined || p.id !== id || a.by === "" || p.approvals?.some((have) => have.by === a.by)) return {};
  return { proposal: { ...p, approvals: [...(p.approvals ?? []), a] } };
}

/** Keeps an execution as it stands now. */
export function execution(v: View, x: Execution): Partial<View> {
  const list = v.executions ?? [];
  const same = (have: Execution) => have.action_hash === x.action_hash && have.step === x.step && (have.undo ?? false) === (x.undo ?? false);
  return { execution: x, executions: list.some(same) ? list.map((have) => (same(have) ? x : have)) : [...list, x] };
}

/** Keeps what became of a notification, in place of what was said of it before. */
export function deliver(v: View, d: DeliveryView): Partial<View> {
  const others = (v.deliveries ?? []).filter((have) => have.key !== d.key || have.channel !== d.channel);
  return { deliveries: [...others, d].slice(-shownDeliveries) };
}

export function written(v: View, d: ReviewWritten): Partial<View> {
  return versionOf(v) < writtenVersion ? { review: d.text || undefined, review_lines: d.lines?.length ? d.lines : undefined, review_version: writtenVersion } : {};
}

/** Takes the newest version of the review, whenever and however often the others come. */
export function edit(v: View, d: ReviewEdited): Partial<View> {
  if (d.version <= versionOf(v)) return {};
  const lines = d.lines ?? [];
  return { review: lines.map((l) => l.text).join("\n") || undefined, review_lines: lines.length > 0 ? lines : undefined, review_version: d.version };
}

/** What carries no number is no part of the story: the workflow that goes on as another run does not know of it. */
export function keepUnnumbered(v: View, before: View | undefined): Partial<View> {
  if (before === undefined) return {};
  const { cause_correct, reviewed_by, review, review_lines, review_version } = before;
  return {
    ...(cause_correct !== undefined && { cause_correct, reviewed_by }),
    ...(versionOf(before) > versionOf(v) && { review, review_lines, review_version }),
  };
}

function versionOf(v: View): number {
  return v.review_version ?? 0;
}
