/** Numbers and times for people. What is absent is "no data", never zero. */

export const noData = "no data";

/** Go writes the zero time as year 1; it stands for "not yet". */
export function parseTime(at: string | undefined): number | undefined {
  if (at === undefined) return undefined;
  const ms = Date.parse(at);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}

/** 0.4 s, 38 s, 16 m 37 s, 3 h 12 m, 2 d 4 h */
export function duration(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${(Math.floor(s * 10) / 10).toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} m ${Math.floor(s % 60)} s`;
  const h = Math.floor(m / 60);
  if (h < 24) return `${h} h ${m % 60} m`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** An age in one unit, for lists: 38s, 16m, 3h, 2d */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h`;
  return `${Math.floor(s / 86_400)}d`;
}

/** What is left until something, rounded up, no finer than people plan by: 38 s, 42 m, 3 h 12 m, 2 d 4 h */
export function remaining(ms: number): string {
  const s = Math.ceil(Math.max(0, ms) / 1000);
  if (s < 60) return `${s} s`;
  const m = Math.ceil(s / 60);
  if (m < 60) return `${m} m`;
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 === 0 ? `${h} h` : `${h} h ${m % 60} m`;
  return h % 24 === 0 ? `${Math.floor(h / 24)} d` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

export function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString(undefined, { hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** The day and the time here, with its zone. */
export function dayTime(ms: number): string {
  return new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
}

/** For a hover: the time here, and the exact one. */
export function exactTime(ms: number): string {
  return `${dayTime(ms)} (${new Date(ms).toISOString()})`;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function count(n: number): string {
  return n < 10_000 ? whole.format(n) : short.format(n);
}

/** Up to three significant digits: 0.0012, 1.25, 127, 1,240 */
export function quantity(n: number): string {
  if (n === 0) return "0";
  const size = Math.abs(n);
  if (size >= 1000) return whole.format(n);
  return Number(n.toPrecision(size >= 100 ? 3 : 2)).toString();
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A measure with its unit. Shares are shown in per cent. */
export function measure(value: number, unit: string | undefined): string {
  switch (unit) {
    case "share":
    case "ratio":
      return `${quantity(value * 100)} %`;
    case "percent":
    case "%":
      return `${quantity(value)} %`;
    case "bytes":
      return bytes(value);
    case "bytes/s":
      return `${bytes(value)}/s`;
    case undefined:
    case "":
    case "count":
      return quantity(value);
    default:
      return `${quantity(value)} ${unit}`;
  }
}

/** Millionths of a US dollar, to a hundredth of a cent. Calls whose price is not known are said, not guessed. */
export function cost(micros: number | undefined, unknownCalls = 0): string {
  const calls = unknownCalls === 1 ? "1 call" : `${unknownCalls} calls`;
  if (micros === undefined || (micros === 0 && unknownCalls > 0)) return unknownCalls > 0 ? `${calls} of unknown price` : "price unknown";
  return unknownCalls > 0 ? `${dollars(micros)} + ${calls} of unknown price` : dollars(micros);
}

function dollars(micros: number): string {
  if (micros === 0) return "$0";
  if (micros < 50) return "< $0.0001";
  return `$${(micros / 1e6).toFixed(micros < 100e6 ? 4 : 2)}`;
}

/** To the millionth of a dollar, for columns that add up. */
export function exactCost(micros: number | undefined): string {
  return micros === undefined ? "unknown" : `$${(micros / 1e6).toFixed(6)}`;
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 ** 2) return `${quantity(n / 1024)} KB`;
  if (n < 1024 ** 3) return `${quantity(n / 1024 ** 2)} MB`;
  return `${quantity(n / 1024 ** 3)} GB`;
}
