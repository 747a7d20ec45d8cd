import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { daysOf, parseRange, rangeText, spanOf, usual, usualBucket } from "./range";

const now = Date.parse("2026-11-23T14:05:00Z");

describe("the range of an address", () => {
  it.each([
    ["week", { from: "2026-11-17T00:00:00Z" }, "day"],
    ["month", { from: "2026-10-25T00:00:00Z" }, "day"],
    ["quarter", { from: "2026-08-26T00:00:00Z" }, "week"],
    ["all", {}, "month"],
    ["2026-11-01..2026-11-30", { from: "2026-11-01T00:00:00Z", to: "2026-12-01T00:00:00Z" }, "day"],
    ["2026-11-01..2026-11-01", { from: "2026-11-01T00:00:00Z", to: "2026-11-02T00:00:00Z" }, "day"],
    ["2025-01-01..2026-11-30", { from: "2025-01-01T00:00:00Z", to: "2026-12-01T00:00:00Z" }, "month"],
  ])("%s", (text, span, bucket) => {
    const range = parseRange(text);
    expect(rangeText(range)).toBe(text);
    expect(spanOf(range, now)).toEqual(span);
    expect(usualBucket(range)).toBe(bucket);
  });

  it.each([undefined, "", "year", "2026-11-30..2026-11-01", "2026-02-30..2026-03-01", "2026-11-01", "..", "2026-11-01..2026-11-30x"])("%s is the usual one", (text) => {
    expect(parseRange(text)).toEqual(usual);
  });

  it("reads any text, and writes what it reads back", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d$/)), (text) => {
        expect(parseRange(rangeText(parseRange(text)))).toEqual(parseRange(text));
      }),
    );
  });

  it("has days for the fields, as far as it has bounds", () => {
    expect(daysOf({ preset: "week" }, now)).toEqual({ first: "2026-11-17", last: "2026-11-23" });
    expect(daysOf({ preset: "all" }, now)).toEqual({ first: "", last: "2026-11-23" });
  });
});
