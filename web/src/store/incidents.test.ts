import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { story, storyNames, wire } from "../../test/golden";
import { FakeGateway, setUp } from "../../test/incident-store";
import { ApiError } from "../feed/rest";
import { decodeEvent } from "../protocol/decoder";
import { summaryOf } from "./reduce";

const all = storyNames.map((name) => story(name));
const deployment = story("story");
const aborted = story("story-aborted");
const inconclusive = story("story-inconclusive");

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
