import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { FakeClock } from "../../test/fake-clock";
import { story, storyNames, wire } from "../../test/golden";
import { ApiError, type EventPage, type IncidentPage } from "../feed/rest";
import { decodeEvent } from "../protocol/decoder";
import type { IncidentEvent, Snapshot, Summary, View } from "../protocol/generated";
import { IncidentStore, type IncidentsState } from "./incidents";
import { reduce, summaryOf } from "./reduce";

const all = storyNames.map((name) => story(name));
const deployment = story("story");
const aborted = story("story-aborted");
const inconclusive = story("story-inconclusive");

/** A gateway that has read so many events of each story. */
class FakeGateway {
  readonly requests: string[] = [];
  readonly has = new Map<string, number>();
  failing: Error | undefined;
  pageSize = 7;

  constructor(have: (events: IncidentEvent[]) => number = (events) => events.length) {
    for (const s of all) this.has.set(s.view.incident_id, have(s.events));
  }

  events = async (id: string, after: number, runId?: string): Promise<EventPage> => {
    this.requests.push(`${id} ${after} ${runId ?? "latest"}`);
    await Promise.resolve();
    if (this.failing !== undefined) throw this.failing;
    const known = this.applied(id);
    if (known.length === 0) throw new ApiError(404, "not_found", "Not found", `there is no incident ${id}`);
    const run = runId ?? (known.at(-1) as IncidentEvent).run_id;
    const ofRun = known.filter((e) => e.run_id === run);
    const from = ofRun.findLastIndex((e) => e.seq > 0 && e.seq <= after) + 1;
    const page = ofRun.slice(from, from + this.pageSize);
    return { events: page.map(decodeEvent), more: from + page.length < ofRun.length };
  };

  incidents = async (): Promise<IncidentPage> => ({ incidents: this.summaries() });

  applied(id: string): IncidentEvent[] {
    return all.find((s) => s.view.incident_id === id)?.events.slice(0, this.has.get(id)) ?? [];
  }

  summaries(): Summary[] {
    return [...this.has.keys()].flatMap((id) => {
      const view = this.applied(id).reduce<View | undefined>(reduce, undefined);
      return view === undefined ? [] : [summaryOf(view)];
    });
  }

  snapshot(epoch = "e"): Snapshot {
    return { type: "snapshot", epoch, offset: 1, incidents: this.summaries() };
  }
}

function setUp(gateway = new FakeGateway()) {
  const clock = new FakeClock();
  let state: IncidentsState = IncidentStore.empty();
  let published = 0;
  const skipped: string[] = [];
  let flush: (() => void) | undefined;
  const store = new IncidentStore({
    source: gateway,
    clock,
    skipped: (id) => skipped.push(id),
    schedule: (f) => {
      flush = f;
    },
    publish: (s) => {
      state = s;
      published++;
    },
  });
  const settle = async () => {
    for (let i = 0; i < 60; i++) await Promise.resolve();
    flush?.();
    flush = undefined;
  };
  return {
    gateway,
    store,
    clock,
    settle,
    skipped,
    get state() {
      return state;
    },
    get published() {
      return published;
    },
    detail: (id: string) => state.details.get(id),
    async settleAll() {
      for (let i = 0; i < 12; i++) {
        await settle();
        clock.advance(20_000);
      }
      await settle();
    },
  };
}

describe("the list", () => {
  it("is unknown before the first snapshot, and empty after an empty one", async () => {
    const t = setUp(new FakeGateway(() => 0));
    expect(t.state.known).toBe(false);
    t.store.snapshot(t.gateway.snapshot());
    await t.settle();
    expect(t.state).toMatchObject({ known: true });
    expect(t.state.summaries.size).toBe(0);
  });

  it("goes on from a snapshot by live events, without fetching", async () => {
    const { events, view } = inconclusive;
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot(t.gateway.snapshot());
    for (const event of events.slice(5)) t.store.event(decodeEvent(event));
    await t.settle();
    expect(wire(t.state.summaries.get(view.incident_id))).toEqual(wire(summaryOf(view)));
    expect(t.gateway.requests).toEqual([]);
  });

  it("fetches the events where alerts have to be counted", async () => {
    const { events, view } = deployment;
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot(t.gateway.snapshot());
    t.gateway.has.set(view.incident_id, events.length);
    for (const event of events.slice(5)) t.store.event(decodeEvent(event));
    await t.settleAll();
    expect(t.gateway.requests.length).toBeGreaterThan(0);
    expect(wire(t.state.summaries.get(view.incident_id))).toEqual(wire(summaryOf(view)));
  });

  it("shows an incident that begins while we watch, from its first event", async () => {
    const { events, view } = inconclusive;
    const t = setUp(new FakeGateway(() => 0));
    t.store.snapshot(t.gateway.snapshot());
    t.store.event(decodeEvent(events[0]));
    await t.settle();
    expect(t.state.summaries.get(view.incident_id)).toMatchObject({ title: view.title, status: "detected", seq: 1 });
    expect(t.gateway.requests).toEqual([]);
  });

  it("shows a termination, which has no number", async () => {
    const { events, view } = aborted;
    const t = setUp(new FakeGateway((e) => Math.min(e.length, 6)));
    t.store.snapshot(t.gateway.snapshot());
    t.store.event(decodeEvent(events.at(-1)));
    await t.settle();
    expect(t.state.summaries.get(view.incident_id)).toMatchObject({ status: "aborted", outcome: "aborted" });
  });

  it("a snapshot takes away what it does not have", async () => {
    const t = setUp();
    t.store.snapshot(t.gateway.snapshot());
    await t.settle();
    expect(t.state.summaries.size).toBe(all.length);
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    await t.settle();
    expect(t.state.summaries.size).toBe(0);
  });

  it("older pages stay over a snapshot; a stream made anew takes everything", async () => {
    const t = setUp();
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    await t.store.loadOlder();
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    await t.settle();
    expect(t.state.summaries.size).toBe(all.length);
    expect(t.state.older.state).toBe("end");
    t.store.snapshot({ ...t.gateway.snapshot("other"), incidents: [] });
    await t.settle();
    expect(t.state.summaries.size).toBe(0);
  });

  it("a comparison finds what was silently lost, and is not made all the time", async () => {
    const { events, view } = inconclusive;
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot(t.gateway.snapshot());
    t.gateway.has.set(view.incident_id, events.length);
    let compared = 0;
    t.gateway.incidents = async () => {
      compared++;
      return { incidents: t.gateway.summaries() };
    };
    t.store.verify();
    await t.settle();
    expect(t.state.summaries.get(view.incident_id)?.seq).toBe(view.seq);
    t.store.verify();
    t.store.verify();
    await t.settle();
    expect(compared).toBe(1);
    t.clock.advance(30_000);
    expect(compared).toBe(2);
  });

  it("a burst of events is published once", async () => {
    const t = setUp();
    t.store.snapshot(t.gateway.snapshot());
    for (const event of deployment.events) t.store.event(decodeEvent(event));
    await t.settle();
    expect(t.published).toBe(1);
  });
});

describe("an open incident", () => {
  const id = deployment.view.incident_id;

  it("is fetched in pages and is whole", async () => {
    const t = setUp();
    t.store.snapshot(t.gateway.snapshot());
    t.store.watch(id);
    await t.settle();
    await t.settleAll();
    expect(t.detail(id)?.load).toBe("ready");
    expect(wire(t.detail(id)?.view)).toEqual(deployment.view);
    expect(t.detail(id)?.events).toHaveLength(deployment.events.length);
    expect(t.gateway.requests[0]).toBe(`${id} 0 latest`);
    expect(t.gateway.requests[1]).toBe(`${id} 7 ${deployment.view.run_id}`);
  });

  it("can be opened by a link before any snapshot, also when it is in none", async () => {
    const t = setUp();
    t.store.watch(id);
    await t.settleAll();
    expect(t.detail(id)?.load).toBe("ready");
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    await t.settleAll();
    expect(wire(t.detail(id)?.view)).toEqual(deployment.view);
  });

  it("that does not exist is said not to", async () => {
    const t = setUp();
    t.store.watch("inc-none");
    await t.settleAll();
    expect(t.detail("inc-none")).toMatchObject({ load: "not_found", error: "there is no incident inc-none" });
    expect(t.gateway.requests).toHaveLength(1);
  });

  it("is tried again until it can be read, and the reason is shown meanwhile", async () => {
    const t = setUp();
    t.gateway.failing = new ApiError(503, "unavailable", "Unavailable", "the store cannot be read");
    t.store.watch(id);
    await t.settle();
    expect(t.detail(id)).toMatchObject({ load: "error", error: "the store cannot be read" });
    t.gateway.failing = undefined;
    await t.settleAll();
    expect(t.detail(id)).toMatchObject({ load: "ready", error: undefined });
  });

  it("that somebody does not want to wait for is tried at once, and by one attempt at a time", async () => {
    const t = setUp();
    t.gateway.failing = new ApiError(0, "unavailable", "no answer");
    t.store.watch(id);
    await t.settle();
    expect(t.gateway.requests).toHaveLength(1);
    t.store.retry(id);
    t.store.retry(id); // the one before is under way
    await t.settle();
    expect(t.gateway.requests).toHaveLength(2);
    expect(t.clock.pending).toBe(1);
    t.gateway.failing = undefined;
    t.store.retry(id);
    await t.settle();
    expect(t.detail(id)).toMatchObject({ load: "ready", error: undefined });
    expect(t.clock.pending).toBe(0);
  });

  it("fills a hole in the live events", async () => {
    const t = setUp(new FakeGateway(() => 10));
    t.store.snapshot(t.gateway.snapshot());
    t.store.watch(id);
    await t.settleAll();
    t.gateway.has.set(id, deployment.events.length);
    t.store.event(decodeEvent(deployment.events[14]));
    await t.settleAll();
    expect(t.state.gaps).toBe(1);
    expect(t.detail(id)?.view?.seq).toBe(deployment.view.seq);
  });

  it("asks again where the gateway that answers is behind the one that sends", async () => {
    const t = setUp(new FakeGateway(() => 10));
    t.store.watch(id);
    t.store.event(decodeEvent(deployment.events[14]));
    await t.settle();
    expect(t.detail(id)?.view?.seq).toBe(10);
    t.gateway.has.set(id, 15);
    await t.settleAll();
    expect(t.detail(id)?.view?.seq).toBe(15);
    expect(t.clock.pending).toBe(0);
  });

  it("is let go when it is over and nobody looks", async () => {
    const t = setUp();
    const release = t.store.watch(id);
    await t.settleAll();
    release();
    release();
    await t.settle();
    expect(t.detail(id)).toBeUndefined();
    expect(t.state.summaries.get(id)?.status).toBe("resolved");
    t.gateway.requests.length = 0;
    t.store.watch(id);
    await t.settleAll();
    expect(t.gateway.requests.length).toBeGreaterThan(0);
    expect(wire(t.detail(id)?.view)).toEqual(deployment.view);
  });

  it("an event that cannot be read is shown as one, and nothing is fetched for ever", async () => {
    const t = setUp(new FakeGateway((e) => Math.min(10, e.length)));
    t.store.snapshot(t.gateway.snapshot());
    t.store.watch(id);
    await t.settleAll();
    t.store.event(decodeEvent({ ...deployment.events[10], type: "agent.invented" }));
    t.store.event(decodeEvent(deployment.events[11]));
    await t.settleAll();
    expect(t.state.unreadable).toBe(1);
    expect(t.detail(id)?.view?.seq).toBe(12);
    expect(t.detail(id)?.events[10]?.readable).toBe(false);
    expect(t.clock.pending).toBe(0);
  });
});

describe("an incident that goes on as a new run", () => {
  const { events, view } = story("story-continued");
  const id = view.incident_id;
  const runs = [...new Set(events.map((e) => e.run_id))];
  const ofRun = (n: number) => events.filter((e) => e.run_id === runs[n]);

  it("opened late: has the view of the new run, and the events of both", async () => {
    const t = setUp();
    t.store.watch(id);
    await t.settleAll();
    expect(wire(t.detail(id)?.view)).toEqual(view);
    expect(t.detail(id)?.events.map((d) => d.event)).toEqual(ofRun(1));
    expect(t.detail(id)?.earlier.map((d) => d.event)).toEqual(ofRun(0));
    expect(t.state.gaps).toBe(0);
    expect(t.clock.pending).toBe(0);
  });

  it("watched: keeps the events of the run before, and fetches nothing", async () => {
    const t = setUp(new FakeGateway((e) => (e[0]?.incident_id === id ? 1 : 0)));
    t.store.snapshot(t.gateway.snapshot());
    t.store.watch(id);
    await t.settle();
    t.gateway.requests.length = 0;
    for (const event of events.slice(1)) t.store.event(decodeEvent(event));
    await t.settleAll();
    expect(wire(t.detail(id)?.view)).toEqual(view);
    expect(t.detail(id)?.earlier.map((d) => d.event)).toEqual(ofRun(0));
    expect(t.gateway.requests).toEqual([]);
  });

  it("in the list only: goes on by what the new run begins with", async () => {
    const before = ofRun(0).length;
    const t = setUp(new FakeGateway((e) => (e[0]?.incident_id === id ? before : 0)));
    t.store.snapshot(t.gateway.snapshot());
    for (const event of events.slice(before)) t.store.event(decodeEvent(event));
    await t.settleAll();
    expect(wire(t.state.summaries.get(id))).toEqual(wire(summaryOf(view)));
    expect(t.gateway.requests).toEqual([]);
  });

  it("does without the events of a run that the gateway no longer has", async () => {
    const t = setUp();
    const { events: read } = t.gateway;
    t.gateway.events = async (of, after, runId) => (runId === runs[0] ? { events: [], more: false } : read(of, after, runId));
    t.store.watch(id);
    await t.settleAll();
    expect(t.detail(id)).toMatchObject({ load: "ready", error: undefined, earlier: [] });
    expect(wire(t.detail(id)?.view)).toEqual(view);
    expect(t.clock.pending).toBe(0);
  });
});

/** Each was found by convergence.test.ts, and is told here by itself. */
describe("found by interleaving", () => {
  const id = deployment.view.incident_id;
  const continued = story("story-continued");

  it("an incident of which an event came is not believed not to be there", async () => {
    const t = setUp(new FakeGateway(() => 0));
    t.store.snapshot(t.gateway.snapshot());
    t.store.watch(id);
    t.store.event(decodeEvent(deployment.events[3])); // while it is being asked for; those before were lost
    await t.settle();
    expect(t.detail(id)?.load).toBe("error");
    t.gateway.has.set(id, deployment.events.length);
    await t.settleAll();
    expect(t.detail(id)).toMatchObject({ load: "ready", error: undefined });
  });

  it("a doubt that arises soon after a comparison is not forgotten", async () => {
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot(t.gateway.snapshot());
    t.store.verify();
    await t.settle();
    t.gateway.has.set(inconclusive.view.incident_id, inconclusive.events.length);
    t.store.verify();
    await t.settle();
    t.clock.advance(30_000);
    await t.settle();
    expect(t.state.summaries.get(inconclusive.view.incident_id)?.seq).toBe(inconclusive.view.seq);
  });

  it("a comparison that fails is made again, without another doubt", async () => {
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot(t.gateway.snapshot());
    const { incidents } = t.gateway;
    t.gateway.incidents = () => Promise.reject(new ApiError(0, "unavailable", "no answer"));
    t.store.verify();
    await t.settle();
    t.gateway.incidents = incidents;
    t.gateway.has.set(inconclusive.view.incident_id, inconclusive.events.length);
    await t.settleAll();
    expect(t.state.summaries.get(inconclusive.view.incident_id)?.seq).toBe(inconclusive.view.seq);
    expect(t.clock.pending).toBe(0);
  });

  it("a comparison goes past the first page", async () => {
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot(t.gateway.snapshot());
    t.gateway.has.set(inconclusive.view.incident_id, inconclusive.events.length);
    t.gateway.incidents = async (cursor?: string) => {
      const list = t.gateway.summaries();
      const from = Number(cursor ?? 0);
      return { incidents: list.slice(from, from + 1), nextCursor: from + 1 < list.length ? String(from + 1) : undefined };
    };
    t.store.verify();
    await t.settleAll();
    expect(t.state.summaries.get(inconclusive.view.incident_id)?.seq).toBe(inconclusive.view.seq);
  });

  it("an older page that a snapshot overtakes is asked for again", async () => {
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    const stale = t.gateway.summaries();
    let answer: (page: IncidentPage) => void = () => {};
    const { incidents } = t.gateway;
    t.gateway.incidents = () => new Promise((resolve) => (answer = resolve));
    const loading = t.store.loadOlder();
    t.gateway.has.set(inconclusive.view.incident_id, inconclusive.events.length);
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    t.gateway.incidents = incidents;
    answer({ incidents: stale });
    await loading;
    await t.settle();
    expect(t.state.summaries.get(inconclusive.view.incident_id)?.seq).toBe(inconclusive.view.seq);
  });

  it("an older page that a doubt overtakes is asked for again", async () => {
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    const stale = t.gateway.summaries();
    let answer: (page: IncidentPage) => void = () => {};
    const { incidents } = t.gateway;
    t.gateway.incidents = () => new Promise((resolve) => (answer = resolve));
    const loading = t.store.loadOlder();
    t.gateway.has.set(inconclusive.view.incident_id, inconclusive.events.length);
    // It is over by now, and not held yet: whoever compares does not see it.
    t.gateway.incidents = async (_cursor?: string, open?: boolean) => (open ? { incidents: [] } : incidents());
    t.store.verify();
    await t.settle();
    answer({ incidents: stale });
    await loading;
    await t.settle();
    expect(t.state.summaries.get(inconclusive.view.incident_id)?.seq).toBe(inconclusive.view.seq);
  });

  it("what happened before an abort and comes after it undoes nothing", async () => {
    const { events, view } = story("story-aborted");
    const at = events.findLastIndex((e) => e.type === "incident.status_changed");
    const t = setUp(new FakeGateway((of) => (of[0]?.incident_id === view.incident_id ? at : 0)));
    t.store.snapshot(t.gateway.snapshot());
    t.gateway.has.set(view.incident_id, events.length);
    for (const event of [...events.slice(-1), ...events.slice(at, -1)]) t.store.event(decodeEvent(event));
    await t.settleAll();
    expect(wire(t.state.summaries.get(view.incident_id))).toEqual(wire(summaryOf(view)));
  });

  it("an incident of which one page could not be read is not taken for whole, also where nobody looks", async () => {
    const { events, view } = story("story-aborted");
    const t = setUp(new FakeGateway(() => 0));
    t.store.snapshot(t.gateway.snapshot());
    t.gateway.has.set(view.incident_id, events.length);
    t.gateway.pageSize = 2;
    const read = t.gateway.events;
    let reads = 0;
    t.gateway.events = (...asked) => (++reads === 2 ? Promise.reject(new ApiError(0, "unavailable", "no answer")) : read(...asked));
    t.store.event(decodeEvent(events.at(-1))); // it has no number, so nothing says how much is missing
    await t.settleAll();
    expect(wire(t.state.summaries.get(view.incident_id))).toEqual(wire(summaryOf(view)));
  });

  it("says of which incident nobody will read the events", async () => {
    const t = setUp(new FakeGateway(() => 5));
    t.store.snapshot(t.gateway.snapshot());
    t.skipped.length = 0;
    t.gateway.has.set(inconclusive.view.incident_id, inconclusive.events.length);
    t.store.verify();
    await t.settleAll();
    expect(t.skipped).toEqual([inconclusive.view.incident_id]);
  });

  it("an incident that was not there yet is not said to be missing once it begins", async () => {
    const t = setUp(new FakeGateway(() => 0));
    t.store.watch(id);
    await t.settleAll();
    expect(t.detail(id)?.load).toBe("not_found");
    t.gateway.has.set(id, 1);
    t.store.event(decodeEvent(deployment.events[0]));
    await t.settleAll();
    expect(t.detail(id)).toMatchObject({ load: "ready", error: undefined });
  });

  it("an incident that began before a snapshot which does not list it is not said to be missing", async () => {
    const t = setUp(new FakeGateway(() => 0));
    const read = t.gateway.events;
    let refuse: (why: Error) => void = () => {};
    t.gateway.events = () => new Promise((_, reject) => (refuse = reject));
    t.store.watch(id); // asked for before it began
    t.gateway.events = read;
    t.gateway.has.set(id, deployment.events.length);
    t.store.snapshot({ ...t.gateway.snapshot(), incidents: [] });
    refuse(new ApiError(404, "not_found", "Not found", `there is no incident ${id}`));
    await t.settleAll();
    expect(t.detail(id)).toMatchObject({ load: "ready", error: undefined });
  });

  it("what is read for a stream that was made anew meanwhile says nothing of what the new one told", async () => {
    const t = setUp(new FakeGateway(() => 0));
    const read = t.gateway.events;
    let answer: () => void = () => {};
    t.gateway.events = async (...asked) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return read(...asked);
    };
    t.store.snapshot(t.gateway.snapshot());
    t.gateway.has.set(id, 1);
    const unwatch = t.store.watch(id);
    t.gateway.events = read;
    t.store.snapshot({ ...t.gateway.snapshot("anew"), incidents: [] });
    t.store.event(decodeEvent(deployment.events[0]));
    unwatch();
    t.gateway.has.set(id, 5);
    t.store.verify();
    await t.settle();
    answer();
    await t.settleAll();
    expect(t.state.summaries.get(id)?.seq).toBe(5);
  });

  it("an incident that does not exist is forgotten, also where nobody waits for the answer", async () => {
    const t = setUp();
    t.store.watch("inc-none")();
    await t.settleAll();
    expect(t.store["entries"].has("inc-none")).toBe(false);
  });

  it("what a person said of an earlier run is kept by the run that goes on from it", async () => {
    const first = continued.events.filter((e) => e.run_id === continued.events[0]?.run_id);
    const rest = continued.events.slice(first.length);
    const review = continued.events.find((e) => e.type === "cause.reviewed") as IncidentEvent;
    const said = { ...review, id: "review", run_id: first[0]?.run_id, at: first.at(-1)?.at } as IncidentEvent;
    const begins = rest[0] as IncidentEvent;
    const whole = [...first, said, begins].reduce<View | undefined>(reduce, undefined);
    const t = setUp(new FakeGateway(() => 0));
    t.gateway.applied = (of) => (of === continued.view.incident_id ? [...first, said, begins] : []);
    t.store.watch(continued.view.incident_id);
    await t.settleAll();
    expect(whole?.reviewed_by).toBe("dana");
    expect(wire(t.detail(continued.view.incident_id)?.view)).toEqual(wire(whole));
  });

  it("events of an open incident at which nobody looks are let go, and its alerts are counted on", async () => {
    const upTo = deployment.events.findIndex((e) => e.type === "alert.received") + 1;
    const t = setUp(new FakeGateway((events) => (events[0]?.incident_id === id ? upTo : 0)));
    t.store.snapshot(t.gateway.snapshot());
    t.store.watch(id)();
    await t.settleAll();
    expect(t.store["entries"].get(id)?.log).toBeUndefined();
    t.gateway.requests.length = 0;
    for (const event of deployment.events.slice(upTo)) t.store.event(decodeEvent(event));
    await t.settleAll();
    expect(wire(t.state.summaries.get(id))).toEqual(wire(summaryOf(deployment.view)));
    expect(t.gateway.requests).toEqual([]);
  });

  it("a page that fails is read again, although the pages before it make a view", async () => {
    const t = setUp();
    const { events: read } = t.gateway;
    let asked = 0;
    t.gateway.events = (of, after, runId) => (++asked === 2 ? Promise.reject(new ApiError(0, "unavailable", "no answer")) : read(of, after, runId));
    t.store.watch(id);
    await t.settleAll();
    expect(t.detail(id)?.events).toHaveLength(deployment.events.length);
  });

  describe("a review that was missed", () => {
    const [opened, next] = inconclusive.events as [IncidentEvent, IncidentEvent];
    const review = (by: string): IncidentEvent => ({ ...opened, type: "cause.reviewed", id: by, seq: 0, data: { by, correct: true } }) as IncidentEvent;
    const [first, second] = [review("dana"), review("noor")];
    const summary = (...events: IncidentEvent[]) => summaryOf(events.reduce<View | undefined>(reduce, undefined) as View);
    const truth = [opened, first, second, next];

    it("is found by a page that an event overtook", async () => {
      const t = setUp(new FakeGateway(() => 0));
      t.store.snapshot({ ...t.gateway.snapshot(), incidents: [summary(opened, first)] });
      t.gateway.incidents = async () => ({ incidents: [summary(opened, first, second)] });
      t.store.verify();
      t.gateway.applied = () => truth;
      t.store.event(decodeEvent(next));
      await t.settleAll();
      expect(wire(t.state.summaries.get(opened.incident_id))).toEqual(wire(summary(...truth)));
    });

    it("is found where an answer without it is overtaken by a snapshot that has it", async () => {
      const t = setUp(new FakeGateway(() => 0));
      t.store.snapshot({ ...t.gateway.snapshot(), incidents: [summary(opened, first)] });
      t.gateway.applied = () => [opened, first];
      t.store.watch(opened.incident_id)();
      const page = await t.gateway.events(opened.incident_id, 0);
      const read = t.gateway.events;
      let answer: (page: EventPage) => void = () => {};
      t.gateway.events = () => new Promise((resolve) => (answer = resolve));
      await t.settleAll();
      t.store.event(decodeEvent(first)); // again: without a number it may be another one
      t.gateway.events = read;
      t.gateway.applied = () => truth;
      t.store.snapshot({ ...t.gateway.snapshot(), incidents: [summary(opened, first, second)] });
      t.store.event(decodeEvent(next));
      answer(page);
      await t.settleAll();
      expect(wire(t.state.summaries.get(opened.incident_id))).toEqual(wire(summary(...truth)));
    });
  });

  it("a review that comes again does not undo the one that came after it", async () => {
    const reviews = continued.events.filter((e) => e.type === "cause.reviewed");
    expect(reviews.length).toBeGreaterThan(1);
    const t = setUp();
    t.store.snapshot(t.gateway.snapshot());
    await t.settle();
    t.store.event(decodeEvent(reviews[0]));
    await t.settleAll();
    expect(wire(t.state.summaries.get(continued.view.incident_id))).toEqual(wire(summaryOf(continued.view)));
  });
});

/** Where a story's history begins for this tab, and in which order and how often its parts come. */
const arrivals = fc.constantFrom(...all).chain(({ events, view }) =>
  fc.record({
    events: fc.constant(events),
    view: fc.constant(view),
    snapshotAt: fc.nat(events.length),
    watchAt: fc.nat(events.length),
    lost: fc.uniqueArray(fc.nat(events.length - 1), { maxLength: 6 }),
    doubled: fc.uniqueArray(fc.nat(events.length - 1), { maxLength: 6 }),
    pageSize: fc.integer({ min: 2, max: 30 }), // one without a number, one with
    outage: fc.option(fc.nat(events.length - 1)),
  }),
);

it("whatever is lost, doubled, late or unavailable on the way: in the end each incident is whole", async () => {
  await fc.assert(
    fc.asyncProperty(arrivals, async ({ events, view, snapshotAt, watchAt, lost, doubled, pageSize, outage }) => {
      const id = view.incident_id;
      const t = setUp(new FakeGateway(() => 0));
      t.gateway.pageSize = pageSize;
      for (const [i, event] of events.entries()) {
        t.gateway.has.set(id, i + 1); // stored before it is sent
        if (i === snapshotAt) t.store.snapshot(t.gateway.snapshot());
        if (i === watchAt) t.store.watch(id);
        t.gateway.failing = i === outage ? new ApiError(0, "unavailable", "no answer") : undefined;
        if (i > snapshotAt && !lost.includes(i)) t.store.event(decodeEvent(event));
        if (i > snapshotAt && doubled.includes(i)) t.store.event(decodeEvent(event));
        if (i % 3 === 0) await t.settle();
      }
      t.gateway.failing = undefined;
      t.store.watch(id);
      t.store.snapshot(t.gateway.snapshot()); // what a reconnect brings
      await t.settleAll();
      expect(wire(t.detail(id)?.view)).toEqual(view);
      expect(wire(t.state.summaries.get(id))).toEqual(wire(summaryOf(view)));
      const numbered = t.detail(id)?.events.filter((d) => d.event.seq > 0).map((d) => d.event.id);
      expect(numbered).toEqual(events.filter((e) => e.run_id === view.run_id && e.seq > 0).map((e) => e.id));
      expect(t.clock.pending).toBe(0);
    }),
    { numRuns: 150 },
  );
});
