/** Vigil itself, and what incidents cost in time and money. Absent is "no data". */
import { ChartNoAxesColumn, HeartPulse } from "lucide-react";

import type { ComponentHealth } from "../../protocol/generated";
import { useVigilState } from "../../store/react";
import { cost, count, duration, noData, quantity } from "../../ui/format";
import { Age } from "../../ui/now";
import { Empty, Fact, Panel } from "../../ui/panel";
import { type SourceProps, from, systemSource, systemTime } from "../../ui/source";
import { capital } from "../../ui/words";
import { HealthIcon } from "../../parts/health-icon";
import { estimated } from "./estimated";

export function HealthPanel() {
  const health = useVigilState((s) => s.system.health);
  const d = health?.data;
  const at = (...fields: string[]) => (health === undefined ? undefined : from(fields.map((field) => systemSource(health, field)).join(" ")));
  return (
    <Panel title="Vigil" icon={<HeartPulse className="size-4" />} testId="system-health" aside={health !== undefined && <span><Age at={health.at} source={from(systemTime(health))} /> ago</span>}>
      {d === undefined ? (
        <Empty>No data: the gateway has not reported its health.</Empty>
      ) : (
        <div className="space-y-3 p-3.5">
          <ul className="grid gap-1 sm:grid-cols-2">
            {(d.components ?? []).map((c, i) => (
              <Component key={c.name} component={c} source={at(`/components/${i}/detail`)} />
            ))}
          </ul>
          <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-3">
            <Fact label="Workers polling" source={at("/workers_polling")}>{d.workers_polling === undefined ? noData : d.workers_polling}</Fact>
            <Fact label="Bus lag, event until seen" source={at("/event_publish_lag_ms")}>{milliseconds(d.event_publish_lag_ms)}</Fact>
            <Fact label="Sockets of browsers" source={at("/websocket_connections", "/websocket_latency_ms")}>{d.websocket_connections}, {milliseconds(d.websocket_latency_ms)} median</Fact>
            <Fact label="Events a second" source={at("/events_per_second")}>{quantity(d.events_per_second)}</Fact>
            <Fact label="Deliveries waiting" source={at("/inbox_pending")}>{count(d.inbox_pending)}</Fact>
            <Fact label="Deliveries set aside" source={at("/inbox_quarantined")}>{count(d.inbox_quarantined)}</Fact>
            <Fact label="Events projected up to" source={at("/projection_offset")}>{count(d.projection_offset)}</Fact>
            <Fact label="Gateway up for" source={at("/gateway_uptime_seconds")}>{duration(d.gateway_uptime_seconds * 1000)}</Fact>
          </dl>
        </div>
      )}
    </Panel>
  );
}

function Component({ component: c, source }: { component: ComponentHealth; source: Partial<SourceProps> | undefined }) {
  return (
    <li {...source} className="flex items-center gap-1.5 text-xs" data-testid={`component-${c.name}`} data-state={c.state}>
      <HealthIcon state={c.state} />
      <span className="font-medium">{capital(c.name)}</span>
      {c.detail !== undefined && <span className="min-w-0 text-ink-2 [overflow-wrap:anywhere]">{c.detail}</span>}
    </li>
  );
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? noData : `${quantity(ms)} ms`;
}

function seconds(value: number): string {
  return duration(value * 1000);
}

export function BusinessPanel() {
  const business = useVigilState((s) => s.system.business);
  const d = business?.data;
  const resolve = estimated(d?.mttr_seconds, seconds);
  const at = (...fields: string[]) => (business === undefined ? undefined : from(fields.map((field) => systemSource(business, field)).join(" ")));
  return (
    <Panel title="Time and money" icon={<ChartNoAxesColumn className="size-4" />} testId="business" aside={business !== undefined && <span><Age at={business.at} source={from(systemTime(business))} /> ago</span>}>
      {d === undefined ? (
        <Empty>No data: nothing was computed yet.</Empty>
      ) : (
        <dl className="grid grid-cols-2 gap-x-4 gap-y-2 p-3.5 sm:grid-cols-3">
          <Fact label="Mean time to resolve" source={at("/mttr_seconds")} className="col-span-2 sm:col-span-1">
            <span className="text-base font-semibold">{resolve.value}</span>
            {resolve.detail !== undefined && <span className="block text-2xs text-ink-3">{resolve.detail}</span>}
          </Fact>
          <Fact label="Mean time to acknowledge" source={at("/mtta_seconds")}>{estimated(d.mtta_seconds, seconds).value}</Fact>
          <Fact label="Remediated by Vigil" source={at("/incidents_remediated", "/incidents_handled")}>{d.incidents_handled === 0 ? noData : `${d.incidents_remediated} of ${d.incidents_handled} handled`}</Fact>
          <Fact label="Open" source={at("/incidents_open")}>{d.incidents_open}</Fact>
          <Fact label="Over" source={at("/incidents_closed")}>{d.incidents_closed}</Fact>
          <Fact label="Named the right cause" source={at("/diagnosis")}>{d.diagnosis.n === 0 ? noData : `${d.diagnosis.k} of ${d.diagnosis.n} that people looked back at`}</Fact>
          <Fact label="Models cost" source={at("/ai_cost_total_usd_micros", "/ai_calls_unknown_price")}>{cost(d.ai_cost_total_usd_micros, d.ai_calls_unknown_price)}</Fact>
        </dl>
      )}
    </Panel>
  );
}
