/**
 * Which incidents are counted, as the address says it: `week`, `month`, `quarter`, `all`, or two days
 * as `2026-11-01..2026-11-30`, both of them counted. Days are those of UTC, as the gateway's buckets
 * are, so that one address asks the same question for everybody.
 */
import type { Bucket, Span } from "../../feed/analytics";

export const presets = ["week", "month", "quarter", "all"] as const;
export type Preset = (typeof presets)[number];

export type Range = { preset: Preset } | { preset: undefined; first: string; last: string };

export const usual: Range = { preset: "month" };

const day = 86_400_000;

/** How many days a preset has, today being the last. */
const lengths: Record<Exclude<Preset, "all">, number> = { week: 7, month: 30, quarter: 90 };

/** What cannot be read is the usual range. */
export function parseRange(text: string | undefined): Range {
  const preset = presets.find((p) => p === text);
  if (preset !== undefined) return { preset };
  const [, first = "", last = ""] = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/.exec(text ?? "") ?? [];
  return isDay(first) && isDay(last) && first <= last ? { preset: undefined, first, last } : usual;
}

export function rangeText(range: Range): string {
  return range.preset ?? `${range.first}..${range.last}`;
}

/** The question to ask at a time. It stays the same for a day. */
export function spanOf(range: Range, now: number): Span {
  if (range.preset === "all") return {};
  if (range.preset === undefined) return { from: time(Date.parse(range.first)), to: time(Date.parse(range.last) + day) };
  const today = Math.floor(now / day) * day;
  return { from: time(today - (lengths[range.preset] - 1) * day) };
}

/** The first and the last day of a range, for fields. */
export function daysOf(range: Range, now: number): { first: string; last: string } {
  if (range.preset === undefined) return range;
  const { from } = spanOf(range, now);
  return { first: from?.slice(0, 10) ?? "", last: new Date(now).toISOString().slice(0, 10) };
}

/** Buckets that make a picture of some thirty bars at most. */
export function usualBucket(range: Range): Bucket {
  if (range.preset === "all") return "month";
  const days = range.preset === undefined ? (Date.parse(range.last) - Date.parse(range.first)) / day + 1 : lengths[range.preset];
  return days <= 31 ? "day" : days <= 217 ? "week" : "month";
}

export function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
