/** What a tab holds of one incident: a summary, and while somebody looks or something is missing, the log. */
import type { DecodedEvent } from "../protocol/decoder";
import type { IncidentEvent, Summary, View } from "../protocol/generated";
import { IncidentLog } from "./incident-log";
import { type Alerts, reduceSummary } from "./reduce";
import { elapsed, isOlder } from "./summary-order";

export type LoadState = "loading" | "ready" | "not_found" | "error";

export interface Entry {
  summary?: Summary;
  /** Last numbered event that the summary stands for, whether it could be read or not. */
  seen?: { runId: string; seq: number };
  /** The alerts that the summary counts, where they are known without the events. */
  alerts?: Alerts;
  log?: IncidentLog;
  /** What is known to exist that the log has yet to stand for. */
  told?: Summary;
  load: LoadState;
  error?: string;
  /** A fetch is under way or waits for its next attempt. */
  busy: boolean;
  /** Is there while it waits: for one attempt at a time. */
  stopWaiting?: (() => void) | undefined;
  /** Something may have been missed that no number and no summary shows: the log is to be read as a whole. */
  doubt: boolean;
  failures: number;
  /** How many views show it. */
  watchers: number;
  /** Goes when a snapshot comes without it. Incidents from older pages stay. */
  replaceable: boolean;
}

/** Brings a summary without events up to an event. False where that takes the events. */
export function derive(entry: Entry, decoded: DecodedEvent): boolean {
  const { event } = decoded;
  const { summary, seen } = entry;
  if (summary === undefined || seen === undefined) return false;
  if (decoded.readable && decoded.event.type === "incident.continued" && decoded.event.data.from_run_id === seen.runId) {
    return take(entry, decoded.event); // it says all that the summary counts
  }
  if (event.run_id !== seen.runId) return false;
  if (event.seq !== 0 && event.seq <= seen.seq) return true;
  if (event.seq > seen.seq + 1) return false;
  // It happened before what the summary stands for: something without a number came first.
  if (event.seq !== 0 && elapsed(summary.updated_at, event.at) < 0) return false;
  // What carries no number may be a repetition, and others may have come since.
  if (event.seq === 0 && elapsed(summary.updated_at, event.at) <= 0) return false;
  if (decoded.readable) return take(entry, decoded.event);
  if (event.seq !== 0) entry.seen = { runId: seen.runId, seq: event.seq };
  return true;
}

/** Brings a summary up to an event that follows what it stands for. False where that takes the events. */
function take(entry: Entry, event: IncidentEvent): boolean {
  if (entry.summary === undefined) return false;
  const after = reduceSummary(entry.summary, entry.alerts, event);
  if (after === undefined) return false;
  entry.summary = after.summary;
  entry.alerts = after.alerts;
  if (event.seq !== 0) entry.seen = { runId: event.run_id, seq: event.seq };
  return true;
}

/** The entry's log, where it has none a new one, which has to come to what the summary stands for. */
export function openLog(entry: Entry): IncidentLog {
  if (entry.log === undefined) {
    entry.log = new IncidentLog();
    entry.told = entry.summary;
  }
  return entry.log;
}

/** What has to be read so that the log gets where it should be. */
export function missing({ told }: Entry, log: IncidentLog): { after: number; runId?: string } {
  const gap = log.gap();
  if (gap !== undefined && log.view !== undefined) return gap;
  const { runId } = log;
  if (runId === undefined || (told !== undefined && told.run_id !== runId)) return { after: 0 };
  return { after: log.completeTo(runId), runId };
}

/** Whether the log lacks events that are known to exist. */
export function isShort({ log, told }: Entry): boolean {
  return log !== undefined && (log.view === undefined || log.gap() !== undefined || log.earlierGap() !== undefined || isBehind({ told }, log));
}

/** Whether the log stands for less than it was told of. */
export function isBehind({ told }: Pick<Entry, "told">, log: IncidentLog): boolean {
  return told !== undefined && (log.view === undefined || isOlder(standing(log, log.view), told));
}

/** Whether a log that was read as a whole stands for what it was told of: where both know of a review, the log knows the last. */
export function standsFor(log: IncidentLog, told: Summary | undefined): boolean {
  const { view } = log;
  if (view === undefined || told === undefined) return false;
  const { cause_correct, reviewed_by } = view.cause_correct === undefined ? view : told;
  return !isOlder({ ...standing(log, view), cause_correct, reviewed_by }, told);
}

/** What a log stands for, with what of it cannot be read. */
function standing(log: IncidentLog, view: View): Summary {
  return { ...view, seq: log.completeTo(view.run_id), updated_at: log.latestAt ?? view.updated_at };
}
