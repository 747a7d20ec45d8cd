/**
 * All incidents that this tab knows, in plain TypeScript: canonical events in, derived state out.
 *
 * The list starts from a snapshot's summaries and goes on by live events. An incident becomes exact
 * down to its events (an IncidentLog) when somebody opens it, when it begins while we watch, or when
 * its summary cannot be derived otherwise: a hole in the numbers, alerts that have to be counted.
 * Then its events are fetched from the gateway and merged with the live ones by (run, seq). They are
 * let go as soon as nobody looks at them and the summary stands for all of them: what a tab holds
 * does not grow with what happens.
 *
 * Nothing here blocks: what is fetched arrives later, what fails is tried again with growing pauses
 * for as long as somebody looks or a hole is open. Changes are published in batches.
 */
import { backoff } from "../feed/backoff";
import { type Clock, systemClock } from "../feed/clock";
import { ApiError, type EventPage, type IncidentPage } from "../feed/rest";
import type { DecodedEvent } from "../protocol/decoder";
import type { Snapshot, Summary, View } from "../protocol/generated";
import { Comparison } from "./comparison";
import { type Entry, type LoadState, derive, isBehind, isShort, missing, openLog, standsFor } from "./incident-entry";
import { IncidentLog } from "./incident-log";
import { alertsOf, summaryOf } from "./reduce";
import type { Schedule } from "./schedule";
import { isOlder } from "./summary-order";

export type { LoadState } from "./incident-entry";

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
  /** A page of the list, newest first; open: only of those that are not over. */
  incidents(cursor?: string, open?: boolean): Promise<IncidentPage>;
}

export interface IncidentStoreOptions {
  source: Source;
  publish: (state: IncidentsState) => void;
  /** Is given events that were fetched because they had not come. */
  late?: (event: DecodedEvent) => void;
  /** Hears of an incident that went on by events which nobody will read. */
  skipped?: (id: string) => void;
  schedule: Schedule;
  clock?: Clock;
}

export class IncidentStore {
  private readonly options: IncidentStoreOptions;
  private readonly clock: Clock;
  private readonly entries = new Map<string, Entry>();
  private details = new Map<string, Detail>();
  private summaries = new Map<string, Summary>();
  private readonly dirty = new Set<string>();
  private known = false;
  private epoch: string | undefined;
  private gaps = 0;
  private unreadable = 0;
  private older: IncidentsState["older"] = { state: "idle" };
  private olderCursor: string | undefined;
  /** Counts snapshots: what was asked for before one may be older than it. */
  private snapshots = 0;
  private doubts = 0;
  private readonly comparison: Comparison;

  constructor(options: IncidentStoreOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.comparison = new Comparison({
      source: options.source,
      clock: this.clock,
      held: () => this.entries.keys(),
      snapshots: () => this.snapshots,
      take: (summaries) => {
        for (const summary of summaries) this.merge(summary, "page");
        this.changed();
      },
    });
  }

  static empty(): IncidentsState {
    return { known: false, summaries: new Map(), details: new Map(), older: { state: "idle" }, gaps: 0, unreadable: 0 };
  }

  /** A snapshot replaces everything; what is ahead of it, having been fetched since, stays. */
  snapshot(snapshot: Snapshot): void {
    if (this.epoch !== undefined && this.epoch !== snapshot.epoch) this.startOver();
    this.epoch = snapshot.epoch;
    this.snapshots++;
    const listed = new Set<string>();
    for (const summary of snapshot.incidents ?? []) {
      listed.add(summary.incident_id);
      this.merge(summary, "snapshot");
    }
    if (this.known) this.doubtWatched(); // by then something may have happened while nobody listened
    for (const [id, entry] of this.entries) {
      if (listed.has(id)) continue;
      if (entry.watchers > 0) this.doubt(id, entry);
      else if (entry.replaceable) this.forget(id);
      else this.verify(); // what came with an older page may have changed since
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
    if (entry.log === undefined && !derive(entry, decoded)) openLog(entry);
    if (entry.log !== undefined) {
      entry.log.add(decoded);
      this.follow(event.incident_id, entry);
    }
    this.changed(event.incident_id);
  }

  /** Shows an incident down to its events until the result is called. */
  watch(id: string): () => void {
    const entry = this.entries.get(id) ?? this.create(id);
    openLog(entry);
    if (entry.watchers++ === 0) this.doubt(id, entry); // a log at which nobody looked has what its summary needed
    this.changed(id);
    let watching = true;
    return () => {
      const watched = this.entries.get(id); // another one, where the stream was made anew
      if (!watching || watched === undefined) return;
      watching = false;
      watched.watchers--;
      this.release(id, watched);
      this.changed(id);
    };
  }

  /** Tries at once what waits for its next attempt. */
  retry(id: string): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    entry.failures = 0;
    if (entry.stopWaiting !== undefined) {
      entry.stopWaiting();
      entry.stopWaiting = undefined;
      entry.busy = false;
    }
    this.fetch(id, entry);
    this.changed(id);
  }

  /** Compares the list with the gateway's, soon, and fetches what is behind it. */
  verify(): void {
    this.doubts++;
    this.doubtWatched();
    this.comparison.doubt();
  }

  private doubtWatched(): void {
    for (const [id, entry] of this.entries) if (entry.watchers > 0) this.doubt(id, entry);
  }

  private doubt(id: string, entry: Entry): void {
    entry.doubt = true;
    this.fetch(id, entry);
  }

  /** Adds the next page of older incidents to the list. */
  async loadOlder(): Promise<void> {
    if (this.older.state === "loading" || this.older.state === "end") return;
    this.older = { state: "loading" };
    this.changed();
    try {
      const page = await this.fresh(() => this.options.source.incidents(this.olderCursor));
      for (const summary of page.incidents) this.merge(summary, "page");
      this.olderCursor = page.nextCursor;
      this.older = { state: page.nextCursor === undefined ? "end" : "idle" };
    } catch (error) {
      this.older = { state: "error", error: message(error) };
    }
    this.changed();
  }

  /** Asks again for as long as a snapshot, or a doubt, overtakes the answer. */
  private async fresh<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const [snapshots, doubts] = [this.snapshots, this.doubts];
      const answer = await ask();
      if (this.snapshots === snapshots && this.doubts === doubts) return answer;
    }
  }

  private create(id: string): Entry {
    const entry: Entry = { load: "loading", busy: false, doubt: false, failures: 0, watchers: 0, replaceable: true };
    this.entries.set(id, entry);
    return entry;
  }

  /** The stream was made anew or restored: what we know may be ahead of it, so it goes. */
  private startOver(): void {
    const watched = [...this.entries].filter(([, { watchers }]) => watchers > 0);
    for (const id of this.entries.keys()) this.forget(id);
    for (const [id, { watchers }] of watched) {
      const entry = this.create(id); // another one: what is being read is for the one before
      entry.watchers = watchers;
      entry.log = new IncidentLog();
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
    const have = entry.summary && { ...entry.summary, seq: entry.seen?.seq ?? entry.summary.seq };
    if (have !== undefined && entry.log === undefined && isOlder(have, summary) && isOlder(summary, have)) openLog(entry); // each has what the other lacks
    if (entry.log !== undefined && (entry.told === undefined || isOlder(entry.told, summary))) entry.told = summary;
    if (have === undefined || isOlder(have, summary) || (from === "snapshot" && entry.log === undefined && isOlder(summary, have))) {
      if (entry.log === undefined) this.options.skipped?.(id);
      entry.summary = summary;
      entry.seen = { runId: summary.run_id, seq: summary.seq };
      entry.alerts = undefined;
    }
    if (isShort(entry)) this.fetch(id, entry);
    else entry.told = undefined;
  }

  /** Settles an entry whose log has changed. */
  private follow(id: string, entry: Entry): void {
    const { log } = entry;
    const view = log?.view;
    if (log !== undefined && view !== undefined && !isBehind(entry, log)) {
      entry.told = undefined;
      entry.summary = summaryOf(view);
      entry.seen = { runId: view.run_id, seq: log.completeTo(view.run_id) };
      if (!entry.busy) {
        entry.load = "ready";
        entry.error = undefined;
      }
    }
    if (isShort(entry)) {
      if (log?.gap() !== undefined && !entry.busy) this.gaps++;
      this.fetch(id, entry);
    }
    this.release(id, entry);
  }

  /** Lets go of the events of an incident at which nobody looks, once its summary stands for them. */
  private release(id: string, entry: Entry): void {
    if (entry.watchers > 0 || entry.busy) return;
    if (entry.summary === undefined) {
      if (entry.load === "not_found") this.forget(id);
      return;
    }
    if (isShort(entry)) return;
    if (entry.log?.view !== undefined) entry.alerts = alertsOf(entry.log.view);
    if (entry.summary.closed_at !== undefined) entry.alerts = undefined;
    entry.log = undefined;
    entry.error = undefined;
  }

  private fetch(id: string, entry: Entry): void {
    if (entry.busy) return; // whoever is at it looks again at its end
    entry.busy = true;
    if (entry.log?.view === undefined) entry.load = "loading";
    void this.fill(id, entry);
  }

  private async fill(id: string, entry: Entry): Promise<void> {
    const log = openLog(entry);
    const whole = entry.doubt;
    entry.doubt = false;
    try {
      const { after, runId } = whole ? { after: 0, runId: undefined } : missing(entry, log);
      await this.read(id, log, after, runId);
      for (let gap = log.earlierGap(); gap !== undefined; gap = log.earlierGap()) {
        this.changed(id); // what is there can be looked at meanwhile
        if ((await this.read(id, log, gap.after, gap.runId)) === 0) log.giveUp(gap.runId);
      }
      if (whole || isBehind(entry, log)) {
        // What carries no number may be missing from any run.
        const { told } = entry;
        for (const run of log.runIds) await this.read(id, log, 0, run);
        if (entry.told === told && standsFor(log, told)) entry.told = undefined;
      }
      if (this.entries.get(id) !== entry) return; // it was let go meanwhile
      this.filled(id, entry);
    } catch (error) {
      if (this.entries.get(id) !== entry) return;
      const doubted = entry.doubt; // since it was asked
      entry.doubt = true; // pages may be missing
      this.failed(id, entry, error, doubted);
    }
    this.changed(id);
  }

  /** Reads a run's events after a number into the log, page by page; how many were new. */
  private async read(id: string, log: IncidentLog, after: number, runId: string | undefined): Promise<number> {
    for (let fresh = 0; ; ) {
      const page = await this.options.source.events(id, after, runId);
      const asked = after;
      for (const decoded of page.events) {
        if (log.add(decoded)) {
          fresh++;
          this.options.late?.(decoded);
        }
        after = Math.max(after, decoded.event.seq);
        runId = decoded.event.run_id; // of the pages to come too, should a new run begin meanwhile
      }
      if (!page.more || after === asked) return fresh;
    }
  }

  private filled(id: string, entry: Entry): void {
    entry.busy = false;
    entry.error = undefined;
    if (entry.log?.view !== undefined) entry.load = "ready";
    if (isShort(entry) && !entry.doubt) {
      this.later(id, entry); // the gateway that answered is behind the one that we listen to
      return;
    }
    entry.failures = 0;
    if (entry.doubt && entry.watchers > 0) this.fetch(id, entry);
    else this.follow(id, entry);
  }

  private failed(id: string, entry: Entry, error: unknown, doubted: boolean): void {
    // Of an incident that has begun since, what was asked before is no longer so.
    if (error instanceof ApiError && error.status === 404 && entry.summary === undefined && entry.log?.gap() === undefined) {
      entry.busy = false;
      if (doubted) {
        this.fetch(id, entry);
        return;
      }
      entry.load = "not_found";
      entry.error = error.message;
      this.release(id, entry);
      return;
    }
    entry.load = entry.log?.view === undefined ? "error" : "ready";
    entry.error = message(error);
    this.later(id, entry);
  }

  private later(id: string, entry: Entry): void {
    entry.busy = true;
    entry.stopWaiting = this.clock.after(backoff(entry.failures++, this.clock.random()), () => {
      entry.stopWaiting = undefined;
      if (this.entries.get(id) !== entry) return;
      if (!isShort(entry) && !entry.doubt) {
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
    this.options.schedule(this.flush);
  }

  /** Publishes what changed; what did not stays the same object. */
  private readonly flush = (): void => {
    let summaries: Map<string, Summary> | undefined;
    let details: Map<string, Detail> | undefined;
    for (const id of this.dirty) {
      const entry = this.entries.get(id);
      if (entry?.summary !== this.summaries.get(id)) {
        summaries ??= new Map(this.summaries);
        if (entry?.summary === undefined) summaries.delete(id);
        else summaries.set(id, entry.summary);
      }
      const watched = entry !== undefined && entry.watchers > 0;
      if (!watched && !this.details.has(id)) continue;
      details ??= new Map(this.details);
      if (!watched) details.delete(id);
      else details.set(id, { load: entry.load, error: entry.error, view: entry.log?.view, events: entry.log?.events ?? [], earlier: entry.log?.earlier ?? [] });
    }
    this.dirty.clear();
    this.summaries = summaries ?? this.summaries;
    this.details = details ?? this.details;
    this.options.publish({
      known: this.known,
      summaries: this.summaries,
      details: this.details,
      older: this.older,
      gaps: this.gaps,
      unreadable: this.unreadable,
    });
  };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
