/**
 * Whatever happens between a gateway and a tab, in whatever order: once it is quiet, the tab shows
 * every incident as it is, has missed nothing, holds nothing twice and keeps nothing that nobody
 * looks at. VIGIL_INTERLEAVINGS says how many are tried, VIGIL_SEED repeats a run.
 */
import fc from "fast-check";
import { expect, it } from "vitest";

import { FakeClock } from "../../test/fake-clock";
import { FakeSocket } from "../../test/fake-socket";
import { wire } from "../../test/golden";
import { type Happening, type Truth, World, happenings, isInvented } from "../../test/world";
import type { Socket } from "../feed/socket";
import { ApiError, type Rest } from "../feed/rest";
import type { Hello, IncidentEvent, Summary } from "../protocol/generated";
import { summaryOf } from "./reduce";
import { Vigil } from "./vigil";

/** One thing that happens to an incident, on the way, in the gateway or in the tab. */
type Step =
  | { do: "happen"; who: number; what: Happening }
  | { do: "delta"; who: number; index: number }
  /** The socket brings the next frames: the first may be lost, come again, or be overtaken by the next. */
  | { do: "deliver"; frames: number }
  | { do: "lose" }
  | { do: "repeat" }
  | { do: "overtake" }
  /** All events that wait are lost, and the gateway says that it is complete. */
  | { do: "skip" }
  | { do: "position" }
  | { do: "cut"; code: number }
  /** The gateway welcomes the tab: goes on at its cursor or some events before, or has forgotten it. */
  | { do: "accept"; back: number; forgets: boolean }
  | { do: "network"; up: boolean }
  | { do: "remake" }
  | { do: "restore"; back: number }
  /** An answer over HTTP arrives: as it was when it was asked for, as it is now, or not at all. */
  | { do: "answer"; which: number; how: "late" | "now" | "fails" }
  | { do: "wait"; ms: number }
  | { do: "frame" }
  | { do: "watch"; who: number }
  | { do: "unwatch"; which: number }
  /** Somebody who looks does not want to wait for the next attempt. */
  | { do: "retry"; which: number }
  | { do: "older" };

/** One more incident than ever begins, so that somebody looks at one that does not exist. */
const incidents = 5;
const who = fc.nat(incidents - 1);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ do: fc.constant("happen" as const), who, what: fc.constantFrom(...happenings) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delta" as const), who, index: fc.nat(3) }) },
  { weight: 14, arbitrary: fc.record({ do: fc.constant("deliver" as const), frames: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 5, arbitrary: fc.constantFrom<Step>({ do: "lose" }, { do: "repeat" }, { do: "overtake" }) },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: "skip" }, { do: "position" }, { do: "position" }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), code: fc.constantFrom(1006, 4000, 4003) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("accept" as const), back: fc.nat(3), forgets: fc.constantFrom(false, false, true) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("network" as const), up: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "remake" }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restore" as const), back: fc.nat(8) }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.nat(5), how: fc.constantFrom("late" as const, "now" as const, "fails" as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(100, 600, 4_000, 9_000, 31_000) }) },
  { weight: 3, arbitrary: fc.constant<Step>({ do: "frame" }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("watch" as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unwatch" as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("retry" as const), which: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: "older" }) },
);

interface Request {
  asked: () => unknown;
  now: () => unknown;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/** A tab, the way to its gateway, and the world behind it. */
class Stage {
  readonly world: World;
  readonly clock = new FakeClock();
  readonly vigil: Vigil;
  private readonly network = { up: true, changed: () => {} };
  private socket: FakeSocket | undefined;
  private welcomed = false;
  /** What is on its way to the tab, oldest first. */
  private outbox: unknown[] = [];
  private latest: unknown;
  private readonly damaged = new Set<string>();
  private requests: Request[] = [];
  private readonly flushes = new Set<() => void>();
  readonly watched: { id: string; release: () => void }[] = [];

  constructor(pageSize: number) {
    this.world = new World(pageSize);
    const source = {
      events: (id: string, after: number, runId?: string) => this.ask(() => this.world.events(id, after, runId)),
      incidents: (cursor?: string, open?: boolean) => this.ask(() => this.world.page(cursor, open)),
    };
    this.vigil = new Vigil({
      rest: source as unknown as Rest,
      url: "ws://gateway",
      clock: this.clock,
      schedule: (flush) => void this.flushes.add(flush),
      openSocket: () => this.opened(),
      network: {
        online: () => this.network.up,
        subscribe: (changed) => {
          this.network.changed = changed;
          return () => {};
        },
      },
    });
    this.vigil.start();
  }

  private opened(): Socket {
    this.socket = new FakeSocket();
    this.welcomed = false;
    this.outbox = [];
    return this.socket;
  }

  /** Whether the tab has not let go of the socket. */
  private get listens(): boolean {
    return typeof this.socket?.onmessage === "function";
  }

  /** Whether frames get to the tab. */
  private get connected(): boolean {
    return this.listens && this.welcomed;
  }

  private ask<T>(answer: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const kept = attempt(answer);
      this.requests.push({ asked: kept, now: answer, resolve: resolve as (answer: unknown) => void, reject });
    });
  }

  async take(s: Step): Promise<void> {
    switch (s.do) {
      case "happen":
        if (s.who === incidents - 1) break;
        if (s.what === "abort" && this.damaged.has(`inc-${s.who}`)) break; // after it no number would show that one is missing
        this.tell(this.world.happen(s.who, s.what));
        break;
      case "delta":
        this.send(this.world.delta(s.who, s.index));
        break;
      case "deliver":
        for (let i = 0; i < s.frames; i++) this.deliver();
        break;
      case "lose": {
        // Only the numbers of an incident that goes on say that one is missing.
        const next = this.outbox[0] as IncidentEvent | undefined;
        if (next?.seq === undefined || next.seq === 0 || this.world.incidents.get(next.incident_id)?.view?.closed_at !== undefined) break;
        this.damaged.add(next.incident_id);
        this.outbox.shift();
        break;
      }
      case "repeat":
        if (this.connected && this.latest !== undefined) this.outbox.unshift(this.latest);
        break;
      case "overtake": {
        const [first, second, ...rest] = this.outbox as IncidentEvent[];
        if (first?.seq === undefined || second?.seq === undefined) break;
        this.outbox = [second, first, ...rest];
        this.deliver();
        this.deliver(); // the socket is not cut between the two: the cursor stands for both
        break;
      }
      case "skip":
        this.outbox = this.outbox.filter((frame) => (frame as IncidentEvent).seq === undefined);
        this.position();
        break;
      case "position":
        this.position();
        break;
      case "cut":
        if (this.listens) this.socket?.end(s.code);
        break;
      case "accept":
        this.accept(s.back, s.forgets);
        break;
      case "network":
        this.network.up = s.up;
        this.network.changed();
        break;
      case "remake":
        this.world.remake();
        break;
      case "restore":
        this.world.restore(s.back);
        this.damaged.clear();
        break;
      case "answer":
        this.answer(s.which, s.how);
        break;
      case "wait":
        this.clock.advance(s.ms);
        break;
      case "frame":
        this.frame();
        break;
      case "watch":
        this.watched.push({ id: `inc-${s.who}`, release: this.vigil.incidents.watch(`inc-${s.who}`) });
        break;
      case "unwatch":
        this.watched.splice(s.which % Math.max(1, this.watched.length), 1)[0]?.release();
        break;
      case "retry":
        if (this.watched.length > 0) this.vigil.incidents.retry(this.watched[s.which % this.watched.length]?.id ?? "");
        break;
      case "older":
        void this.vigil.incidents.loadOlder();
        break;
    }
    await settle();
  }

  private tell(event: IncidentEvent | undefined): void {
    if (event === undefined) return;
    if (isInvented(event)) this.damaged.add(event.incident_id);
    this.send(event);
  }

  private send(frame: unknown): void {
    if (frame !== undefined && this.connected) this.outbox.push(frame);
  }

  private deliver(): void {
    const frame = this.outbox.shift();
    if (frame === undefined || !this.connected) return;
    if ((frame as IncidentEvent).seq !== undefined) this.latest = frame;
    this.socket?.say(frame);
  }

  private position(): void {
    this.send({ type: "position", epoch: this.world.epoch, offset: this.world.stream.length, rtt_ms: 1 });
  }

  private accept(back: number, forgets: boolean): void {
    if (this.socket === undefined || !this.listens || this.welcomed) return;
    this.socket.accept();
    const { cursor } = this.socket.sent[0] as Hello;
    const resumed = !forgets && cursor !== undefined && cursor.epoch === this.world.epoch && cursor.offset <= this.world.stream.length;
    this.welcomed = true;
    this.latest = undefined;
    this.socket.say({ type: "welcome", protocol: 1, epoch: this.world.epoch, resumed, principal: { name: "dana", role: "approver" }, at: "2026-11-23T14:00:00Z" });
    if (resumed) this.outbox.push(...this.world.stream.slice(Math.max(0, cursor.offset - back)));
    else this.outbox.push(wire(this.world.snapshot()));
  }

  private answer(which: number, how: "late" | "now" | "fails"): void {
    const [request] = this.requests.splice(which % Math.max(1, this.requests.length), 1);
    if (request === undefined) return;
    try {
      if (how === "fails") throw new ApiError(0, "unavailable", "no answer");
      request.resolve(how === "late" ? request.asked() : request.now());
    } catch (error) {
      request.reject(error);
    }
  }

  private frame(): void {
    const due = [...this.flushes];
    this.flushes.clear();
    for (const flush of due) flush();
  }

  /** From here on everything works, and nothing new happens but what shows that something was lost. */
  async calm(): Promise<void> {
    this.network.up = true;
    this.network.changed();
    for (let i = 0; i < 24; i++) {
      if (i === 6) for (const id of this.damaged) this.tell(this.world.happen(Number(id.slice("inc-".length)), "note"));
      this.accept(0, false);
      while (this.outbox.length > 0 && this.connected) this.deliver();
      this.position();
      this.deliver();
      await settle();
      for (let asked = 0; this.requests.length > 0 && asked < 100; asked++) {
        this.answer(0, "now");
        await settle();
      }
      this.clock.advance(5_000);
      await settle();
    }
    this.frame();
  }

  /** Requests that nobody has answered. */
  get asking(): number {
    return this.requests.length;
  }
}

/** What it gives now, whenever it is asked for. */
function attempt<T>(run: () => T): () => T {
  try {
    const value = run();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}

/** Without what depends on whether the last numbered event could be read. */
function comparable(summary: Summary | undefined, truth: Truth | undefined): Partial<Summary> | undefined {
  if (summary === undefined || !isInvented(truth?.events.findLast((e) => e.seq > 0))) return wire(summary);
  const { seq: _s, updated_at: _u, ...rest } = wire(summary);
  return rest;
}

function expectTruth(stage: Stage): void {
  const { incidents: shown, connection, speeches } = stage.vigil.state.getState();
  const truths = stage.world.incidents;
  expect(connection.state).toBe("live");
  expect(connection.malformed).toBe(0);
  for (const [id, { view }] of truths) {
    if (view?.closed_at === undefined) expect(shown.summaries.has(id), `${id} is in the list`).toBe(true);
  }
  for (const [id, summary] of shown.summaries) {
    const truth = truths.get(id);
    expect(comparable(summary, truth), `summary of ${id}`).toEqual(truth?.view && comparable(summaryOf(truth.view), truth));
  }
  for (const { id } of stage.watched) {
    const detail = shown.details.get(id);
    const truth = truths.get(id);
    if (truth?.view === undefined) {
      expect(detail?.load, `load of ${id}`).toBe("not_found");
      continue;
    }
    expect(detail, `load of ${id}`).toMatchObject({ load: "ready", error: undefined });
    expect(comparable(detail?.view, truth), `view of ${id}`).toEqual(comparable(truth.view, truth));
    const has = (events: readonly { event: { id: string } }[] = []) => events.map((d) => d.event.id);
    const run = truth.view.run_id;
    expect(has(detail?.events).toSorted(), `events of ${id}`).toEqual(truth.events.filter((e) => e.run_id === run).map((e) => e.id).toSorted());
  }
  expect([...shown.details.keys()].toSorted()).toEqual([...new Set(stage.watched.map((w) => w.id))].toSorted());
  for (const speech of speeches.values()) {
    const view = truths.get(speech.incidentId);
    expect(view?.view?.closed_at, "nobody speaks of what is over").toBeUndefined();
    expect(speech.turn, "what is said has not been said").toBeGreaterThan(view?.turn ?? 0);
  }
  for (const [id, entry] of stage.vigil.incidents["entries"]) {
    if (entry.watchers === 0) expect(entry.log === undefined, `events of ${id}, at which nobody looks, are let go`).toBe(true);
    if (entry.watchers === 0) expect(shown.summaries.has(id), `${id} is kept for the list`).toBe(true);
  }
  expect(stage.asking).toBe(0);
  expect(stage.clock.pending, "timers besides the one that listens for silence").toBe(1);
}

/** A check fails because of a change, not by chance; `task faults` takes other seeds, and more. */
const seed = Number(process.env.VIGIL_SEED ?? 1);
const numRuns = Number(process.env.VIGIL_INTERLEAVINGS ?? 10_000);

it(
  "however frames, gaps, repetitions, epochs and reconnections interleave: a tab that is left in peace shows what is",
  async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 6 }), fc.array(step, { maxLength: 120, size: "max" }), async (pageSize, steps) => {
        const stage = new Stage(pageSize);
        await stage.take({ do: "accept", back: 0, forgets: false });
        await stage.take({ do: "deliver", frames: 1 });
        for (const s of steps) await stage.take(s);
        await stage.calm();
        expectTruth(stage);
      }),
      { numRuns, seed },
    );
  },
  600_000,
);
