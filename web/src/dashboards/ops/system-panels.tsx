/** Vigil itself, what incidents cost, and AWS as the worker measures it. Absent is "no data". */
import { clsx } from "clsx";
import { ChartNoAxesColumn, CircleAlert, CircleCheck, CircleX, Cloud, HeartPulse } from "lucide-react";
import type { ReactNode } from "react";

import type { AWSServiceMetrics, BusinessMetrics, ComponentHealth } from "../../protocol/generated";
import { useVigilState } from "../../store/react";
import { OriginBadge } from "../../ui/badge";
import { cost, count, duration, noData, quantity } from "../../ui/format";
import { Age } from "../../ui/now";
import { Empty, Fact, Panel, ScrollX } from "../../ui/panel";
import { capital } from "../../ui/words";

const healthIcons: Record<string, ReactNode> = {
  healthy: <CircleCheck aria-hidden className="size-3.5 text-good" />,
  degraded: <CircleAlert aria-hidden className="size-3.5 text-warn" />,
  down: <CircleX aria-hidden className="size-3.5 text-bad" />,
  error: <CircleX aria-hidden className="size-3.5 text-bad" />,
};

export function HealthIcon({ state }: { state: string }) {
  return (
    <>
      {healthIcons[state] ?? <CircleAlert aria-hidden className="size-3.5 text-ink-3" />}
      <span className="sr-only">{state}</span>
    </>
  );
}

export function HealthPanel() {
  const health = useVigilState((s) => s.system.health);
  const d = health?.data;
  return (
    <Panel title="Vigil" icon={<HeartPulse className="size-4" />} testId="system-health" aside={health !== undefined && <span><Age at={health.at} /> ago</span>}>
      {d === undefined ? (
        <Empty>No data: the gateway has not reported its health.</Empty>
      ) : (
        <div className="space-y-3 p-3.5">
          <ul className="grid gap-1 sm:grid-cols-2">
            {(d.components ?? []).map((c) => (
              <Component key={c.name} component={c} />
            ))}
          </ul>
          <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-3">
            <Fact label="Workers polling">{d.workers_polling === undefined ? noData : d.workers_polling}</Fact>
            <Fact label="Event until seen here">{milliseconds(d.event_publish_lag_ms)}</Fact>
            <Fact label="Browsers">{d.websocket_connections}, {milliseconds(d.websocket_latency_ms)} median</Fact>
            <Fact label="Events a second">{quantity(d.events_per_second)}</Fact>
            <Fact label="Deliveries waiting">{count(d.inbox_pending)}</Fact>
            <Fact label="Gateway up for">{duration(d.gateway_uptime_seconds * 1000)}</Fact>
          </dl>
        </div>
      )}
    </Panel>
  );
}

function Component({ component: c }: { component: ComponentHealth }) {
  return (
    <li className="flex items-center gap-1.5 text-xs" data-testid={`component-${c.name}`} data-state={c.state}>
      <HealthIcon state={c.state} />
      <span className="font-medium">{capital(c.name)}</span>
      {c.detail !== undefined && <span className="min-w-0 text-ink-2 [overflow-wrap:anywhere]">{c.detail}</span>}
    </li>
  );
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? noData : `${quantity(ms)} ms`;
}

/** The mean time to resolve with its interval, in words that fit a line. */
export function mttr(b: BusinessMetrics | undefined): { value: string; interval: string | undefined } {
  if (b?.mttr_seconds === undefined) return { value: noData, interval: undefined };
  const interval =
    b.mttr_lower_seconds === undefined || b.mttr_upper_seconds === undefined
      ? `from ${b.sample_size}`
      : `${duration(b.mttr_lower_seconds * 1000)} to ${duration(b.mttr_upper_seconds * 1000)} (95 %), from ${b.sample_size}`;
  return { value: duration(b.mttr_seconds * 1000), interval };
}

export function BusinessPanel() {
  const business = useVigilState((s) => s.system.business);
  const d = business?.data;
  const time = mttr(d);
  return (
    <Panel title="Time and money" icon={<ChartNoAxesColumn className="size-4" />} testId="business" aside={business !== undefined && <span><Age at={business.at} /> ago</span>}>
      {d === undefined ? (
        <Empty>No data: nothing was computed yet.</Empty>
      ) : (
        <dl className="grid grid-cols-2 gap-x-4 gap-y-2 p-3.5 sm:grid-cols-3">
          <Fact label="Mean time to resolve" className="col-span-2 sm:col-span-1">
            <span className="text-base font-semibold">{time.value}</span>
            {time.interval !== undefined && <span className="block text-2xs text-ink-3">{time.interval}</span>}
          </Fact>
          <Fact label="Mean time to acknowledge">{d.mtta_seconds === undefined ? noData : duration(d.mtta_seconds * 1000)}</Fact>
          <Fact label="Remediated by Vigil">{d.incidents_closed === 0 ? noData : `${d.remediated} of ${d.incidents_closed} over`}</Fact>
          <Fact label="Open">{d.incidents_open}</Fact>
          <Fact label="Over">{d.incidents_closed}</Fact>
          <Fact label="Models cost">{cost(d.model_cost_usd_micros, d.model_calls_unknown_price)}</Fact>
        </dl>
      )}
    </Panel>
  );
}

export function AWSPanel() {
  const aws = useVigilState((s) => s.system.aws);
  const services = aws?.data.services ?? [];
  return (
    <Panel title="AWS services" icon={<Cloud className="size-4" />} testId="aws-services" aside={aws !== undefined && <span><Age at={aws.at} /> ago</span>}>
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
                <th scope="col">Latency</th>
                <th scope="col">Tokens in / out</th>
                <th scope="col">Cost</th>
              </tr>
            </thead>
            <tbody>
              {services.map((s) => (
                <AWSRow key={`${s.service}/${s.model}`} service={s} />
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </Panel>
  );
}

function AWSRow({ service: s }: { service: AWSServiceMetrics }) {
  return (
    <tr className="tabular border-t border-line [&>td]:px-2 [&>td]:py-1.5 [&>td]:text-right">
      <th scope="row" className="px-2 py-1.5 text-left font-normal">
        <span className="flex flex-wrap items-center gap-x-1.5 gap-y-0.5">
          <HealthIcon state={s.health} />
          <span className="font-medium">{s.service}</span>
          <OriginBadge origin={s.origin} />
        </span>
        {s.model !== undefined && <span className="block pl-5 text-2xs text-ink-3">{s.model}</span>}
        {s.last_error !== undefined && <span className="block pl-5 text-2xs text-bad [overflow-wrap:anywhere]">{s.last_error}</span>}
      </th>
      <td>{count(s.calls)}</td>
      <td className={clsx(s.errors > 0 && "font-medium text-bad")}>{count(s.errors)}</td>
      <td className="whitespace-nowrap">{milliseconds(s.average_latency_ms)}</td>
      <td className="whitespace-nowrap">{s.model === undefined ? <span className="text-ink-3">none</span> : `${count(s.input_tokens)} / ${count(s.output_tokens)}`}</td>
      <td>{s.model === undefined ? <span className="text-ink-3">none</span> : cost(s.cost_usd_micros)}</td>
    </tr>
  );
}

