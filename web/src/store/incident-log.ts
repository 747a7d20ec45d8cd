/**
 * The canonical events of one incident, merged by (run, seq) from wherever they come, and the view
 * that they add up to.
 *
 * INVARIANT (incident-log.test.ts "any order of arrival"): what the log shows depends on which
 * events it was given, not on their order nor on how often. Events wait until the ones before them
 * are there, so that a view is never built over a hole; `gap` says what to fetch.
 *
 * A long incident continues as a new run, which starts with all that the runs before it added up to.
 * The events of those are history: shown where they are there, and never needed for the view.
 */
import type { DecodedEvent } from "../protocol/decoder";
import type { View } from "../protocol/generated";
import { reduce } from "./reduce";
import { keepUnnumbered } from "./reduce-actions";

/** A hole: seq after of the run is there, later ones are, the one between is not. */
export interface Gap {
  runId: string;
  after: number;
}

export class IncidentLog {
  private readonly runs = new Map<string, Run>();
  private current: Run | undefined;
  private readonly lost = new Set<string>();
  private history: { of: string; events: readonly DecodedEvent[] } | undefined;

  /** Reports whether the event was new. */
  add(decoded: DecodedEvent): boolean {
    const runId = decoded.event.run_id;
    let run = this.runs.get(runId);
    if (run === undefined) {
      run = new Run(runId);
      this.runs.set(runId, run);
    }
    const fresh = run.add(decoded);
    if (fresh) {
      this.current = latest(this.runs.values());
      if (run !== this.current) this.history = undefined;
    }
    return fresh;
  }

  /** The view of the latest run; undefined before its first event. */
  get view(): View | undefined {
    return this.current && this.viewOf(this.current);
  }

  /** The events of the latest run, oldest first; the view stands for exactly these. */
  get events(): readonly DecodedEvent[] {
    return this.current?.events() ?? [];
  }

  /** The events of the runs that the latest one goes on from, oldest first, as far as they are there. */
  get earlier(): readonly DecodedEvent[] {
    if (this.current !== undefined && this.history?.of !== this.current.id) {
      this.history = { of: this.current.id, events: this.before(this.current).flatMap((run) => run.events()) };
    }
    return this.history?.events ?? [];
  }

  /** What history is known to exist and is not there. */
  earlierGap(): Gap | undefined {
    for (let run = this.current; run?.from !== undefined; run = this.runs.get(run.from.runId)) {
      const { runId, seq } = run.from;
      const after = this.completeTo(runId);
      if (after < seq && !this.lost.has(runId)) return { runId, after };
    }
    return undefined;
  }

  /** The gateway no longer has the rest of a run: it is not asked for again. */
  giveUp(runId: string): void {
    this.lost.add(runId);
  }

  /** Up to where the run is complete. */
  completeTo(runId: string): number {
    return this.runs.get(runId)?.complete ?? 0;
  }

  /** When the last thing happened that is known of the latest run, whether it could be read or not. */
  get latestAt(): string | undefined {
    return this.current?.events().reduce<string | undefined>((last, { event }) => (last === undefined || Date.parse(event.at) > Date.parse(last) ? event.at : last), undefined);
  }

  get runId(): string | undefined {
    return this.current?.id;
  }

  /** Holes in the latest run, and in any run that began after it as far as is known. */
  gap(): Gap | undefined {
    for (const run of this.runs.values()) {
      if (!run.waits) continue;
      if (this.current === undefined || run === this.current || run.openedAt === undefined) return { runId: run.id, after: run.complete };
    }
    return undefined;
  }

  /** The latest run, and those that it goes on from, as far as they are there. */
  get runIds(): string[] {
    return this.current === undefined ? [] : [...this.before(this.current), this.current].map((run) => run.id);
  }

  /** What a run adds up to, with what people said of the runs before it: the workflow does not know of that. */
  private viewOf(run: Run): View | undefined {
    const earlier = run.from === undefined ? undefined : this.runs.get(run.from.runId);
    return run.view(earlier && this.viewOf(earlier));
  }

  /** The runs that a run goes on from, oldest first. */
  private before(run: Run): Run[] {
    const runs: Run[] = [];
    for (let from = run.from; from !== undefined && runs.length < this.runs.size; ) {
      const earlier = this.runs.get(from.runId);
      if (earlier === undefined) break;
      runs.unshift(earlier);
      from = earlier.from;
    }
    return runs;
  }
}

/** The run that was opened last; runs whose first event is missing do not count yet. */
function latest(runs: Iterable<Run>): Run | undefined {
  let best: Run | undefined;
  for (const run of runs) {
    if (run.openedAt === undefined) continue;
    if (best?.openedAt === undefined || run.openedAt > best.openedAt || (run.openedAt === best.openedAt && run.id > best.id)) best = run;
  }
  return best;
}

class Run {
  readonly id: string;
  /** Seq up to which every event is there. */
  complete = 0;
  /** When it was opened, in ms since 1970. */
  openedAt: number | undefined;
  /** The run that it goes on from, with the number of its last event. */
  from: { runId: string; seq: number } | undefined;
  private numbered: DecodedEvent[] = [];
  /** Made by the gateway at the run's end, or of a person who looks back: without a number. */
  private readonly unnumbered: DecodedEvent[] = [];
  private readonly waiting = new Map<number, DecodedEvent>();
  private base: View | undefined;
  private shown: { before: View | undefined; view: View | undefined; events: readonly DecodedEvent[] } | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** Whether events wait for an earlier one. */
  get waits(): boolean {
    return this.waiting.size > 0;
  }

  add(decoded: DecodedEvent): boolean {
    const { seq, id } = decoded.event;
    if (seq === 0) {
      if (this.unnumbered.some((have) => have.event.id === id)) return false;
      this.unnumbered.push(decoded);
      this.unnumbered.sort((a, b) => Date.parse(a.event.at) - Date.parse(b.event.at));
      this.shown = undefined;
      return true;
    }
    if (seq <= this.complete || this.waiting.has(seq)) return false;
    this.waiting.set(seq, decoded);
    for (let next = this.waiting.get(this.complete + 1); next !== undefined; next = this.waiting.get(this.complete + 1)) {
      this.waiting.delete(next.event.seq);
      this.append(next);
    }
    return true;
  }

  private append(decoded: DecodedEvent): void {
    this.complete = decoded.event.seq;
    this.numbered.push(decoded);
    this.shown = undefined;
    if (decoded.event.seq === 1) this.openedAt = Date.parse(decoded.event.at);
    if (!decoded.readable) return;
    const { event } = decoded;
    if (event.type === "incident.continued") this.from = { runId: event.data.from_run_id, seq: event.data.view.seq };
    this.base = reduce(this.base, event);
  }

  /** before is the view of the run that it goes on from. */
  view(before?: View): View | undefined {
    return this.show(before).view;
  }

  events(): readonly DecodedEvent[] {
    return this.show(this.shown?.before).events;
  }

  private show(before: View | undefined): { view: View | undefined; events: readonly DecodedEvent[] } {
    if (this.shown === undefined || this.shown.before !== before) {
      let view = this.base && (before === undefined ? this.base : { ...this.base, ...keepUnnumbered(this.base, before) });
      for (const d of this.unnumbered) if (d.readable && view !== undefined) view = reduce(view, d.event);
      this.shown = { before, view, events: inTime(this.numbered, this.unnumbered) };
    }
    return this.shown;
  }
}

/** Puts what carries no number where its time belongs. */
function inTime(numbered: readonly DecodedEvent[], unnumbered: readonly DecodedEvent[]): readonly DecodedEvent[] {
  const all = [...numbered];
  for (const d of unnumbered) {
    const at = Date.parse(d.event.at);
    const next = all.findIndex((have) => Date.parse(have.event.at) > at);
    all.splice(next === -1 ? all.length : next, 0, d);
  }
  return all;
}
