/** The AWS services as all workers together measured them. */
import type { AWSServiceMetrics, AWSServicesEvent, Spend } from "../protocol/generated";

/** A worker that says nothing for this long is gone, and what it counted with it. */
const silentMs = 120_000;

/** Takes what a worker says now in the place of what it said before. */
export function hear(before: readonly AWSServicesEvent[], event: AWSServicesEvent): AWSServicesEvent[] {
  const now = Date.parse(event.at);
  const others = before.filter((e) => e.data.worker !== event.data.worker && now - Date.parse(e.at) < silentMs);
  return [...others, event].toSorted((a, b) => (a.data.worker < b.data.worker ? -1 : 1));
}

/** The day's spend as it was read last: it is of all workers already. */
export function spendToday(events: readonly AWSServicesEvent[]): Spend | undefined {
  return events.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at)).find((e) => e.data.today !== undefined)?.data.today;
}

/**
 * One line per service and model. Counts add up; of latencies, which do not, the slowest worker's is
 * shown; health, breaker and error are the worst that any worker has.
 */
export function merged(events: readonly AWSServicesEvent[]): AWSServiceMetrics[] {
  const lines = new Map<string, AWSServiceMetrics>();
  for (const { data } of events) {
    for (const s of data.services ?? []) {
      const key = `${s.service}/${s.model ?? ""}`;
      const have = lines.get(key);
      lines.set(key, have === undefined ? s : both(have, s));
    }
  }
  return Array.from(lines.values()).toSorted((a, b) => compare(a.service, b.service) || compare(a.model ?? "", b.model ?? ""));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

const worseHealth = ["healthy", "degraded", "error"];
const worseBreaker = ["closed", "half_open", "open"];

function both(a: AWSServiceMetrics, b: AWSServiceMetrics): AWSServiceMetrics {
  const unhealthy = worse(worseHealth, a.health, b.health) === b.health ? b : a;
  const breaker = worse(worseBreaker, a.breaker, b.breaker);
  return {
    ...a,
    calls: a.calls + b.calls,
    errors: a.errors + b.errors,
    errors_by_kind: sums(a.errors_by_kind, b.errors_by_kind),
    average_latency_ms: slower(a.average_latency_ms, b.average_latency_ms),
    p50_latency_ms: slower(a.p50_latency_ms, b.p50_latency_ms),
    p95_latency_ms: slower(a.p95_latency_ms, b.p95_latency_ms),
    p99_latency_ms: slower(a.p99_latency_ms, b.p99_latency_ms),
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cache_tokens: a.cache_tokens + b.cache_tokens,
    text_units: a.text_units + b.text_units,
    cost_usd_micros: add(a.cost_usd_micros, b.cost_usd_micros),
    unknown_priced_calls: a.unknown_priced_calls + b.unknown_priced_calls,
    limited_calls: a.limited_calls + b.limited_calls,
    breaker,
    breaker_until: [a, b].filter((s) => s.breaker === breaker).map((s) => s.breaker_until).toSorted().at(-1),
    health: unhealthy.health,
    last_error: unhealthy.last_error ?? a.last_error ?? b.last_error,
    guardrail_outcomes: sums(a.guardrail_outcomes, b.guardrail_outcomes),
    origin: a.origin === b.origin ? a.origin : "simulated",
  };
}

function worse<T extends string | undefined>(order: readonly string[], a: T, b: T): T {
  return order.indexOf(b ?? "") > order.indexOf(a ?? "") ? b : a;
}

function slower(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : a + b;
}

function sums(a: Record<string, number> | undefined, b: Record<string, number> | undefined): Record<string, number> | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const all = { ...a };
  for (const [key, n] of Object.entries(b)) all[key] = (all[key] ?? 0) + n;
  return all;
}
