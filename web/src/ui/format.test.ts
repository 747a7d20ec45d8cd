import { describe, expect, it } from "vitest";

import { age, bytes, cost, count, duration, measure, parseTime, quantity, remaining } from "./format";

describe("format", () => {
  it.each([
    [0, "0.0 s"],
    [-5, "0.0 s"],
    [412, "0.4 s"],
    [9_990, "9.9 s"],
    [38_900, "38 s"],
    [997_000, "16 m 37 s"],
    [11_520_000, "3 h 12 m"],
    [187_200_000, "2 d 4 h"],
  ])("duration of %i ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [-5, "0 s"],
    [38_000, "38 s"],
    [60_000, "1 m"],
    [41 * 60_000 + 1, "42 m"],
    [3_600_000, "1 h"],
    [11_520_000, "3 h 12 m"],
    [86_400_000, "1 d"],
    [187_200_000, "2 d 4 h"],
  ])("what remains of %i ms is %s", (ms, text) => expect(remaining(ms)).toBe(text));

  it.each([
    [0, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [7_200_000, "2h"],
    [200_000_000, "2d"],
  ])("age of %i ms is %s", (ms, text) => expect(age(ms)).toBe(text));

  it.each([
    [0, "0"],
    [0.00123, "0.0012"],
    [1.254, "1.3"],
    [127.4, "127"],
    [1240.2, "1,240"],
  ])("quantity %f is %s", (n, text) => expect(quantity(n)).toBe(text));

  it.each([
    [undefined, 0, "price unknown"],
    [0, 0, "$0"],
    [28, 0, "< $0.0001"],
    [50, 0, "$0.0001"],
    [12_345, 0, "$0.0123"],
    [51_240, 2, "$0.0512 + 2 calls of unknown price"],
    [0, 1, "1 call of unknown price"],
    [undefined, 3, "3 calls of unknown price"],
    [12_500_000, 0, "$12.5000"],
    [512_000_000, 0, "$512.00"],
  ])("cost of %s with %i unknown is %s", (micros, unknown, text) => expect(cost(micros, unknown)).toBe(text));

  it.each([
    [0.12, "share", "12 %"],
    [31, "percent", "31 %"],
    [940, "ms", "940 ms"],
    [34, "count", "34"],
    [34, undefined, "34"],
  ])("measure of %f %s is %s", (n, unit, text) => expect(measure(n, unit)).toBe(text));

  it("counts and bytes are short", () => {
    expect([count(9_999), count(81_200), bytes(41), bytes(2_048), bytes(3_500_000)]).toEqual(["9,999", "81.2K", "41 B", "2 KB", "3.3 MB"]);
  });

  it("the zero time of Go is no time", () => {
    expect(parseTime("0001-01-01T00:00:00Z")).toBeUndefined();
    expect(parseTime(undefined)).toBeUndefined();
    expect(parseTime("soon")).toBeUndefined();
  });
});
