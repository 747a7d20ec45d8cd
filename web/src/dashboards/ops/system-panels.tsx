/** Vigil itself, and what incidents cost in time and money. Absent is "no data". */
import { ChartNoAxesColumn, HeartPulse } from "lucide-react";

import type { BusinessMetrics, ComponentHealth } from "../../protocol/generated";
import { useVigilState } from "../../store/react";
import { cost, count, duration, noData, quantity } from "../../ui/format";
import { Age } from "../../ui/now";
import { Empty, Fact, Panel } from "../../ui/panel";
import { capital } from "../../ui/words";
import { HealthIcon } from "./health-icon";

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
          <Fact label="Named the right cause">{d.causes_reviewed === 0 ? noData : `${d.causes_correct} of ${d.causes_reviewed} that people looked back at`}</Fact>
          <Fact label="Models cost">{cost(d.model_cost_usd_micros, d.model_calls_unknown_price)}</Fact>
        </dl>
      )}
    </Panel>
  );
}
