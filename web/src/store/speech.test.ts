import { describe, expect, it } from "vitest";

import { goldenText, story } from "../../test/golden";
import { decodeEvent } from "../protocol/decoder";
import type { IncidentEvent, ModelDelta } from "../protocol/generated";
import { type Speeches, SpeechStore, speechKey } from "./speech";

const golden = JSON.parse(goldenText("model.delta")) as ModelDelta;
const called = story("story").events.find((e) => e.type === "model.called" && e.data.agent === "diagnosis") as IncidentEvent;
const key = speechKey(golden.incident_id, "diagnosis");

function setUp() {
  let shown: Speeches = new Map();
  const store = new SpeechStore((s) => (shown = s), (flush) => flush());
  const say = (text: string, change: Partial<ModelDelta> = {}) => store.delta({ ...golden, turn: 1, attempt: 1, index: 0, ...change, text });
  return { store, say, text: () => shown.get(key)?.text, speech: () => shown.get(key), shown: () => shown };
}

describe("what a model says", () => {
  it("is put together in order, each piece once", () => {
    const t = setUp();
    t.say("The ");
    t.say("change ", { index: 1 });
    t.say("change ", { index: 1 });
    t.say("The ", { index: 0 });
    t.say("precedes", { index: 2 });
    expect(t.speech()).toMatchObject({ text: "The change precedes", gaps: false, origin: "simulated" });
  });

  it("shows where pieces are missing", () => {
    const t = setUp();
    t.say("change ", { index: 4 });
    t.say("symptom", { index: 9 });
    expect(t.speech()).toMatchObject({ text: " … change  … symptom", gaps: true });
  });

  it("starts over with a new attempt and a new turn; what is late of the ones before is dropped", () => {
    const t = setUp();
    t.say("first");
    t.say("second", { attempt: 2 });
    t.say("late", { attempt: 1, index: 1 });
    expect(t.text()).toBe("second");
    t.say("next", { turn: 2 });
    t.say("late", { attempt: 2, index: 1 });
    expect(t.text()).toBe("next");
  });

  it("gives way to the finished text, also when pieces come after it", () => {
    const t = setUp();
    t.say("The change");
    t.store.event(decodeEvent(called));
    expect(t.speech()).toBeUndefined();
    t.say(" precedes", { index: 1 });
    expect(t.speech()).toBeUndefined();
    t.say("More", { turn: 2 });
    expect(t.text()).toBe("More");
  });

  it.each([
    ["the agent failed", "agent.updated", { agent: "diagnosis", state: "error", evidence_count: 0 }],
    ["a call failed", "error.raised", { kind: "throttled", message: "m", agent: "diagnosis", recoverable: true }],
    ["the incident is over", "incident.closed", { status: "resolved", outcome: "recovered", reason: "r" }],
  ])("is gone when %s", (_, type, data) => {
    const t = setUp();
    t.say("The change");
    t.store.event(decodeEvent({ ...called, type, data }));
    expect(t.speech()).toBeUndefined();
  });

  it("ends with an event that was missed and comes late, unless it began since", () => {
    const t = setUp();
    t.say("The change");
    t.store.event(decodeEvent({ ...called, type: "agent.updated", data: { agent: "diagnosis", state: "completed", evidence_count: 0 } }), true);
    expect(t.text()).toBe("The change");
    t.store.event(decodeEvent(called), true);
    expect(t.speech()).toBeUndefined();
  });

  it("is forgotten where events may have been missed", () => {
    const t = setUp();
    t.say("The change");
    t.store.clear();
    expect(t.speech()).toBeUndefined();
    t.say(" precedes", { index: 1 });
    expect(t.speech()).toMatchObject({ text: " …  precedes", gaps: true });
  });

  it("of one incident is forgotten where its events are not read, and no other's", () => {
    const t = setUp();
    t.say("The change");
    t.say("Something else", { incident_id: "inc-other" });
    const [first, other] = [...t.shown().values()];
    t.store.forget(first?.incidentId ?? "");
    expect([...t.shown().values()].map((s) => s.incidentId)).toEqual([other?.incidentId]);
  });

  it("of a new run begins anew, and is not mixed with what is late of the run before", () => {
    const t = setUp();
    t.say("old");
    t.say("new", { run_id: "run-2" });
    t.say("late", { index: 1 });
    expect(t.text()).toBe("new");
  });

  it("of a run is over when another goes on from it, whatever was missed of its end", () => {
    const t = setUp();
    const begins = story("story-continued").events.find((e) => e.type === "incident.continued") as IncidentEvent;
    const continued = { ...begins, incident_id: golden.incident_id, run_id: "run-2", data: { ...begins.data, from_run_id: golden.run_id } };
    t.say("old");
    t.store.event(decodeEvent(continued));
    expect(t.speech()).toBeUndefined();
    t.say("new", { run_id: "run-2" });
    t.store.event(decodeEvent(continued), true);
    expect(t.text()).toBe("new");
  });

  it("is bounded", () => {
    const t = setUp();
    for (let i = 0; i < 60; i++) t.say("x".repeat(1_000), { index: i });
    expect(t.text()).toHaveLength(16_000);
    for (let i = 0; i < 300; i++) t.say("x", { incident_id: `inc-${i}` });
    expect(t.shown().size).toBe(100);
    expect(t.shown().has(speechKey("inc-299", "diagnosis"))).toBe(true);
  });
});
