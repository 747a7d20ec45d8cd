import { describe, expect, it } from "vitest";

import { story, storyNames } from "../../../test/golden";
import { decodeEvent } from "../../protocol/decoder";
import { confidenceOf } from "./confidence";
import { messagesOf } from "./messages";
import { type Step, stepsOf } from "./steps";
import { tallyOf, tokensByAgent } from "./tally";

const decoded = (name: string) => story(name).events.map(decodeEvent);
const of = (steps: readonly Step[], type: string) => steps.filter((s) => s.decoded.event.type === type);

describe("steps", () => {
  it.each(storyNames)("%s: every event is one, in words", (name) => {
    const steps = stepsOf(decoded(name));
    expect(steps).toHaveLength(story(name).events.length);
    for (const s of steps) expect(`${s.who} ${s.title}`).not.toMatch(/undefined|null|NaN|\[object/);
  });

  it("the guardrail's checks belong to the call that they are of", () => {
    const steps = stepsOf(decoded("story-agents"));
    const [detection, , , , diagnosis] = of(steps, "model.called");
    expect(detection?.guardrails.map((g) => g.data.outcome)).toEqual(["anonymized"]);
    expect(diagnosis?.guardrails.map((g) => g.data.outcome)).toEqual(["passed"]);
    // What was of no call stands by itself.
    expect(of(steps, "guardrail.checked").filter((s) => !s.minor).map((s) => s.title)).toEqual([expect.stringContaining("could not be asked"), expect.stringContaining("blocked")]);
  });

  it("a model's call says what was asked, and why its answer was of no use", () => {
    const [first] = of(stepsOf(decoded("story-agents")), "model.called").filter((s) => s.who === "Diagnosis agent");
    expect(first).toMatchObject({ asked: { data: { purpose: "diagnose" } }, task: { data: { task: "gather evidence" } }, title: "The model's answer could not be used" });
  });

  it("an event that this page cannot read is one too", () => {
    const [s] = stepsOf([decodeEvent({ ...story().events[0], type: "incident.invented" })]);
    expect(s).toMatchObject({ kind: "vigil", minor: false });
  });
});

describe("confidence", () => {
  const series = (name: string) => new Map(confidenceOf(decoded(name)).map((s) => [s.key, s]));

  it("moves where it changes, and not where it is only said again", () => {
    const diagnosis = series("story").get("agent:diagnosis");
    expect(diagnosis?.moves.map((m) => m.value)).toEqual([0.88]);
    expect(diagnosis?.moves[0]).toMatchObject({ cites: ["E1", "E3", "E2"], pointer: "/data/diagnosis/confidence" });
  });

  it("knows what evidence came before a move", () => {
    const cause = series("story").get("hypothesis:bad_deployment/checkout");
    expect(cause?.moves[0]?.since.length).toBeGreaterThan(0);
  });

  it("a model's rating of itself is kept apart", () => {
    expect(series("story").get("self")).toMatchObject({ kind: "self", moves: [{ value: 0.9 }] });
  });

  it.each(storyNames)("%s: each value is where its pointer says", (name) => {
    const events = decoded(name);
    for (const s of confidenceOf(events)) {
      for (const m of s.moves) expect(at(events[m.index]?.event, m.pointer)).toBe(m.value);
    }
  });
});

function at(value: unknown, pointer: string): unknown {
  return pointer.split("/").slice(1).reduce<unknown>((v, part) => (v as Record<string, unknown>)[part], value);
}

describe("messages", () => {
  it("go from whoever said it to whoever it was said to", () => {
    const said = messagesOf(decoded("story")).map((m) => `${m.from}>${m.to} ${m.kind}`);
    expect(said).toContain("diagnosis>vigil vote");
    expect(said).toContain("sources>diagnosis evidence");
    expect(said).toContain("vigil>people decision");
    expect(said).toContain("people>vigil decision");
    expect(said).toContain("systems>resolution action");
  });

  it("a vote that does not count says so", () => {
    expect(messagesOf(decoded("story")).find((m) => m.kind === "vote" && m.from === "detection")).toMatchObject({ tone: "warn", text: expect.stringContaining("does not count") });
  });

  it.each(storyNames)("%s: in words, in the order of the events", (name) => {
    const messages = messagesOf(decoded(name));
    for (const m of messages) expect(m.text).not.toMatch(/undefined|null|NaN|\[object/);
    expect(messages.map((m) => m.index)).toEqual(messages.map((m) => m.index).toSorted((a, b) => a - b));
    expect(new Set(messages.map((m) => m.key)).size).toBe(messages.length);
  });
});

describe("the tally", () => {
  it("adds up to what the view counts, where nothing was paid for again", () => {
    const { events, view } = story("story-healthy");
    const tally = tallyOf(events.map(decodeEvent));
    expect(tally.rows.flatMap((r) => r.calls)).toHaveLength(view.cost.model_calls);
  });

  it.each(storyNames)("%s: calls, checks and evidence are those of the view", (name) => {
    const { events, view } = story(name);
    const own = events.filter((e) => e.run_id === view.run_id || name === "story-continued");
    const tally = tallyOf(own.map(decodeEvent));
    expect(tally.rows.flatMap((r) => r.calls)).toHaveLength(view.cost.model_calls);
    const found = tally.evidence.flatMap((k) => [...k.found, ...k.missing]);
    expect(found).toHaveLength((view.evidence ?? []).length);
    for (const { outcome, events: checks } of tally.guardrail) if (outcome !== "off") expect(checks).toHaveLength(view.guardrail[outcome]);
    const input = tally.rows.reduce((sum, r) => sum + r.input.value, 0);
    if (view.cost.repeated_calls === 0) expect(input).toBe(view.cost.input_tokens);
    expect(tokensByAgent(tally.rows).reduce((sum, a) => sum + a.tokens, 0)).toBe(tally.rows.reduce((sum, r) => sum + r.input.value + r.output.value, 0));
  });

  it("a phase that runs has taken until now, one that ended until then", () => {
    const events = decoded("story");
    const running = tallyOf(events.slice(0, 40)).phases.find((p) => p.phase === "approval");
    expect(running).toMatchObject({ state: "running", to: events[39]?.event.id });
    expect(tallyOf(events).phases.find((p) => p.phase === "approval")).toMatchObject({ state: "completed", ms: Date.parse("2026-11-23T14:19:26.773Z") - Date.parse("2026-11-23T14:02:51.772Z") });
  });
});
