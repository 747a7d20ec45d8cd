/** Which of two summaries of an incident stands for more, wherever they come from. */
import type { Summary } from "../protocol/generated";

/** Whether a lacks something that b stands for. */
export function isOlder(a: Summary, b: Summary): boolean {
  const updated = elapsed(a.updated_at, b.updated_at);
  if (a.run_id !== b.run_id) {
    const opened = elapsed(a.opened_at, b.opened_at);
    return opened > 0 || (opened === 0 && (updated > 0 || lacksUnnumbered(a, b))); // a run that goes on from another was opened when that one was
  }
  return a.seq < b.seq || (a.seq === b.seq && updated > 0) || lacksUnnumbered(a, b);
}

/**
 * What carries no number may have been missed by whoever has later numbers: it shows in what is said.
 * Where two reviews differ nothing says which was the last: each may lack the other.
 */
function lacksUnnumbered(a: Summary, b: Summary): boolean {
  if (a.closed_at === undefined && b.closed_at !== undefined && a.run_id === b.run_id) return true;
  if ((a.review_version ?? 0) < (b.review_version ?? 0)) return true;
  return b.cause_correct !== undefined && (a.cause_correct !== b.cause_correct || a.reviewed_by !== b.reviewed_by);
}

export function elapsed(from: string | undefined, to: string | undefined): number {
  return Date.parse(to ?? "") - Date.parse(from ?? "");
}
