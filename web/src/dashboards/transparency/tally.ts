/** What an incident took, counted from its events: by phase, by model, by agent, by kind of evidence. */
import type { DecodedEvent } from "../../protocol/decoder";
import { type Agent, type BudgetExhausted, type EvidenceKind, type GuardrailOutcome, type Phase, type PhaseState, agentValues, evidenceKindValues, guardrailOutcomeValues } from "../../protocol/generated";

export interface PhaseTime {
  phase: Phase;
  state: PhaseState;
  /** The events that began and ended it; the last that is known, while it runs. */
  from: string;
  to: string;
  startMs: number;
  ms: number;
}

/** A sum with the events that it is of, for whoever wants to add it up again. */
export interface Sum {
  value: number;
  events: readonly string[];
}

export interface CallRow {
  key: string;
  agent: Agent;
  model: string | undefined;
  /** One event for each call. */
  calls: readonly string[];
  input: Sum;
  output: Sum;
  latency: Sum;
  cost: Sum;
  /** Answers that were lost, and paid for again. */
  lost: Sum;
}

export interface Tally {
  phases: readonly PhaseTime[];
  rows: readonly CallRow[];
  guardrail: readonly { outcome: GuardrailOutcome; events: readonly string[] }[];
  evidence: readonly { kind: EvidenceKind; found: readonly string[]; missing: readonly string[] }[];
  exhausted: readonly { event: string; data: BudgetExhausted }[];
}

export function tallyOf(events: readonly DecodedEvent[]): Tally {
  const rows = new Map<string, CallRow>();
  const guardrail = new Map<GuardrailOutcome, string[]>();
  const found = new Map<EvidenceKind, string[]>();
  const missing = new Map<EvidenceKind, string[]>();
  const exhausted: Tally["exhausted"][number][] = [];
  for (const d of events) {
    if (!d.readable) continue;
    const e = d.event;
    switch (e.type) {
      case "model.called": {
        const key = `${e.data.agent}/${e.provenance.model ?? ""}`;
        rows.set(key, withCall(rows.get(key) ?? emptyRow(key, e.data.agent, e.provenance.model), e));
        break;
      }
      case "guardrail.checked":
        push(guardrail, e.data.outcome, e.id);
        break;
      case "evidence.collected":
        push(e.data.evidence.found ? found : missing, e.data.evidence.kind, e.id);
        break;
      case "budget.exhausted":
        exhausted.push({ event: e.id, data: e.data });
        break;
      default:
    }
  }
  return {
    phases: phaseTimes(events),
    rows: [...rows.values()].toSorted((a, b) => agentValues.indexOf(a.agent) - agentValues.indexOf(b.agent) || (a.model ?? "").localeCompare(b.model ?? "")),
    guardrail: guardrailOutcomeValues.map((outcome) => ({ outcome, events: guardrail.get(outcome) ?? [] })).filter((g) => g.events.length > 0),
    evidence: evidenceKindValues.map((kind) => ({ kind, found: found.get(kind) ?? [], missing: missing.get(kind) ?? [] })),
    exhausted,
  };
}

/** Each agent's part of the tokens. */
export function tokensByAgent(rows: readonly CallRow[]): { agent: Agent; tokens: number; rows: readonly CallRow[] }[] {
  return agentValues
    .map((agent) => ({ agent, rows: rows.filter((r) => r.agent === agent) }))
    .map(({ agent, rows: own }) => ({ agent, rows: own, tokens: own.reduce((sum, r) => sum + r.input.value + r.output.value, 0) }))
    .filter((a) => a.rows.length > 0);
}

/** Each run of a phase; one that runs has taken until the last event. */
function phaseTimes(events: readonly DecodedEvent[]): PhaseTime[] {
  const times: PhaseTime[] = [];
  const running = new Map<Phase, PhaseTime>();
  const last = events.at(-1)?.event;
  for (const d of events) {
    if (!d.readable || d.event.type !== "phase.changed") continue;
    const { id, at } = d.event;
    const { phase, state } = d.event.data;
    const startMs = Date.parse(at);
    if (state === "running") {
      const begun: PhaseTime = { phase, state, from: id, to: last?.id ?? id, startMs, ms: Math.max(0, Date.parse(last?.at ?? at) - startMs) };
      running.set(phase, begun);
      times.push(begun);
      continue;
    }
    const begun = running.get(phase);
    running.delete(phase);
    if (begun === undefined) times.push({ phase, state, from: id, to: id, startMs, ms: 0 });
    else Object.assign(begun, { state, to: id, ms: Math.max(0, startMs - begun.startMs) });
  }
  return times;
}

const nothing: Sum = { value: 0, events: [] };

function emptyRow(key: string, agent: Agent, model: string | undefined): CallRow {
  return { key, agent, model, calls: [], input: nothing, output: nothing, latency: nothing, cost: nothing, lost: nothing };
}

function withCall(r: CallRow, { id, provenance: p }: DecodedEvent["event"]): CallRow {
  return {
    ...r,
    calls: [...r.calls, id],
    input: plus(r.input, p.usage?.input_tokens, id),
    output: plus(r.output, p.usage?.output_tokens, id),
    latency: plus(r.latency, p.latency_ms, id),
    cost: plus(r.cost, p.usage?.cost_usd_micros, id),
    lost: plus(r.lost, p.lost, id),
  };
}

/** What is not known is not added: the sum says of which events it is. */
function plus(sum: Sum, value: number | undefined, id: string): Sum {
  return value === undefined ? sum : { value: sum.value + value, events: [...sum.events, id] };
}

function push<K>(map: Map<K, string[]>, key: K, id: string): void {
  map.set(key, [...(map.get(key) ?? []), id]);
}
