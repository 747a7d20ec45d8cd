/** What the incident took so far: time, models, evidence, checks; and its figures once there are any. */
import { clsx } from "clsx";
import { Bot, Coins, Gauge, Microscope, ShieldCheck, Timer } from "lucide-react";
import { useMemo, type ReactNode } from "react";

import { Badge, toneText } from "../../ui/badge";
import { cost, count, duration, noData } from "../../ui/format";
import { Empty, Panel, ScrollX } from "../../ui/panel";
import { from } from "../../ui/source";
import { amount, capital, guardrailWord, phaseStateWord, spaced } from "../../ui/words";
import { Figures } from "./figures";
import { usePlace, useSource, useSubject } from "./subject";
import { type CallRow, type Sum, type Tally, tallyOf, tokensByAgent } from "./tally";

export function AnalyticsView() {
  const { recording } = useSubject();
  const { index } = usePlace();
  const tally = useMemo(() => tallyOf(recording.events.slice(0, index + 1)), [recording, index]);
  return (
    <div className="mx-auto grid max-w-6xl items-start gap-4 lg:grid-cols-2">
      <Phases tally={tally} />
      <Figures />
      <Models rows={tally.rows} />
      <Agents rows={tally.rows} />
      <Checks tally={tally} />
      <EvidenceKinds tally={tally} />
      <Budget tally={tally} />
    </div>
  );
}

/** How many events there are of something. */
function Many({ events, className }: { events: readonly string[]; className?: string }) {
  const { recording } = useSubject();
  return (
    <span {...from(events.map((id) => recording.sourceOf(id)).join(" "), "many")} className={clsx("tabular", className)}>
      {count(events.length)}
    </span>
  );
}

/** The sum of one value of several events. */
function Total({ of, pointer, children }: { of: Sum; pointer: string; children: (value: number) => string }) {
  const { recording } = useSubject();
  if (of.events.length === 0) return <span className="text-ink-3">{noData}</span>;
  return (
    <span {...from(of.events.map((id) => recording.sourceOf(id, pointer)).join(" "), "total")} className="tabular">
      {children(of.value)}
    </span>
  );
}

function Phases({ tally: { phases } }: { tally: Tally }) {
  const { recording } = useSubject();
  const begin = Math.min(...phases.map((p) => p.startMs));
  const end = Math.max(...phases.map((p) => p.startMs + p.ms));
  const total = Math.max(1, end - begin);
  return (
    <Panel title="Time per phase" icon={<Timer className="size-4" />} testId="phase-times" className="lg:col-span-2">
      {phases.length === 0 ? (
        <Empty>No phase began: {noData}.</Empty>
      ) : (
        <ul className="space-y-1.5 p-3.5">
          {phases.map((p) => {
            const word = phaseStateWord(p.state);
            return (
              <li key={`${p.phase}/${p.from}`} className="grid grid-cols-[7.5rem_1fr_5.5rem] items-center gap-3 text-xs">
                <span className="min-w-0">
                  <span className="font-medium">{capital(p.phase)}</span> {p.state !== "completed" && <span className={clsx("text-2xs", toneText[word.tone])}>{word.text}</span>}
                </span>
                <span aria-hidden className="relative h-3 rounded bg-hover">
                  <span className={clsx("absolute inset-y-0 min-w-[3px] rounded", p.state === "failed" ? "bg-bad" : p.state === "degraded" ? "bg-warn" : "bg-accent")} style={{ left: `${((p.startMs - begin) / total) * 100}%`, width: `${(p.ms / total) * 100}%` }} />
                </span>
                <span {...from(`${recording.sourceOf(p.from, "/at")} ${recording.sourceOf(p.to, "/at")}`, "span")} className="tabular text-right">
                  {p.from === p.to ? "no time" : duration(p.ms)}
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </Panel>
  );
}

function Models({ rows }: { rows: readonly CallRow[] }) {
  return (
    <Panel title="Model calls" icon={<Bot className="size-4" />} testId="model-calls" className="lg:col-span-2" aside="Each answer counted once; what was lost and paid for again stands apart">
      {rows.length === 0 ? (
        <Empty>No model was asked.</Empty>
      ) : (
        <ScrollX label="Model calls" className="p-1.5">
          <table className="w-full min-w-[42rem] text-xs">
            <thead>
              <tr className="text-2xs text-ink-3 [&>th]:px-2 [&>th]:py-1 [&>th]:text-right [&>th]:font-normal [&>th:nth-child(-n+2)]:text-left">
                <th scope="col">Agent</th>
                <th scope="col">Model</th>
                <th scope="col">Calls</th>
                <th scope="col">Tokens in</th>
                <th scope="col">Tokens out</th>
                <th scope="col">Time in ms</th>
                <th scope="col">Cost</th>
                <th scope="col">Lost</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((r) => (
                <tr key={r.key} className="border-t border-line [&>td]:px-2 [&>td]:py-1.5 [&>td]:text-right">
                  <th scope="row" className="px-2 text-left font-medium">
                    {capital(r.agent)}
                  </th>
                  <td className="text-left!">
                    <ModelName row={r} />
                  </td>
                  <td>
                    <Many events={r.calls} />
                  </td>
                  <td>
                    <Total of={r.input} pointer="/provenance/usage/input_tokens">{count}</Total>
                  </td>
                  <td>
                    <Total of={r.output} pointer="/provenance/usage/output_tokens">{count}</Total>
                  </td>
                  <td>
                    <Total of={r.latency} pointer="/provenance/latency_ms">{count}</Total>
                  </td>
                  <td>
                    <Total of={r.cost} pointer="/provenance/usage/cost_usd_micros">{cost}</Total>
                    {r.cost.events.length < r.calls.length && <span className="block text-2xs text-warn">not all prices known</span>}
                  </td>
                  <td>{r.lost.value === 0 ? <span className="text-ink-3">none</span> : <Total of={r.lost} pointer="/provenance/lost">{count}</Total>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </Panel>
  );
}

function ModelName({ row: r }: { row: CallRow }) {
  const source = useSource();
  if (r.model === undefined) return <>{noData}</>;
  return (
    <code {...source(r.calls[0] ?? "", "/provenance/model")} className="font-mono text-2xs [overflow-wrap:anywhere]">
      {r.model}
    </code>
  );
}

function Agents({ rows }: { rows: readonly CallRow[] }) {
  const { recording } = useSubject();
  const agents = tokensByAgent(rows);
  const total = Math.max(1, agents.reduce((sum, a) => sum + a.tokens, 0));
  const sources = (own: readonly CallRow[]) => own.flatMap((r) => [...r.input.events.map((id) => recording.sourceOf(id, "/provenance/usage/input_tokens")), ...r.output.events.map((id) => recording.sourceOf(id, "/provenance/usage/output_tokens"))]).join(" ");
  return (
    <Panel title="Agents' share of the tokens" icon={<Gauge className="size-4" />} testId="agent-shares">
      {agents.length === 0 ? (
        <Empty>No agent asked a model.</Empty>
      ) : (
        <ul className="space-y-1.5 p-3.5">
          {agents.map((a) => (
            <Bar key={a.agent} name={capital(a.agent)} share={a.tokens / total}>
              <span {...from(sources(a.rows), "total")} className="tabular">
                {count(a.tokens)}
              </span>{" "}
              tokens
            </Bar>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Bar({ name, share, children }: { name: string; share: number; children: ReactNode }) {
  return (
    <li className="grid grid-cols-[7.5rem_1fr_auto] items-center gap-3 text-xs">
      <span className="truncate font-medium">{name}</span>
      <span aria-hidden className="h-3 overflow-hidden rounded bg-hover">
        <span className="block h-full rounded bg-accent" style={{ width: `${share * 100}%` }} />
      </span>
      <span className="min-w-20 text-right">{children}</span>
    </li>
  );
}

function Checks({ tally: { guardrail } }: { tally: Tally }) {
  const most = Math.max(1, ...guardrail.map((g) => g.events.length));
  return (
    <Panel title="Guardrail" icon={<ShieldCheck className="size-4" />} testId="guardrail-counts">
      {guardrail.length === 0 ? (
        <Empty>Nothing was checked: {noData}.</Empty>
      ) : (
        <ul className="space-y-1.5 p-3.5">
          {guardrail.map((g) => (
            <Bar key={g.outcome} name={capital(guardrailWord(g.outcome).text)} share={g.events.length / most}>
              <Many events={g.events} />
            </Bar>
          ))}
        </ul>
      )}
    </Panel>
  );
}

const absent: Partial<Record<Tally["evidence"][number]["kind"], string>> = { past_incident: "No historical matches found", runbook: "No runbook found" };

function EvidenceKinds({ tally: { evidence } }: { tally: Tally }) {
  return (
    <Panel title="Evidence by kind" icon={<Microscope className="size-4" />} testId="evidence-kinds">
      <ul className="divide-y divide-line">
        {evidence.map((k) => (
          <li key={k.kind} className="flex flex-wrap items-baseline gap-x-3 px-3.5 py-1.5 text-xs">
            <span className="min-w-28 flex-1 font-medium">{capital(k.kind)}</span>
            {k.found.length === 0 && k.missing.length === 0 ? (
              <span className="text-ink-3">not looked for: {noData}</span>
            ) : k.found.length === 0 ? (
              <span className="text-warn">{absent[k.kind] ?? "looked for, and not there"}</span>
            ) : (
              <span>
                <Many events={k.found} /> found
              </span>
            )}
            {k.found.length > 0 && k.missing.length > 0 && (
              <span className="text-warn">
                <Many events={k.missing} /> not there
              </span>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Budget({ tally: { exhausted } }: { tally: Tally }) {
  const { view: v } = usePlace();
  const source = useSource();
  return (
    <Panel title="Budget" icon={<Coins className="size-4" />} testId="budget" aside={v.paused !== undefined && <Badge tone="warn">waits for more</Badge>}>
      {exhausted.length === 0 ? (
        <Empty>No cap was reached.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {exhausted.map(({ event, data: b }) => (
            <li key={event} {...source(event, "/data")} className="flex flex-wrap items-baseline gap-x-3 px-3.5 py-1.5 text-xs">
              <span className="min-w-28 flex-1 font-medium">{b.scope === "agent" ? `${capital(b.agent)} agent` : b.scope === "incident" ? "The incident" : "The day"}</span>
              <span className="tabular text-ink-2">
                {["turns", "tokens", "cost"].includes(b.which) ? `${amount(b.used, b.which)} of ${amount(b.cap, b.which)}${b.which === "cost" ? "" : ` ${spaced(b.which)}`}` : spaced(b.which)} used
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
