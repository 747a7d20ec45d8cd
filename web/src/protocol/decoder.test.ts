import { describe, expect, it } from "vitest";

import { goldenNames, goldenText, story, storyNames } from "../../test/golden";
import { DecodeError, decodeEvent, decodeFrame, decodeSummary, decodeView } from "./decoder";
import { eventShapes, frameShapes } from "./generated-shapes";

const single = goldenNames.filter((name) => !name.startsWith("story"));

describe("golden files", () => {
  it.each(single.filter((name) => name !== "hello"))("%s decodes to what it says", (name) => {
    const text = goldenText(name);
    const decoded = decodeFrame(text);
    const value: unknown = JSON.parse(text);
    if (decoded.kind === "event") expect(decoded).toEqual({ kind: "event", readable: true, event: value });
    else expect(decoded).toEqual({ kind: "frame", frame: value });
  });

  it("there is one for every type", () => {
    for (const type of [...Object.keys(eventShapes), ...Object.keys(frameShapes)]) expect(single).toContain(type);
  });

  it.each(storyNames)("%s: every event and the view decode", (name) => {
    const { events, view } = story(name);
    for (const event of events) expect(decodeEvent(event).readable).toBe(true);
    expect(decodeView(view)).toEqual(view);
  });
});

describe("what is not right", () => {
  const opened = () => JSON.parse(goldenText("incident.opened")) as Record<string, unknown> & { data: Record<string, unknown> };

  it.each([
    ["no JSON", "{", "not JSON"],
    ["no object", "[1]", "without a type"],
    ["no type", "{}", "without a type"],
    ["a frame that lacks a field", '{"type":"position","epoch":"a","offset":1}', "position.rtt_ms is missing"],
    ["a snapshot with a summary that is none", '{"type":"snapshot","epoch":"a","offset":1,"incidents":[{}]}', "incident_id is missing"],
  ])("%s is malformed", (_, text, reason) => {
    const decoded = decodeFrame(text);
    expect(decoded.kind).toBe("malformed");
    expect(decoded).toHaveProperty("reason", expect.stringContaining(reason));
  });

  it.each([
    ["a type that is not known", { type: "incident.invented" }, "does not know"],
    ["data that lacks a field", { data: {} }, "data.title is missing"],
    ["data that is null", { data: null }, "data is not an object"],
  ])("an event with %s keeps its place but cannot be read", (_, change, reason) => {
    const decoded = decodeFrame(JSON.stringify({ ...opened(), ...change }));
    expect(decoded).toMatchObject({ kind: "event", readable: false, event: { seq: 1 }, reason: expect.stringContaining(reason) as string });
  });

  it.each([
    ["run_id", 7],
    ["seq", "1"],
    ["seq", Number.NaN],
    ["at", "yesterday"],
    ["provenance", null],
    ["incident_id", undefined],
  ])("an event whose %s is %s has no place at all", (field, value) => {
    expect(() => decodeEvent({ ...opened(), [field]: value })).toThrow(DecodeError);
    expect(decodeFrame(JSON.stringify({ ...opened(), [field]: value })).kind).toBe("malformed");
  });

  it("a word that a newer gateway added to a closed set is kept", () => {
    const event = opened();
    event.data.severity = "catastrophic";
    expect(decodeEvent(event)).toMatchObject({ readable: true, event: { data: { severity: "catastrophic" } } });
  });

  it("a field that a newer gateway added is kept", () => {
    expect(decodeEvent({ ...opened(), colour: "blue" })).toMatchObject({ readable: true, event: { colour: "blue" } });
  });

  it("null lists are what Go writes for empty ones", () => {
    const decoded = decodeFrame('{"type":"snapshot","epoch":"a","offset":1,"incidents":null}');
    expect(decoded.kind).toBe("frame");
  });

  it("summaries are checked one by one", () => {
    expect(() => decodeSummary({ incident_id: "a" })).toThrow("Summary.run_id is missing");
  });
});
