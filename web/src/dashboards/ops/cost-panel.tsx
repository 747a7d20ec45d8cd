import { clsx } from "clsx";
import { Coins } from "lucide-react";
import { useMemo } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import type { Cost, GuardrailCounts } from "../../protocol/generated";
import { OriginBadge } from "../../ui/badge";
import { cost, count, exactCost, noData } from "../../ui/format";
import { Empty, Panel, ScrollX } from "../../ui/panel";
import { eventSource, from } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { capital } from "../../ui/words";
import { type Call, callCost, callsOf } from "../../parts/routes";

/** What models and guardrail cost this incident, call by call. */
export function CostPanel({ cost: sum, guardrail, events }: { cost: Cost; guardrail: GuardrailCounts; events: readonly DecodedEvent[] }) {
  const at = useSource();
  const calls = useMemo(() => callsOf(events), [events]);
  const listed = calls.reduce((all, call) => all + (callCost(call) ?? 0), 0);
  return (
    <Panel title="Cost" icon={<Coins className="size-4" />} testId="cost" source={at("/cost")} aside={<b {...at(["/cost/cost_usd_micros", "/cost/unknown_priced_calls"])} className="tabular font-semibold text-ink" data-testid="cost-sum" data-micros={sum.cost_usd_micros}>{cost(sum.cost_usd_micros, sum.unknown_priced_calls)}</b>}>
      {sum.model_calls === 0 && calls.length === 0 ? (
        <Empty>No model was asked, so nothing was paid for.</Empty>
      ) : (
        <>
          <p className="px-3.5 pt-2.5 text-xs text-ink-2">
            {sum.model_calls === 1 ? "1 model call" : `${sum.model_calls} model calls`}, {count(sum.input_tokens)} tokens in ({count(sum.cache_tokens)} from the cache), {count(sum.output_tokens)} out
            {guardrail.text_units > 0 && <span {...at("/guardrail/text_units")}>, {count(guardrail.text_units)} text units of the guardrail</span>}.
            {sum.repeated_calls > 0 && (
              <span className="text-warn" data-testid="cost-repeated">
                {" "}
                {sum.repeated_calls === 1 ? "1 call was" : `${sum.repeated_calls} calls were`} lost in a crash and made again: {cost(sum.repeated_cost_usd_micros)} of the sum, estimated.
              </span>
            )}
          </p>
          <details className="p-1.5" data-testid="calls">
            <summary className="px-2 py-1 text-2xs font-semibold text-ink-3">Call by call</summary>
            <CallTable calls={calls} listed={listed} />
            {listed !== sum.cost_usd_micros && (
              <p className="px-2 py-1 text-2xs text-warn">
                {exactCost(sum.cost_usd_micros - listed)} of the sum is of calls that are not listed here: their events could not be read yet.
              </p>
            )}
          </details>
        </>
      )}
    </Panel>
  );
}

/** Where the price of a call is, as often as it was sent. */
function sent(c: Call): string[] {
  if (callCost(c) === undefined) return [];
  return Array.from({ length: 1 + (c.provenance.lost ?? 0) }, () => eventSource(c.id, "/provenance/usage/cost_usd_micros"));
}

function CallTable({ calls, listed }: { calls: readonly Call[]; listed: number }) {
  return (
    <ScrollX label="Calls">
      <table className="tabular w-full text-2xs whitespace-nowrap">
        <thead>
          <tr className="text-ink-3 [&>th]:px-2 [&>th]:py-1 [&>th]:text-right [&>th]:font-normal [&>th:first-child]:text-left">
            <th scope="col">Call</th>
            <th scope="col">In</th>
            <th scope="col">Out</th>
            <th scope="col">Cache</th>
            <th scope="col">Latency</th>
            <th scope="col">Attempt</th>
            <th scope="col">Lost</th>
            <th scope="col">Cost</th>
            <th scope="col">Request</th>
            <th scope="col">Prompt</th>
          </tr>
        </thead>
        <tbody>
          {calls.map((c) => (
            <Row key={c.id} call={c} />
          ))}
        </tbody>
        <tfoot>
          <tr className="border-t border-line-strong font-semibold [&>*]:px-2 [&>*]:py-1.5">
            <th scope="row" colSpan={7} className="text-left">
              Sum of known prices
            </th>
            <td colSpan={3} {...from(calls.flatMap(sent).join(" "), "total")} className="text-left" data-testid="calls-sum">
              {exactCost(listed)}
            </td>
          </tr>
        </tfoot>
      </table>
    </ScrollX>
  );
}

function Row({ call: c }: { call: Call }) {
  const { provenance: p } = c;
  const lost = p.lost ?? 0;
  const name = c.model === undefined ? `Guardrail, ${c.guardrail?.subject ?? "text"}` : `${capital(c.model.agent)}, turn ${c.model.turn}`;
  return (
    <tr {...from(eventSource(c.id, "/provenance"))} className="border-t border-line align-top [&>td]:px-2 [&>td]:py-1 [&>td]:text-right">
      <th scope="row" className="px-2 py-1 text-left font-medium">
        <span {...from(eventSource(c.id, "/data/turn"))} className="flex items-center gap-1.5">
          {name} <OriginBadge origin={p.origin} />
        </span>
        <span className="block font-normal text-ink-3">{p.model ?? p.operation ?? p.service}</span>
        {c.model?.problem !== undefined && <span {...from(eventSource(c.id, "/data/problem"))} className="block max-w-72 font-normal whitespace-normal text-warn [overflow-wrap:anywhere]">not used: {c.model.problem}</span>}
      </th>
      <td>{p.usage === undefined ? noData : c.model === undefined ? `${p.usage.text_units ?? 0} units` : count(p.usage.input_tokens)}</td>
      <td>{c.model === undefined ? "" : p.usage === undefined ? noData : count(p.usage.output_tokens)}</td>
      <td>{c.model === undefined ? "" : count(p.usage?.cache_tokens ?? 0)}</td>
      <td>{p.latency_ms === undefined ? noData : `${p.latency_ms} ms`}</td>
      <td>{p.attempt ?? noData}</td>
      <td className={clsx(lost > 0 && "font-medium text-warn")}>{lost}</td>
      <td {...from(sent(c).join(" ") || eventSource(c.id), "total")} title={lost > 0 ? `${exactCost(p.usage?.cost_usd_micros)} each, sent ${1 + lost} times` : undefined}>{exactCost(callCost(c))}</td>
      <td className="font-mono" title={p.request_id}>{p.request_id?.slice(0, 8) ?? noData}</td>
      <td {...from(eventSource(c.id, "/data/prompt_hash"))} className="font-mono" title={c.model?.prompt_hash}>{c.model?.prompt_hash?.slice(0, 8) ?? ""}</td>
    </tr>
  );
}
