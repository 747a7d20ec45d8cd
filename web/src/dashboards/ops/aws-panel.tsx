/** The AWS services as the workers measure them, and what models used today. Absent is "no data". */
import { clsx } from "clsx";
import { Cloud } from "lucide-react";
import { useMemo } from "react";

import type { AWSServiceMetrics, AWSServicesEvent, Spend } from "../../protocol/generated";
import { merged, spendToday } from "../../store/aws-services";
import { useVigilState } from "../../store/react";
import { Badge, OriginBadge } from "../../ui/badge";
import { cost, count, duration, noData, parseTime, quantity } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { Age, useNow } from "../../ui/now";
import { Empty, Panel, ScrollX } from "../../ui/panel";
import { type SourceProps, from, step, systemSource, systemTime } from "../../ui/source";
import { spaced } from "../../ui/words";
import { HealthIcon } from "../../parts/health-icon";

const noEvents: readonly never[] = [];

export function AWSPanel() {
  const events = useVigilState((s) => s.system.aws) ?? noEvents;
  const services = useMemo(() => merged(events), [events]);
  const today = spendToday(events);
  const latest = events.toSorted((a, b) => (a.at < b.at ? -1 : 1)).at(-1);
  return (
    <Panel
      title="AWS services"
      icon={<Cloud className="size-4" />}
      testId="aws-services"
      className="lg:col-span-2"
      aside={
        latest !== undefined && (
          <span>
            {events.length > 1 && "all workers together, "}
            <Age at={latest.at} source={from(systemTime(latest))} /> ago
          </span>
        )
      }
    >
      {today !== undefined && <Today spend={today} source={events.filter((e) => e.data.today === today).map((e) => systemSource(e, "/today"))[0] ?? ""} />}
      {services.length === 0 ? (
        <Empty>No data: no worker has called an AWS service since it started.</Empty>
      ) : (
        <ScrollX label="AWS services" className="p-1.5">
          <table className="w-full text-xs">
            <thead>
              <tr className="text-2xs whitespace-nowrap text-ink-3 [&>th]:px-2 [&>th]:py-1 [&>th]:text-right [&>th]:font-normal [&>th:first-child]:text-left">
                <th scope="col">Service</th>
                <th scope="col">Calls</th>
                <th scope="col">Errors</th>
                <th scope="col" title={events.length > 1 ? "Of the slowest worker" : undefined}>p50 / p95 / p99</th>
                <th scope="col">Tokens in / out</th>
                <th scope="col">Cost</th>
                <th scope="col">Breaker</th>
                <th scope="col">Limited</th>
              </tr>
            </thead>
            <tbody>
              {services.map((s) => (
                <Row key={`${s.service}/${s.model}`} service={s} measured={measuredBy(events, s)} />
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </Panel>
  );
}

interface Measured {
  service: AWSServiceMetrics;
  source: string;
}

/** What each worker measured of a service. */
function measuredBy(events: readonly AWSServicesEvent[], s: AWSServiceMetrics): Measured[] {
  return events.flatMap((e) => (e.data.services ?? []).flatMap((service, i) => (service.service === s.service && service.model === s.model ? [{ service, source: systemSource(e, `/services/${i}`) }] : [])));
}

function Today({ spend: s, source }: { spend: Spend; source: string }) {
  const cap = s.cap.cost_usd_micros;
  const used = s.used.cost_usd_micros ?? 0;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3.5 py-2 text-xs" data-testid="spend-today">
      <span {...from(`${source}/cap`)}>
        Today, all incidents: <b {...from(`${source}/used/cost_usd_micros ${source}/unknown_priced_calls`)} className="tabular font-semibold">{cost(used, s.unknown_priced_calls)}</b>
        {cap === undefined ? ", no cap" : ` of ${cost(cap)}`}
      </span>
      {cap !== undefined && cap > 0 && <Meter source={from(source, "share /used/cost_usd_micros /cap/cost_usd_micros")} value={used / cap} label="Used of the day's cap" className="w-32" />}
      <span {...from(`${source}/used ${source}/cap ${source}/day`)} className="tabular text-2xs text-ink-3">
        {count(s.used.turns ?? 0)}
        {s.cap.turns !== undefined && ` of ${count(s.cap.turns)}`} calls, {count(s.used.tokens ?? 0)}
        {s.cap.tokens !== undefined && ` of ${count(s.cap.tokens)}`} tokens, {s.day} UTC
      </span>
    </div>
  );
}

function Row({ service: s, measured }: { service: AWSServiceMetrics; measured: readonly Measured[] }) {
  const all = measured.map((m) => m.source).join(" ");
  const sum = (...fields: string[]) => from(all, fields.map((field) => `total ${field}`).join("; "));
  /** What is of one of the workers. */
  const of = (...fields: (keyof AWSServiceMetrics)[]) => from(fields.flatMap((field) => measured.filter((m) => m.service[field] === s[field]).slice(0, 1).map((m) => `${m.source}/${field}`)).join(" "));
  const tokens = s.input_tokens + s.output_tokens > 0 || s.model !== undefined;
  return (
    <tr className="tabular border-t border-line align-top [&>td]:px-2 [&>td]:py-1.5 [&>td]:text-right" data-testid={`aws-${s.service}${s.model === undefined ? "" : `-${s.model}`}`} data-health={s.health}>
      <th scope="row" className="max-w-72 px-2 py-1.5 text-left font-normal">
        <span className="flex flex-wrap items-center gap-x-1.5 gap-y-0.5">
          <HealthIcon state={s.health} />
          <span className="font-medium">{s.service}</span>
          {s.origin === undefined ? <span className="text-2xs text-ink-3">never answered</span> : <OriginBadge origin={s.origin} />}
        </span>
        {s.model !== undefined && <span {...of("model")} className="block pl-5 text-2xs text-ink-3">{s.model}</span>}
        <Kinds counts={s.guardrail_outcomes} source={(kind) => sum(`/guardrail_outcomes${step(kind)}`)} className="block pl-5 text-2xs text-ink-2" />
        {s.last_error !== undefined && <span {...of("last_error")} className="block pl-5 text-2xs text-bad [overflow-wrap:anywhere]">{s.last_error}</span>}
      </th>
      <td {...sum("/calls")}>{count(s.calls)}</td>
      <td {...sum("/errors")} className={clsx(s.errors > 0 && "font-medium text-bad")}>
        {count(s.errors)}
        <Kinds counts={s.errors_by_kind} source={(kind) => sum(`/errors_by_kind${step(kind)}`)} className="block text-2xs font-normal whitespace-nowrap text-ink-2" />
      </td>
      <td {...of("p50_latency_ms", "p95_latency_ms", "p99_latency_ms")} className="whitespace-nowrap">
        {s.p50_latency_ms === undefined ? noData : `${[s.p50_latency_ms, s.p95_latency_ms, s.p99_latency_ms].map((ms) => (ms === undefined ? "?" : quantity(ms))).join(" / ")} ms`}
      </td>
      <td {...sum("/input_tokens", "/output_tokens", "/text_units")} className="whitespace-nowrap">
        {tokens ? `${count(s.input_tokens)} / ${count(s.output_tokens)}` : s.text_units > 0 ? `${count(s.text_units)} text units` : <span className="text-ink-3">none</span>}
        {s.cache_tokens > 0 && <span {...sum("/cache_tokens")} className="block text-2xs text-ink-3">{count(s.cache_tokens)} from the cache</span>}
      </td>
      <td {...sum("/cost_usd_micros", "/unknown_priced_calls")}>{tokens || s.cost_usd_micros !== undefined || s.unknown_priced_calls > 0 ? <Cost service={s} /> : <span className="text-ink-3">none</span>}</td>
      <td {...of("breaker_until")}>{s.breaker === undefined ? <span className="text-ink-3">none</span> : <Breaker state={s.breaker} until={s.breaker_until} />}</td>
      <td {...sum("/limited_calls")}>{count(s.limited_calls)}</td>
    </tr>
  );
}

function Cost({ service: s }: { service: AWSServiceMetrics }) {
  if (s.cost_usd_micros === undefined) return <>unknown</>;
  return <>{cost(s.cost_usd_micros, s.unknown_priced_calls)}</>;
}

function Breaker({ state, until }: { state: string; until: string | undefined }) {
  const now = useNow();
  const at = parseTime(until);
  const left = state === "open" && at !== undefined && at > now ? `, ${duration(at - now)} left` : "";
  return (
    <Badge tone={state === "open" ? "bad" : state === "half_open" ? "warn" : "good"} title="Open: no call is made until it has had time to recover">
      {spaced(state)}
      {left}
    </Badge>
  );
}

function Kinds({ counts, source, className }: { counts: Record<string, number> | undefined; source: (kind: string) => SourceProps; className: string }) {
  const some = Object.entries(counts ?? {}).filter(([, n]) => n > 0);
  if (some.length === 0) return null;
  return (
    <span className={className}>
      {some.map(([kind, n], i) => (
        <span key={kind} {...source(kind)}>
          {i > 0 && ", "}
          {count(n)} {spaced(kind)}
        </span>
      ))}
    </span>
  );
}
