/**
 * All incidents that this tab knows, in plain TypeScript: canonical events in, derived state out.
 *
 * The list starts from a snapshot's summaries and goes on by live events. An incident becomes exact
 * down to its events (an IncidentLog) when somebody opens it, when it begins while we watch, or when
 * its summary cannot be derived otherwise: a hole in the numbers, alerts that have to be counted.
 * Then its events are fetched from the gateway and merged with the live ones by (run, seq).
 *
 * Nothing here blocks: what is fetched arrives later, what fails is tried again with growing pauses
 * for as long as somebody looks or a hole is open. Changes are published in batches.
 */
import { backoff } from "../feed/backoff";
import { type Clock, systemClock } from "../feed/clock";
import { ApiError, type EventPage, type IncidentPage } from "../feed/rest";
import type { DecodedEvent } from "../protocol/decoder";
import type { Snapshot, Summary, View } from "../protocol/generated";
import { IncidentLog } from "./incident-log";
import { reduceSummary, summaryOf } from "./reduce";
import type { Schedule } from "./schedule";

export type LoadState = "loading" | "ready" | "not_found" | "error";

/** One incident that is open on screen. */
export interface Detail {
  load: LoadState;
  /** Why it could not be read; it is being tried again unless load is not_found. */
  error?: string;
  view?: View;
  events: readonly DecodedEvent[];
  /** Those of the runs that this run goes on from. */
  earlier: readonly DecodedEvent[];
}

export interface IncidentsState {
  /** False until the first snapshot: nothing is known yet, which is not the same as nothing. */
  known: boolean;
  summaries: ReadonlyMap<string, Summary>;
  details: ReadonlyMap<string, Detail>;
  /** Older incidents: undefined before the first page was asked for, null when there are no more. */
  older: { state: "idle" | "loading" | "error" | "end"; error?: string };
  /** Holes that were found in the numbers since the page was loaded; each was filled or is being filled. */
  gaps: number;
  /** Events whose data this page cannot read. */
  unreadable: number;
}

export interface Source {
  events(id: string, after: number, runId?: string): Promise<EventPage>;
  incidents(cursor?: string): Promise<IncidentPage>;
}

export interface IncidentStoreOptions {
  source: Source;
  publish: (state: IncidentsState) => void;
  schedule: Schedule;
  clock?: Clock;
}

interface Entry {
  summary?: Summary;
  /** Last numbered event that the summary stands for, whether it could be read or not. */
  seen?: { runId: string; seq: number };
  log?: IncidentLog;
  load: LoadState;
  error?: string;
  /** A fetch is under way or waits for its next attempt. */
  busy: boolean;
  failures: number;
  /** How many views show it. */
  watchers: number;
  /** Goes when a snapshot comes without it. Incidents from older pages stay. */
  replaceable: boolean;
}

/** How often the list is compared with the gateway at most. */
const verifyEveryMs = 30_000;

export class IncidentStore {
  private readonly options: IncidentStoreOptions;
  private readonly clock: Clock;
  private readonly entries = new Map<string, Entry>();
  private readonly details = new Map<string, Detail>();
  private readonly summaries = new Map<string, Summary>();
  private readonly dirty = new Set<string>();
  private known = false;
  private epoch: string | undefined;
  private gaps = 0;
  private unreadable = 0;
  private older: IncidentsState["older"] = { state: "idle" };
  private olderCursor: string | undefined;
  private verifiedAt = Number.NEGATIVE_INFINITY;

  constructor(options: IncidentStoreOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
  }

  static empty(): IncidentsState {
    return { known: false, summaries: new Map(), details: new Map(), older: { state: "idle" }, gaps: 0, unreadable: 0 };
  }

  /** A snapshot replaces everything; what is ahead of it, having been fetched since, stays. */
  snapshot(snapshot: Snapshot): void {
    if (this.epoch !== undefined && this.epoch !== snapshot.epoch) this.startOver();
    this.epoch = snapshot.epoch;
    const listed = new Set<string>();
    for (const summary of snapshot.incidents ?? []) {
      listed.add(summary.incident_id);
      this.merge(summary, "snapshot");
    }
    for (const [id, entry] of this.entries) {
      if (listed.has(id)) continue;
      if (entry.watchers > 0) this.fetch(id, entry);
      else if (entry.replaceable) this.forget(id);
    }
    this.known = true;
    this.changed();
  }

  event(decoded: DecodedEvent): void {
    const { event } = decoded;
    if (!decoded.readable) this.unreadable++;
    let entry = this.entries.get(event.incident_id);
    if (entry === undefined) {
      entry = this.create(event.incident_id);
      entry.log = new IncidentLog();
    }
    if (entry.log === undefined && !this.derive(entry, decoded)) entry.log = new IncidentLog();
    if (entry.log !== undefined) {
      entry.log.add(decoded);
      this.follow(event.incident_id, entry);
    }
    this.changed(event.incident_id);
  }

  /** Shows an incident down to its events until the result is called. */
  watch(id: string): () => void {
    const entry = this.entries.get(id) ?? this.create(id);
    entry.watchers++;
    if (entry.log === undefined || entry.log.view === undefined || entry.log.earlierGap() !== undefined) {
      entry.log ??= new IncidentLog();
      this.fetch(id, entry);
    }
    this.changed(id);
    let watching = true;
    return () => {
      if (!watching) return;
      watching = false;
      entry.watchers--;
      this.release(id, entry);
      this.changed(id);
    };
  }

  /** Tries at once what waits for its next attempt. */
  retry(id: string): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    entry.failures = 0;
    entry.busy = false;
    this.fetch(id, entry);
    this.changed(id);
  }

  /** Compares the list with the gateway's and fetches what is behind it. */
  async verify(): Promise<void> {
    const now = this.clock.now();
    if (now - this.verifiedAt < verifyEveryMs) return;
    this.verifiedAt = now;
    try {
      const page = await this.options.source.incidents();
      for (const summary of page.incidents) this.merge(summary, "page");
      this.changed();
    } catch {
      this.verifiedAt = Number.NEGATIVE_INFINITY; // the next position asks again
    }
  }

  /** Adds the next page of older incidents to the list. */
  async loadOlder(): Promise<void> {
    if (this.older.state === "loading" || this.older.state === "end") return;
    this.older = { state: "loading" };
    this.changed();
    try {
      const page = await this.options.source.incidents(this.olderCursor);
      for (const summary of page.incidents) this.merge(summary, "page");
      this.olderCursor = page.nextCursor;
      this.older = { state: page.nextCursor === undefined ? "end" : "idle" };
    } catch (error) {
      this.older = { state: "error", error: message(error) };
    }
    this.changed();
  }

  private create(id: string): Entry {
    const entry: Entry = { load: "loading", busy: false, failures: 0, watchers: 0, replaceable: true };
    this.entries.set(id, entry);
    return entry;
  }

  /** The stream was made anew or restored: what we know may be ahead of it, so it goes. */
  private startOver(): void {
    for (const [id, entry] of this.entries) {
      if (entry.watchers === 0) this.forget(id);
      else {
        entry.log = new IncidentLog();
        entry.summary = entry.seen = undefined;
        entry.load = "loading";
      }
    }
    this.older = { state: "idle" };
    this.olderCursor = undefined;
  }

  private forget(id: string): void {
    this.entries.delete(id);
    this.dirty.add(id);
  }

  /** Takes a summary that the gateway made, unless we are further. */
  private merge(summary: Summary, from: "snapshot" | "page"): void {
    const id = summary.incident_id;
    let entry = this.entries.get(id);
    if (entry === undefined) {
      entry = this.create(id);
      entry.replaceable = from === "snapshot";
    }
    this.dirty.add(id);
    const older = entry.seen === undefined || entry.summary === undefined || isOlder({ ...entry.summary, seq: entry.seen.seq }, summary);
    if (older || (from === "snapshot" && entry.log === undefined)) {
      entry.summary = summary;
      entry.seen = { runId: summary.run_id, seq: summary.seq };
    }
    if (isShort(entry)) this.fetch(id, entry);
  }

  /** Brings a summary without events up to an event. False where that takes the events. */
  private derive(entry: Entry, decoded: DecodedEvent): boolean {
    const { event } = decoded;
    const { summary, seen } = entry;
    if (summary === undefined || seen === undefined || event.run_id !== seen.runId) return false;
    if (event.seq !== 0 && event.seq <= seen.seq) return true;
    if (event.seq > seen.seq + 1) return false;
    if (decoded.readable) {
      const after = reduceSummary(summary, decoded.event);
      if (after === undefined) return false;
      entry.summary = after;
    }
    if (event.seq !== 0) entry.seen = { runId: seen.runId, seq: event.seq };
    return true;
  }

  /** Settles an entry whose log has changed. */
  private follow(id: string, entry: Entry): void {
    const { log } = entry;
    const view = log?.view;
    if (log !== undefined && view !== undefined && !isBehind(entry, log)) {
      entry.summary = summaryOf(view);
      entry.seen = { runId: view.run_id, seq: log.completeTo(view.run_id) };
      if (!entry.busy) entry.load = "ready";
    }
    if (isShort(entry)) {
      if (log?.gap() !== undefined && !entry.busy) this.gaps++;
      this.fetch(id, entry);
    }
    this.release(id, entry);
  }

  /** Lets go of the events of an incident that is over and that nobody looks at. */
  private release(id: string, entry: Entry): void {
    if (entry.watchers > 0 || entry.busy) return;
    if (entry.summary === undefined) {
      if (entry.load === "not_found") this.forget(id);
    } else if (entry.summary.closed_at !== undefined) {
      entry.log = undefined;
      entry.error = undefined;
    }
  }

  private fetch(id: string, entry: Entry): void {
    if (entry.busy) return; // whoever is at it looks again at its end
    entry.busy = true;
    if (entry.log?.view === undefined) entry.load = "loading";
    void this.fill(id, entry);
  }

  private async fill(id: string, entry: Entry): Promise<void> {
    const log = (entry.log ??= new IncidentLog());
    try {
      let { after, runId } = missing(entry, log);
      for (;;) {
        const page = await this.options.source.events(id, after, runId);
        const asked = after;
        for (const decoded of page.events) {
          log.add(decoded);
          after = Math.max(after, decoded.event.seq);
          runId = decoded.event.run_id; // of the pages to come too, should a new run begin meanwhile
        }
        if (!page.more || after === asked) break;
      }
      if (entry.watchers > 0) await this.fillEarlier(id, log);
      this.filled(id, entry);
    } catch (error) {
      this.failed(id, entry, error);
    }
    this.changed(id);
  }

  /** Reads the runs that the latest one goes on from, for the timeline. */
  private async fillEarlier(id: string, log: IncidentLog): Promise<void> {
    for (let gap = log.earlierGap(); gap !== undefined; gap = log.earlierGap()) {
      this.changed(id); // what is there can be looked at meanwhile
      const page = await this.options.source.events(id, gap.after, gap.runId);
      const fresh = page.events.filter((decoded) => log.add(decoded));
      if (fresh.length === 0) log.giveUp(gap.runId);
    }
  }

  private filled(id: string, entry: Entry): void {
    entry.busy = false;
    entry.error = undefined;
    if (entry.log?.view !== undefined) entry.load = "ready";
    if (isShort(entry)) {
      this.later(id, entry); // the gateway that answered is behind the one that we listen to
      return;
    }
    entry.failures = 0;
    this.follow(id, entry);
  }

  private failed(id: string, entry: Entry, error: unknown): void {
    if (error instanceof ApiError && error.status === 404 && entry.summary === undefined) {
      entry.busy = false;
      entry.load = "not_found";
      entry.error = error.message;
      return;
    }
    entry.load = entry.log?.view === undefined ? "error" : "ready";
    entry.error = message(error);
    this.later(id, entry);
  }

  private later(id: string, entry: Entry): void {
    entry.busy = true;
    this.clock.after(backoff(entry.failures++, this.clock.random()), () => {
      if (!entry.busy || this.entries.get(id) !== entry) return;
      if (!isShort(entry)) {
        this.filled(id, entry); // live events have filled it
        this.changed(id);
        return;
      }
      entry.busy = false;
      this.fetch(id, entry);
    });
  }

  private changed(id?: string): void {
    if (id !== undefined) this.dirty.add(id);
    this.options.schedule(() => this.flush());
  }

  private flush(): void {
    for (const id of this.dirty) {
      const entry = this.entries.get(id);
      if (entry?.summary === undefined) this.summaries.delete(id);
      else this.summaries.set(id, entry.summary);
      if (entry === undefined || entry.watchers === 0) this.details.delete(id);
      else this.details.set(id, { load: entry.load, error: entry.error, view: entry.log?.view, events: entry.log?.events ?? [], earlier: entry.log?.earlier ?? [] });
    }
    this.dirty.clear();
    this.options.publish({
      known: this.known,
      summaries: new Map(this.summaries),
      details: new Map(this.details),
      older: this.older,
      gaps: this.gaps,
      unreadable: this.unreadable,
    });
  }
}

/** What has to be read so that the log gets where it should be. */
function missing(entry: Entry, log: IncidentLog): { after: number; runId?: string } {
  const gap = log.gap();
  if (gap !== undefined && log.view !== undefined) return gap;
  const sameRun = log.runId !== undefined && (entry.summary === undefined || entry.summary.run_id === log.runId);
  // What carries no number may lie anywhere between the numbered ones.
  if (sameRun && entry.summary !== undefined && log.completeTo(entry.summary.run_id) >= entry.summary.seq) return { after: 0, runId: log.runId };
  return sameRun && log.runId !== undefined ? { after: log.completeTo(log.runId), runId: log.runId } : { after: 0 };
}

/** Whether the log lacks events that are known to exist. */
function isShort({ log, ...entry }: Entry): boolean {
  return log !== undefined && (log.view === undefined || log.gap() !== undefined || isBehind(entry, log));
}

/** Whether the log stands for less than the summary does. */
function isBehind({ summary }: Pick<Entry, "summary">, log: IncidentLog): boolean {
  if (summary === undefined) return false;
  const { view } = log;
  return view === undefined || isOlder({ ...view, seq: log.completeTo(view.run_id), updated_at: log.latestAt }, summary);
}

/** Whether a stands for less than b does. */
function isOlder(a: Summary, b: Summary): boolean {
  const updated = elapsed(a.updated_at, b.updated_at);
  if (a.run_id !== b.run_id) {
    const opened = elapsed(a.opened_at, b.opened_at);
    return opened > 0 || (opened === 0 && updated > 0); // a run that goes on from another was opened when that one was
  }
  if (a.seq !== b.seq) return a.seq < b.seq;
  // What carries no number shows in the time, or, where later events came after it, in what it says.
  const reviewed = a.cause_correct === b.cause_correct && a.reviewed_by === b.reviewed_by && (a.review_version ?? 0) >= (b.review_version ?? 0);
  return updated > 0 || (updated === 0 && !reviewed);
}

function elapsed(from: string | undefined, to: string | undefined): number {
  return Date.parse(to ?? "") - Date.parse(from ?? "");
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
