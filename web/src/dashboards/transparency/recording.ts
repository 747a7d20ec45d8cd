/**
 * One incident as it happened: its events in order, and what they added up to after each of them.
 * An incident of the gateway's and a recorded scenario are the same here; only where an event can be
 * looked up differs.
 *
 * INVARIANT (recording.test.ts): the view after the last event is the incident's own, and the view
 * after any other is what the same reducer makes of the events up to it.
 */
import type { OpenScenario } from "../../feed/scenarios";
import { scenarioPath } from "../../feed/scenarios";
import type { DecodedEvent } from "../../protocol/decoder";
import type { View } from "../../protocol/generated";
import { IncidentLog } from "../../store/incident-log";
import { reduce } from "../../store/reduce";
import { eventSource } from "../../ui/source";
import { type Pace, paceOf } from "./pace";

export class Recording {
  readonly events: readonly DecodedEvent[];
  /** When each event happened, in ms; never before the one that precedes it. */
  readonly times: readonly number[];
  readonly pace: Pace;
  private readonly look: (event: DecodedEvent["event"], pointer: string) => string;
  private readonly indices: ReadonlyMap<string, number>;
  /** The view after each event, as far as anybody asked. Views share what did not change. */
  private readonly views: (View | undefined)[];

  private constructor(events: readonly DecodedEvent[], look: Recording["look"], before?: Recording) {
    this.events = events;
    this.look = look;
    this.times = inOrder(events.map((d) => Date.parse(d.event.at)));
    this.pace = paceOf(this.times);
    this.indices = new Map(events.map((d, i) => [d.event.id, i]));
    this.views = before === undefined ? [] : before.views.slice(0, shared(before.events, events));
  }

  /** events are those of all runs, oldest first. before is what was known until now: its work is kept. */
  static ofIncident(events: readonly DecodedEvent[], before?: Recording): Recording {
    return new Recording(events, (event, pointer) => eventSource(event.id, pointer), before);
  }

  static ofScenario(scenario: OpenScenario): Recording {
    const log = new IncidentLog();
    for (const d of scenario.decoded) log.add(d);
    const places = new Map(scenario.decoded.map((d, i) => [d.event.id, i]));
    const path = scenarioPath(scenario.name);
    return new Recording([...log.earlier, ...log.events], (event, pointer) => `${path}#/events/${places.get(event.id) ?? 0}${pointer}`);
  }

  get length(): number {
    return this.events.length;
  }

  get last(): number {
    return Math.max(0, this.events.length - 1);
  }

  /** What is known after the event with this index. */
  viewAfter(index: number): View | undefined {
    for (let i = this.views.length; i <= index && i < this.events.length; i++) {
      const d = this.events[i];
      const before = this.views[i - 1];
      this.views.push(d?.readable === true ? reduce(before, d.event) : before);
    }
    return this.views[Math.min(index, this.last)];
  }

  indexOf(eventId: string): number | undefined {
    return this.indices.get(eventId);
  }

  /** Where a value of an event can be looked up. */
  sourceOf(eventId: string, pointer = ""): string {
    const index = this.indices.get(eventId);
    const d = index === undefined ? undefined : this.events[index];
    return d === undefined ? eventSource(eventId, pointer) : this.look(d.event, pointer);
  }

  /** How an address names an event: by its number, or by its id where the number is of another run or there is none. */
  addressOf(index: number): string {
    const event = this.events[index]?.event;
    if (event === undefined) return "";
    return event.seq !== 0 && event.run_id === this.latestRun ? String(event.seq) : event.id;
  }

  /** The event that an address names; one that is not there yet, or no longer, is the nearest before it. */
  find(address: string): number | undefined {
    const byId = this.indices.get(address);
    if (byId !== undefined) return byId;
    if (!/^\d+$/.test(address)) return undefined;
    const seq = Number(address);
    const run = this.latestRun;
    const index = this.events.findLastIndex((d) => d.event.run_id === run && d.event.seq !== 0 && d.event.seq <= seq);
    return index === -1 ? undefined : index;
  }

  private get latestRun(): string | undefined {
    return this.events.findLast((d) => d.event.seq !== 0)?.event.run_id;
  }
}

/** Records an incident while it goes on: what was worked out before is kept. */
export class Recorder {
  private latest: Recording | undefined;

  record(events: readonly DecodedEvent[]): Recording {
    this.latest = Recording.ofIncident(events, this.latest);
    return this.latest;
  }
}

/** Clocks of several machines wrote the times; the order is the workflow's. */
function inOrder(times: readonly number[]): number[] {
  let latest = Number.NEGATIVE_INFINITY;
  return times.map((t) => (latest = Math.max(latest, t)));
}

/** How many events both begin with. */
function shared(a: readonly DecodedEvent[], b: readonly DecodedEvent[]): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return i;
  return n;
}
