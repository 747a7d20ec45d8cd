/**
 * The numbers of a text as people read them: a clock's time, a date, a length of time, or a plain
 * number with its unit. A digit that touches a letter belongs to a name (p99, E12, 5xx), unless the
 * letters are a unit (38s, 14K).
 */

export type Shown =
  | { kind: "clock"; raw: string; hour: number; minute: number; second?: number; millisecond?: number }
  | { kind: "date"; raw: string; year?: number; month: number; day: number }
  | { kind: "instant"; raw: string; ms: number }
  | { kind: "zone"; raw: string; minutes: number }
  /** step is the least that the last of its units can tell: 12 m 5 s has steps of a second. */
  | { kind: "length"; raw: string; ms: number; stepMs: number; negative: boolean }
  | { kind: "number"; raw: string; value: number; step: number; unit: string; /** It is less than value: "< $0.0001". */ below: boolean };

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const month = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*";

const unitMs: Record<string, number> = { ms: 1, s: 1_000, sec: 1_000, second: 1_000, m: 60_000, min: 60_000, minute: 60_000, h: 3_600_000, hour: 3_600_000, d: 86_400_000, day: 86_400_000, week: 604_800_000 };
const timeUnit = "(?:ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|weeks?)";
const amount = "(?:\\d{1,3}(?:,\\d{3})+|\\d+)(?:\\.\\d+)?";
const before = "(?<![\\p{L}\\d_])";
const after = "(?![\\p{L}\\d_])";

const patterns: readonly [RegExp, (m: RegExpExecArray) => Shown][] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)/u, ([raw]) => ({ kind: "instant", raw, ms: Date.parse(raw) })],
  [/(?:GMT|UTC)([+-−]\d{1,2})(?::(\d\d))?/u, ([raw, hours = "0", minutes = "0"]) => zone(raw, hours, minutes)],
  [
    new RegExp(`${before}(\\d{1,2}):(\\d\\d)(?::(\\d\\d)(?:\\.(\\d{3}))?)?(?:\\s?(am|pm))?${after}`, "iu"),
    ([raw, hour = "", minute = "", second, millisecond, half]) => ({
      kind: "clock",
      raw,
      hour: half === undefined ? Number(hour) : (Number(hour) % 12) + (half.toLowerCase() === "pm" ? 12 : 0),
      minute: Number(minute),
      ...(second !== undefined && { second: Number(second) }),
      ...(millisecond !== undefined && { millisecond: Number(millisecond) }),
    }),
  ],
  [new RegExp(`${before}(\\d{4})-(\\d\\d)-(\\d\\d)${after}`, "u"), ([raw, year, m, day]) => ({ kind: "date", raw, year: Number(year), month: Number(m), day: Number(day) })],
  [new RegExp(`${before}(\\d{1,2}) ${month}(?:,? (\\d{4}))?${after}`, "u"), ([raw, day, name = "", year]) => date(raw, day, name, year)],
  [new RegExp(`${before}${month} (\\d{1,2})(?:,? (\\d{4}))?${after}`, "u"), ([raw, name = "", day, year]) => date(raw, day, name, year)],
  [new RegExp(`${before}([-−+]?)(${amount}\\s?${timeUnit}(?:\\s${amount}\\s?${timeUnit})*)${after}`, "u"), ([raw, sign, words = ""]) => length(raw, sign === "-" || sign === "−", words)],
  [
    new RegExp(`(<)?\\s?([-−+]?)(\\p{Sc}?)${before}(${amount})(e[-+]?\\d+)?\\s?(%|‰|[KMGT]i?B|B${after}|K|M|1/s|×|x(?=[^\\p{L}]|$))?${after}`, "u"),
    ([raw, bound, sign, currency, digits = "", exponent = "", unit = ""]) => number(raw, bound, sign, currency, digits, exponent, unit),
  ],
];

/** Every number of a text, in no particular order. */
export function numbersIn(text: string): Shown[] {
  let rest = text.replaceAll(/[\u00A0\u202F\u2009]/gu, " ");
  const found: Shown[] = [];
  for (const [pattern, read] of patterns) {
    rest = rest.replace(new RegExp(pattern.source, `g${pattern.flags}`), (...match) => {
      const groups = match.slice(0, match.findIndex((part) => typeof part === "number")) as unknown as RegExpExecArray;
      const shown = read(groups);
      found.push({ ...shown, raw: shown.raw.trim() });
      return "\u0001"; // neither digit nor letter: what was read is not read again
    });
  }
  return found;
}

function date(raw: string, day: string | undefined, name: string, year: string | undefined): Shown {
  return { kind: "date", raw, month: months.indexOf(name.slice(0, 3).toLowerCase()) + 1, day: Number(day), ...(year !== undefined && { year: Number(year) }) };
}

function zone(raw: string, hours: string, minutes: string): Shown {
  const whole = Number(hours.replace("−", "-"));
  return { kind: "zone", raw, minutes: whole * 60 + (whole < 0 ? -1 : 1) * Number(minutes) };
}

function length(raw: string, negative: boolean, words: string): Shown {
  let ms = 0;
  let stepMs = 1;
  for (const [, digits = "", unit = ""] of words.matchAll(new RegExp(`(${amount})\\s?(${timeUnit})`, "gu"))) {
    const size = unitMs[unit] ?? unitMs[unit.replace(/s$/u, "")] ?? Number.NaN;
    ms += numeral(digits) * size;
    stepMs = stepOf(digits) * size;
  }
  return { kind: "length", raw, ms, stepMs, negative };
}

function number(raw: string, bound: string | undefined, sign: string | undefined, currency: string | undefined, digits: string, exponent: string, unit: string): Shown {
  const scale = exponent === "" ? 1 : Number(`1${exponent}`);
  const value = numeral(digits) * scale * (sign === "-" || sign === "−" ? -1 : 1);
  return { kind: "number", raw, value, step: stepOf(digits) * scale, unit: currency === undefined || currency === "" ? unit : `$${unit}`, below: bound !== undefined };
}

function numeral(digits: string): number {
  return Number(digits.replaceAll(",", ""));
}

/** One of the last place that is written. */
function stepOf(digits: string): number {
  const decimals = digits.split(".")[1]?.length ?? 0;
  return 10 ** -decimals;
}
