import { describe, expect, it } from "vitest";

import { story } from "../../test/golden";
import { decodeEvent } from "../protocol/decoder";
import type { View } from "../protocol/generated";
import { reduce } from "../store/reduce";
import { implicated, marksOf } from "./implicated";

function viewOf(name: string): View {
  const view = story(name).events.reduce(reduce, undefined as View | undefined);
  if (view === undefined) throw new Error(`${name} opens no incident`);
  return view;
}

describe("the measures that are implicated", () => {
  it.each(["story", "story-agents", "story-actions"])("%s: lie where their pointer says", (name) => {
    const view = viewOf(name);
    const list = implicated(view);
    expect(list.length).toBeGreaterThan(0);
    for (const { pointer, series: s } of list) {
      const at = pointer.split("/").slice(1).reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], view);
      expect(at).toBe(s);
    }
  });

  it("begin with the one that is forecast", () => {
    expect(implicated(viewOf("story-agents"))[0]?.prediction?.metric).toBe("latency_ms");
  });

  it("are those that the statistics found to be abnormal, the farthest first", () => {
    const list = implicated({ ...viewOf("story"), prediction: undefined });
    expect(list.map((x) => x.series.metric)).toEqual(["error_rate", "latency_ms", "cpu_percent"]);
    expect(list.every((x) => x.series.anomaly !== undefined)).toBe(true);
  });

  it("are none before there is evidence", () => {
    expect(implicated({ ...viewOf("story"), evidence: [] })).toEqual([]);
  });
});

it("marks the start, the action and the verification, in order", () => {
  const marks = marksOf(viewOf("story"), story("story").events.map(decodeEvent), (pointer) => `base${pointer}`);
  expect(marks[0]).toMatchObject({ letter: "A", text: "reported to have begun", source: "base/started_at" });
  expect(marks.some((m) => m.text.endsWith("started") && m.source.startsWith("event:"))).toBe(true);
  expect(marks.some((m) => m.text.startsWith("verification: "))).toBe(true);
  expect(marks.map((m) => m.at)).toEqual(marks.map((m) => m.at).toSorted((a, b) => a - b));
});
