import { describe, expect, it } from "vitest";

import { story, wire } from "../../test/golden";
import { FakeGateway, setUp } from "../../test/incident-store";
import { ApiError, type EventPage, type IncidentPage } from "../feed/rest";
import { decodeEvent } from "../protocol/decoder";
import type { IncidentEvent, View } from "../protocol/generated";
import { reduce, summaryOf } from "./reduce";

const deployment = story("story");
const inconclusive = story("story-inconclusive");

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
