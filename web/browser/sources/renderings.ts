/**
 * Whether a number that is shown is one of the values that its source has: as it is, rounded, in
 * another unit, as a time of the reader's zone, relative to now, or as part of a text.
 */
import { type Shown, numbersIn } from "./numbers";
import type { Leaf } from "./pointer";

export interface Reader {
  /** The page's time when the text was read from it. */
  now: number;
  timezone: string;
}

/** How much older than now what is on screen may be: it moves once a second. */
const staleMs = 2_500;

/** Points of a series have their times in ms; no measure is as large. */
const earliest = Date.parse("2001-09-09T01:46:40Z");

/** Values that were computed as `data-derive` says. Lengths are in ms. */
export interface Derived {
  numbers: readonly number[];
  lengths: readonly number[];
}

export function isExplained(shown: Shown, leaves: readonly Leaf[], derived: Derived, reader: Reader): boolean {
  if (derived.numbers.some((n) => isNumber(shown, n) || isLength(shown, n, 0) || isLength(shown, n * 1_000, 0)) || derived.lengths.some((ms) => isLength(shown, ms, staleMs) || isNumber(shown, ms / 1_000))) return true;
  return leaves.some((leaf) => {
    if (typeof leaf === "number" && leaf > earliest && isTime(shown, leaf, reader)) return true;
    if (typeof leaf === "number") return isNumber(shown, leaf) || isLength(shown, leaf, 0) || isLength(shown, leaf * 1_000, 0);
    if (typeof leaf !== "string") return false;
    const at = instant(leaf);
    return at === undefined ? says(leaf, shown) : isTime(shown, at, reader);
  });
}

/** What a number may be multiplied by to be shown in a unit. */
const scales: Record<string, readonly number[]> = {
  "": [1],
  "1/s": [1],
  "×": [1],
  x: [1],
  "%": [100, 1],
  "‰": [1_000],
  $: [1, 1e-6],
  $K: [1e-3, 1e-9],
  $M: [1e-6, 1e-12],
  K: [1e-3],
  M: [1e-6],
  B: [1],
  KB: [1 / 1024, 1e-3],
  MB: [1 / 1024 ** 2, 1e-6],
  GB: [1 / 1024 ** 3, 1e-9],
  TB: [1 / 1024 ** 4, 1e-12],
  KiB: [1 / 1024],
  MiB: [1 / 1024 ** 2],
  GiB: [1 / 1024 ** 3],
};

function isNumber(shown: Shown, value: number): boolean {
  if (shown.kind !== "number") return false;
  return (scales[shown.unit] ?? []).some((scale) => {
    const scaled = value * scale;
    if (shown.below) return scaled > 0 && scaled < shown.value;
    // "-5 %" is written as a fall of 5 % as well; what is shown without a sign may be either.
    return isRounded(shown.value, scaled, shown.step) || (shown.value > 0 && isRounded(shown.value, -scaled, shown.step));
  });
}

/** Rounded, cut off or rounded up to the last place that is shown. */
function isRounded(shown: number, value: number, step: number): boolean {
  const tiny = 1e-9 * Math.max(1, Math.abs(value));
  const places = value / step;
  return [Math.round(places), Math.floor(places + tiny / step), Math.ceil(places - tiny / step)].some((n) => Math.abs(n * step - shown) <= tiny + step * 1e-6);
}

function isLength(shown: Shown, ms: number, slackMs: number): boolean {
  if (shown.kind !== "length") return false;
  const size = Math.abs(ms);
  // Cut off, rounded or rounded up to its last unit, and as old as the screen may be.
  for (const value of slackMs === 0 ? [size] : [size, size - slackMs / 2, size - slackMs, size + slackMs / 2, size + slackMs]) {
    if (value >= 0 && isRounded(shown.ms, value, shown.stepMs)) return true;
  }
  return shown.stepMs <= slackMs && Math.abs(size - shown.ms) <= slackMs;
}

const timeShape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function instant(text: string): number | undefined {
  return timeShape.test(text) ? Date.parse(text) : undefined;
}

function isTime(shown: Shown, at: number, { now, timezone }: Reader): boolean {
  switch (shown.kind) {
    case "instant":
      return Math.abs(shown.ms - at) < 1_000;
    case "length":
      return isLength(shown, now - at, staleMs);
    case "number":
      return shown.unit === "" && shown.value === parts(at, timezone).year;
    case "zone":
      return shown.minutes === parts(at, timezone).offsetMinutes;
    case "clock": {
      const p = parts(at, timezone);
      return p.hour === shown.hour && p.minute === shown.minute && (shown.second ?? p.second) === p.second && (shown.millisecond ?? p.millisecond) === p.millisecond;
    }
    case "date": {
      const p = parts(at, timezone);
      return p.month === shown.month && p.day === shown.day && (shown.year ?? p.year) === p.year;
    }
  }
}

function parts(at: number, timezone: string) {
  const format = new Intl.DateTimeFormat("en", { timeZone: timezone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
  const of = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)])) as Record<"year" | "month" | "day" | "hour" | "minute" | "second", number>;
  const whole = Math.floor(at / 1_000) * 1_000;
  const offsetMinutes = (Date.UTC(of.year, of.month - 1, of.day, of.hour, of.minute, of.second) - whole) / 60_000;
  return { ...of, millisecond: at - whole, offsetMinutes };
}

/** Whether a text says this number, as numbersIn reads it: 75 is no part of 0.75, nor 10 of 05:10:23. */
function says(text: string, { raw }: Shown): boolean {
  return numbersIn(text.replaceAll("_", " ")).some((n) => unsigned(n.raw) === unsigned(raw));
}

/** In a UUID or a version, what looks like a sign is a hyphen. */
function unsigned(raw: string): string {
  return raw.replace(/^[-−+]/u, "");
}
