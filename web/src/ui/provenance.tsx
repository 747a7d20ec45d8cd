import type { Provenance } from "../protocol/generated";
import { Badge, OriginBadge } from "./badge";
import { cost, count, duration } from "./format";

/** Where a value came from: service, model, tokens, latency, price, request. */
export function ProvenanceLine({ of: p, className }: { of: Provenance; className?: string }) {
  const parts: string[] = [];
  if (p.model !== undefined) parts.push(p.model);
  else if (p.service !== undefined) parts.push(p.operation === undefined ? p.service : `${p.service} ${p.operation}`);
  if (p.usage !== undefined) parts.push(`${count(p.usage.input_tokens)} in / ${count(p.usage.output_tokens)} out`);
  if (p.latency_ms !== undefined) parts.push(p.latency_ms < 1000 ? `${p.latency_ms} ms` : duration(p.latency_ms));
  if (p.usage !== undefined) parts.push(cost(p.usage.cost_usd_micros));
  return (
    <div className={className} title={p.request_id === undefined ? undefined : `request ${p.request_id}`}>
      <span className="flex flex-wrap items-center gap-x-1.5 gap-y-0.5 text-2xs text-ink-3">
        {parts.length > 0 && <span className="tabular [overflow-wrap:anywhere]">{parts.join(" · ")}</span>}
        {(p.attempt ?? 1) > 1 && (
          <Badge
            tone={(p.lost ?? 0) > 0 ? "warn" : "neutral"}
            title={(p.lost ?? 0) > 0 ? `${p.lost} earlier attempts were sent and their answers lost: paid for again` : "Made again after a failure; what was tried before was not paid for"}
          >
            {(p.lost ?? 0) > 0 ? `repeated, attempt ${p.attempt}` : `attempt ${p.attempt}`}
          </Badge>
        )}
        <OriginBadge origin={p.origin} />
      </span>
    </div>
  );
}
