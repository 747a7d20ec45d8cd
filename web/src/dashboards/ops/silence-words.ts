/** Silences in words, and which silence somebody means who points at alerts. */
import type { Matcher, MatcherOp, Repeat, Silence, SilenceKind } from "../../feed/rest";
import type { Alert, SystemHealthMetrics } from "../../protocol/generated";

export const opWords: Record<MatcherOp, string> = { "=": "is", "!=": "is not", "=~": "matches", "!~": "does not match" };

export const opValues = Object.keys(opWords) as MatcherOp[];

export const kindWords: Record<SilenceKind, string> = { silence: "Silence", maintenance: "Maintenance" };

export const repeatWords: Record<Repeat, string> = { daily: "every day", weekly: "every week" };

const periods: Record<Repeat, number> = { daily: 86_400_000, weekly: 7 * 86_400_000 };

export function periodOf(repeat: Repeat): number {
  return periods[repeat];
}

/** service is checkout */
export function matcherText(m: Matcher): string {
  return `${m.name} ${opWords[m.op] ?? m.op} ${m.value === "" ? "empty" : m.value}`;
}

export function matchersText(matchers: readonly Matcher[]): string {
  return matchers.map(matcherText).join(" and ");
}

/** From when until when a silence holds: where it repeats, this time, or the next time. */
export function windowOf(s: Pick<Silence, "starts_at" | "ends_at" | "repeat">, now: number): { from: number; to: number } {
  const [from, to] = [Date.parse(s.starts_at), Date.parse(s.ends_at)];
  const period = s.repeat === undefined ? undefined : periods[s.repeat];
  if (period === undefined || now < to) return { from, to };
  const times = Math.ceil((now - to + 1) / period);
  return { from: from + times * period, to: to + times * period };
}

/** What the alerts have in common: their service, and what they are called. */
export function matchersOf(alerts: readonly Pick<Alert, "service" | "labels" | "title">[]): Matcher[] {
  const services = distinct(alerts.map((a) => a.service ?? ""));
  const named = alerts.every((a) => (a.labels?.alertname ?? "") !== "");
  const names = distinct(alerts.map((a) => (named ? a.labels?.alertname : a.title) ?? ""));
  return [...oneOf("service", services), ...oneOf(named ? "alertname" : "title", names)];
}

function oneOf(name: string, values: readonly string[]): Matcher[] {
  const [first] = values;
  if (first === undefined || values.includes("")) return [];
  if (values.length === 1) return [{ name, op: "=", value: first }];
  return [{ name, op: "=~", value: values.map(literally).join("|") }];
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].toSorted();
}

/** How many silences hold now; undefined where the gateway does not say. */
export function silencesActive(health: (SystemHealthMetrics & { silences_active?: number }) | undefined): number | undefined {
  return health?.silences_active;
}
