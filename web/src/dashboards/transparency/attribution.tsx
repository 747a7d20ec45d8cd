/** Who and what made a value: the origin, the service, the model, what it took, and the request that proves it. */
import type { ReactNode } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import { Badge, OriginBadge } from "../../ui/badge";
import { cost, count, duration } from "../../ui/format";
import { Moment } from "../../ui/now";
import { useSource, useSubject } from "./subject";

/** How much of a hash or an id tells it from others; the whole is there on hover and when copied. */
const telling = 12;

export function Attribution({ event }: { event: DecodedEvent["event"] }) {
  const { scenario } = useSubject();
  const source = useSource();
  const p = event.provenance;
  const attempt = p.attempt ?? 1;
  return (
    <dl {...source(event.id, "/provenance")} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-3.5 py-1.5 text-2xs text-ink-3" data-testid="attribution" aria-label="Where this comes from">
      <Item label="Origin">
        <span className="inline-flex gap-1 align-middle">
          {scenario !== undefined && <OriginBadge origin="recorded" />}
          {p.origin === "live" ? scenario === undefined && <Badge tone="good">live</Badge> : <OriginBadge origin={p.origin} />}
        </span>
      </Item>
      <Item label="When">
        <Moment at={event.at} className="tabular" source={source(event.id, "/at")} />
      </Item>
      {p.principal !== undefined && <Item label="Person">{p.principal}</Item>}
      {p.principal === undefined && p.service !== undefined && <Item label="Service">{p.operation === undefined ? p.service : `${p.service} ${p.operation}`}</Item>}
      {p.model !== undefined && <Item label="Model">{p.model}</Item>}
      {p.usage !== undefined && <Tokens usage={p.usage} />}
      {p.latency_ms !== undefined && <Item label="Latency">{p.latency_ms < 1000 ? `${p.latency_ms} ms` : duration(p.latency_ms)}</Item>}
      {p.usage !== undefined && <Item label="Cost">{cost(p.usage.cost_usd_micros)}</Item>}
      {attempt > 1 && (
        <Item label="Attempt">
          <span className={(p.lost ?? 0) > 0 ? "text-warn" : undefined}>
            {attempt}
            {(p.lost ?? 0) > 0 && `, ${p.lost} answers lost and paid for`}
          </span>
        </Item>
      )}
      {p.request_id !== undefined && <Item label="Request">{short(p.request_id)}</Item>}
    </dl>
  );
}

function Tokens({ usage: u }: { usage: NonNullable<DecodedEvent["event"]["provenance"]["usage"]> }) {
  if (u.text_units !== undefined && u.input_tokens === 0 && u.output_tokens === 0) return <Item label="Text units">{count(u.text_units)}</Item>;
  return (
    <Item label="Tokens">
      {count(u.input_tokens)} in, {count(u.output_tokens)} out{u.cache_tokens !== undefined && u.cache_tokens > 0 && `, ${count(u.cache_tokens)} cached`}
    </Item>
  );
}

function Item({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="inline-flex min-w-0 items-baseline gap-1">
      <dt>{label}</dt>
      <dd className="tabular min-w-0 text-ink-2 [overflow-wrap:anywhere]">{children}</dd>
    </div>
  );
}

function short(id: string): ReactNode {
  return (
    <code title={id} className="font-mono">
      {id.slice(0, telling)}
    </code>
  );
}
