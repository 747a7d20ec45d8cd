import { describe, expect, it } from "vitest";

import { goldenNames, goldenText, story, storyNames } from "../../../test/golden";
import { decodeEvent } from "../../protocol/decoder";
import { eventShapes } from "../../protocol/generated-shapes";
import { lineOf } from "./timeline-words";

describe("every event has words", () => {
  it.each(Object.keys(eventShapes))("%s", (type) => {
    expect(goldenNames).toContain(type);
    const line = lineOf(decodeEvent(JSON.parse(goldenText(type))));
    expect(line.text).toMatch(/\S{2,}/);
    expect(`${line.text} ${line.detail ?? ""}`).not.toMatch(/undefined|null|NaN|Infinity|\[object/);
  });

  it("also one that cannot be read", () => {
    const event = { ...story().events[0], type: "incident.invented" };
    expect(lineOf(decodeEvent(event))).toMatchObject({ text: "An event of type incident.invented that this page cannot read", key: true, actor: "system" });
  });
});

it("people, models and Vigil are told apart", () => {
  const lines = storyNames.flatMap((name) => story(name).events.map((e) => lineOf(decodeEvent(e))));
  const actors = (type: string) => new Set(lines.filter((l) => l.type === type).map((l) => l.actor));
  expect(actors("incident.noted")).toEqual(new Set(["person"]));
  expect(actors("approval.decided")).toEqual(new Set(["person"]));
  expect(actors("model.called")).toEqual(new Set(["ai"]));
  expect(actors("phase.changed")).toEqual(new Set(["system"]));
});
