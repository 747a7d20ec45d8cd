/**
 * What an incident's events add up to. Mirrors View.Apply in workflows/event/view.go line by line;
 * reduce.test.ts holds both against the same golden stories. Views are never changed in place.
 */
import {
  type AgentUpdated,
  type AgentView,
  type Alert,
  type Budget,
  type BudgetRaised,
  type Cost,
  type Execution,
  type GuardrailChecked,
  type IncidentEvent,
  type IncidentOpenedEvent,
  type Phase,
  type PhaseState,
  type ProposalState,
  type Provenance,
  type QuestionAnswered,
  type Summary,
  type View,
  agentValues,
  phaseValues,
} from "../protocol/generated";
import { approve, deliver, edit, execution, keepUnnumbered, written } from "./reduce-actions";
import { alert, mention, move } from "./reduce-alerts";

/**
 * The view after e, or the same view where e was applied before or belongs to a run that is not
 * this view's. The caller sees to the order.
 */
export function reduce(view: View | undefined, e: IncidentEvent): View | undefined {
  if (view !== undefined && e.run_id === view.run_id && e.seq !== 0 && e.seq <= view.seq) return view;
  const before = beginning(e, view) ?? view;
  if (before === undefined || before.run_id !== e.run_id) return view;
  // What rests on something simulated is never shown as live.
  const origin = e.provenance.origin === "simulated" ? "simulated" : before.origin;
  const numbered: View = { ...before, seq: e.seq === 0 ? before.seq : e.seq, updated_at: later(before.updated_at, e.at), origin };
  return { ...numbered, ...changes(numbered, e) };
}

/** Where a run starts: from nothing, or from where another left it. */
function beginning(e: IncidentEvent, before: View | undefined): View | undefined {
  if (e.type === "incident.opened") return openedView(e);
  if (e.type === "incident.continued") {
    const { view } = e.data;
    return { ...view, run_id: e.run_id, ...keepUnnumbered(view, before) };
  }
  return undefined;
}

/** What carries no number may come again, or late: it moves no time back. */
function later(have: string | undefined, at: string): string {
  return have !== undefined && Date.parse(have) > Date.parse(at) ? have : at;
}

function openedView(e: IncidentOpenedEvent): View {
  const d = e.data;
  return {
    incident_id: e.incident_id,
    run_id: e.run_id,
    seq: 0,
    title: d.title,
    service: d.service,
    severity: d.severity,
    status: "detected",
    needs_human: false,
    source: d.source,
    origin: e.provenance.origin,
    opened_by: d.opened_by,
    level: 0,
    alerts_firing: 0,
    alerts_total: 0,
    started_at: d.started_at,
    opened_at: e.at,
    degraded: false,
    cost: {
      model_calls: 0,
      input_tokens: 0,
      output_tokens: 0,
      cache_tokens: 0,
      cost_usd_micros: 0,
      unknown_priced_calls: 0,
      repeated_calls: 0,
      repeated_cost_usd_micros: 0,
    },
    description: d.description,
    labels: d.labels,
    ...blankParts(),
  };
}

function blankParts(): Pick<View, "phases" | "agents" | "alerts" | "evidence" | "budget" | "guardrail"> {
  return {
    phases: phaseValues.map((name) => ({ phase: name, state: "pending" })),
    agents: agentValues.map((name) => ({ agent: name, state: "idle", evidence_count: 0, used: {} })),
    alerts: [],
    evidence: [],
    budget: {},
    guardrail: { passed: 0, anonymized: 0, blocked: 0, failed: 0, text_units: 0 },
  };
}

function changes(v: View, e: IncidentEvent): Partial<View> {
  switch (e.type) {
    case "incident.status_changed":
      return { status: e.data.status, needs_human: e.data.needs_human, handover: e.data.handover, status_reason: e.data.reason };
    case "incident.acknowledged":
      return { acknowledged_by: e.data.by, acknowledged_at: e.at };
    case "incident.severity_changed":
      return { severity: e.data.to };
    case "incident.escalated":
      return { level: e.data.level };
    case "incident.closed":
      return close(v, { status: e.data.status, outcome: e.data.outcome }, e.data.reason, e.at);
    case "incident.aborted":
      return close(v, { status: "aborted", outcome: "aborted" }, e.data.reason, e.at);
    case "alert.received":
      return alert(v, e.data.alert);
    case "alerts.mentioned":
      return mention(v, e.data.alerts ?? []);
    case "alerts.moved":
      return move(v, e.data.move);
    case "phase.changed":
      return phase(v, e.data.phase, e.data.state, e.data.detail, e.at);
    case "agent.updated":
      return changeAgent(v, e.data.agent, (a) => ({ ...e.data, updated_at: e.at, provenance: a.provenance, model: a.model, used: a.used }));
    case "model.called":
      return modelCall(v, e.data.agent, e.provenance);
    case "model.routed":
      return changeAgent(v, e.data.agent, (a) => ({ ...a, model: e.data.model }));
    case "incident.degraded":
      return { degraded: e.data.degraded, degraded_reason: (e.data.degraded && e.data.reason) || undefined };
    case "budget.exhausted":
      return e.data.scope === "day" ? {} : { paused: e.data };
    case "budget.raised":
      return { paused: undefined, ...raise(v, e.data) };
    case "question.asked":
      return { questions: [...(v.questions ?? []), { ...e.data, asked_at: e.at }] };
    case "question.answered":
      return answer(v, e.data, e.at);
    case "guardrail.checked":
      return guardrail(v, e.data, e.provenance);
    case "lesson.learned":
      return { lesson: e.data.lesson };
    case "cause.reviewed":
      return { cause_correct: e.data.correct, reviewed_by: e.data.by === "" ? undefined : e.data.by };
    case "evidence.collected":
      return { evidence: [...(v.evidence ?? []), e.data.evidence] };
    case "diagnosis.concluded": {
      const { diagnosis } = e.data;
      return { diagnosis, verdict: diagnosis.verdict, cause: diagnosis.cause, cause_service: diagnosis.service };
    }
    case "prediction.concluded":
      return { prediction: e.data.prediction };
    case "decision.made":
      return { decision: e.data.decision };
    case "policy.ruled":
      return { ruling: e.data.ruling };
    case "option.proposed":
      return { proposed: e.data };
    case "approval.requested":
      return { proposal: e.data.proposal };
    case "approval.given":
      return approve(v, e.data.proposal_id, { by: e.data.by, at: e.at, comment: e.data.comment });
    case "approval.decided":
      return settle(v, e.data.proposal_id, e.data.state, e.at, e.data.by, e.data.comment);
    case "approval.expired":
      return settle(v, e.data.proposal_id, "expired", e.at);
    case "approval.voided":
      return settle(v, e.data.proposal_id, "voided", e.at, undefined, e.data.reason);
    case "action.started": {
      const { action, effect, client_token } = e.data;
      const { action_hash, step, undo, executor, document } = effect;
      const begun: Execution = { action_hash, step, undo, executor, document, client_token, state: "running", started_at: e.at, provenance: e.provenance };
      return { action, ...execution(v, begun) };
    }
    case "action.finished":
      return execution(v, e.data.execution);
    case "remediation.changed":
      return { remediation: e.data.remediation };
    case "notification.sent":
      return deliver(v, { ...e.data.delivery, at: e.at });
    case "verification.measured":
      return { verification: e.data.verification };
    case "message.drafted":
      return { message: e.data.text };
    case "review.written":
      return written(v, e.data);
    case "review.edited":
      return edit(v, e.data);
    case "incident.opened":
    case "incident.continued":
    case "incident.noted":
    case "error.raised":
      return {};
  }
}

function close(v: View, end: Pick<View, "status" | "outcome">, reason: string, at: string): Partial<View> {
  const pending = v.proposal?.state === "pending" ? settle(v, v.proposal.id, "voided", at, undefined, reason) : {};
  return { ...end, ...pending, status_reason: reason, closed_at: at, needs_human: false, paused: undefined };
}

function phase(v: View, name: Phase, state: PhaseState, detail: string | undefined, at: string): Partial<View> {
  const running = state === "running";
  const phases = (v.phases ?? []).map((p) => {
    if (p.phase !== name) return p;
    return running ? { ...p, state, detail, started_at: at, ended_at: undefined } : { ...p, state, detail, ended_at: at };
  });
  return running ? { phases, phase: name } : { phases };
}

function changeAgent(v: View, name: AgentUpdated["agent"], change: (a: AgentView) => AgentView): Partial<View> {
  return { agents: (v.agents ?? []).map((a) => (a.agent === name ? change(a) : a)) };
}

function modelCall(v: View, name: AgentUpdated["agent"], p: Provenance): Partial<View> {
  const { cost, spent } = charge(v.cost, p);
  const times = 1 + (p.lost ?? 0);
  const { input_tokens: input = 0, output_tokens: output = 0, cache_tokens: cache = 0 } = p.usage ?? {};
  const used: Budget = { turns: 1, tokens: (input + output) * times, cost_usd_micros: spent };
  return {
    cost: {
      ...cost,
      model_calls: cost.model_calls + 1,
      input_tokens: cost.input_tokens + input * times,
      output_tokens: cost.output_tokens + output * times,
      cache_tokens: cost.cache_tokens + cache * times,
    },
    ...changeAgent(v, name, (a) => ({ ...a, provenance: p, used: plus(a.used, used) })),
  };
}

/** Adds what a call cost, as often as it was sent. */
function charge(cost: Cost, p: Provenance): { cost: Cost; spent: number } {
  const lost = p.lost ?? 0;
  const repeated_calls = cost.repeated_calls + lost;
  const once = p.usage?.cost_usd_micros;
  if (once === undefined) return { cost: { ...cost, repeated_calls, unknown_priced_calls: cost.unknown_priced_calls + 1 + lost }, spent: 0 };
  const again = once * lost;
  return {
    cost: {
      ...cost,
      repeated_calls,
      cost_usd_micros: cost.cost_usd_micros + once + again,
      repeated_cost_usd_micros: cost.repeated_cost_usd_micros + again,
    },
    spent: once + again,
  };
}

/** Field by field; on the wire a field of nothing is absent. */
function plus(a: Budget, b: Budget): Budget {
  return { turns: sum(a.turns, b.turns), tokens: sum(a.tokens, b.tokens), cost_usd_micros: sum(a.cost_usd_micros, b.cost_usd_micros) };
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return (a ?? 0) + (b ?? 0) || undefined;
}

function raise(v: View, d: BudgetRaised): Partial<View> {
  if (d.declined === true) return {};
  if (d.scope === "agent" && d.agent !== undefined) return { agent_budgets: { ...v.agent_budgets, [d.agent]: d.cap } };
  return d.scope === "incident" ? { budget: d.cap } : {};
}

function answer(v: View, d: QuestionAnswered, at: string): Partial<View> {
  if (v.questions === undefined) return {};
  return { questions: v.questions.map((q) => (q.id === d.id ? { ...q, answer: d.answer, error: d.error, answered_at: at } : q)) };
}

function guardrail(v: View, d: GuardrailChecked, p: Provenance): Partial<View> {
  const counts = { ...v.guardrail };
  if (d.outcome !== "off") counts[d.outcome]++;
  if (p.usage === undefined) return { guardrail: counts };
  counts.text_units += (p.usage.text_units ?? 0) * (1 + (p.lost ?? 0));
  return { guardrail: counts, cost: charge(v.cost, p).cost };
}

function settle(v: View, id: string, state: ProposalState, at: string, by?: string, comment?: string): Partial<View> {
  if (v.proposal === undefined || v.proposal.id !== id) return {};
  return { proposal: { ...v.proposal, state, decided_by: by, comment, decided_at: at } };
}

/** The part of a view that a list shows. */
export function summaryOf(view: View): Summary {
  const { description: _d, labels: _l, phases: _p, agents: _a, alerts: _al, evidence: _e, diagnosis: _di, prediction: _pr,
    decision: _de, proposal: _po, action: _ac, execution: _ex, verification: _ve, message: _m, review: _r,
    budget: _b, agent_budgets: _ab, paused: _pa, questions: _q, guardrail: _g, lesson: _le, more_alerts: _ma, moves: _mo,
    ruling: _ru, executions: _exs, remediation: _re, proposed: _pp, review_lines: _rl, deliveries: _dl, ...summary } = view;
  return summary;
}

/** The alerts of an incident, with no more of each than is needed to count on. */
export interface Alerts {
  alerts: readonly Counted[];
  more_alerts: View["more_alerts"];
}

type Counted = Pick<Alert, "member" | "fingerprint" | "status" | "silenced_by">;

/**
 * The summary after e, without the events before it, and the alerts where they are known. Exact:
 * undefined says that the events are needed, because alerts have to be counted that are not known.
 */
export function reduceSummary(summary: Summary, alerts: Alerts | undefined, e: IncidentEvent): { summary: Summary; alerts: Alerts | undefined } | undefined {
  if (alerts === undefined && (e.type === "alert.received" || e.type === "alerts.mentioned" || e.type === "alerts.moved")) return undefined;
  const before = { ...summary, ...blankParts(), ...(alerts && { alerts: alerts.alerts as Alert[], more_alerts: alerts.more_alerts }) };
  const after = reduce(before, e);
  if (after === undefined) return undefined;
  if (alerts === undefined && e.type !== "incident.continued") return { summary: summaryOf(after), alerts };
  return { summary: summaryOf(after), alerts: after.alerts === before.alerts && after.more_alerts === before.more_alerts ? alerts : alertsOf(after) };
}

export function alertsOf({ alerts, more_alerts }: View): Alerts {
  return { alerts: (alerts ?? []).map(({ member, fingerprint, status, silenced_by }) => ({ member, fingerprint, status, silenced_by })), more_alerts };
}
