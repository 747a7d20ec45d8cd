import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

import { causeWord, knownCauses, knownMetrics, metricWord, spaced, standingWord } from "./words";

/** The values of a set that is open on the wire and therefore in no schema, as Go declares them. */
function declared(file: string, type: string): string[] {
  const text = readFileSync(resolve(import.meta.dirname, `../../../workflows/incident/${file}`), "utf8");
  return Array.from(text.matchAll(new RegExp(`\\s${type}\\s+= "([^"]+)"`, "g")), (m) => m[1] ?? "");
}

describe("open sets", () => {
  it("every cause that Vigil knows has words, and can be named in a review", () => {
    const causes = declared("diagnosis.go", "Cause");
    expect(causes.length).toBeGreaterThan(20);
    expect(causes.filter((cause) => !knownCauses.includes(cause))).toEqual([]);
  });

  it("every measure that Vigil knows has words", () => {
    const metrics = declared("evidence.go", "Metric");
    expect(metrics.length).toBeGreaterThan(20);
    expect(metrics.filter((metric) => !knownMetrics.includes(metric))).toEqual([]);
  });

  it("what nobody knows is shown as it came", () => {
    expect([causeWord("moon_phase"), metricWord("blks_hit"), spaced("a_b")]).toEqual(["moon phase", "Blks hit", "a b"]);
  });
});

it("what was merged into another incident is not called unproven", () => {
  expect(standingWord({ status: "closed", outcome: "merged" }).text).toBe("Merged");
  expect(standingWord({ status: "closed", outcome: "unresolved" }).text).toBe("Closed, unproven");
  expect(standingWord({ status: "investigating" }).text).toBe("Investigating");
});
