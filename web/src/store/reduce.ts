/**
 * What an incident's events add up to. Mirrors View.Apply in workflows/event/view.go line by line;
 * reduce.test.ts holds both against the same golden stories. Views are never changed in place.
 */
import { actionHash } from "../protocol/action-hash";
import {
  type AgentUpdated,
  type Alert,
  type IncidentEvent,
  type IncidentOpenedEvent,
  type Phase,
  type PhaseState,
  type ProposalState,
  type Provenance,
  type Summary,
  type View,
  agentValues,
  phaseValues,
} from "../protocol/generated";

/**
 * The view after e, or the same view where e was applied before or belongs to a run that is not
 * this view's. The caller sees to the order.
 */
export function reduce(view: View | undefined, e: IncidentEvent): View | undefined {
  if (view !== undefined && e.run_id === view.run_id && e.seq !== 0 && e.seq <= view.seq) return view;
  if (e.type !== "incident.opened" && (view === undefined || e.run_id !== view.run_id)) return view;
  const before = e.type === "incident.opened" ? openedView(e) : (view as View);
  // What rests on something simulated is never shown as live.
  const origin = e.provenance.origin === "simulated" ? "simulated" : before.origin;
  const numbered: View = { ...before, seq: e.seq === 0 ? before.seq : e.seq, updated_at: e.at, origin };
  return { ...numbered, ...changes(numbered, e) };
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
    cost: { model_calls: 0, input_tokens: 0, output_tokens: 0, cost_usd_micros: 0, unknown_priced_calls: 0, repeated_calls: 0 },
    description: d.description,
    labels: d.labels,
    ...blankParts(),
  };
}

function blankParts(): Pick<View, "phases" | "agents" | "alerts" | "evidence"> {
  return {
    phases: phaseValues.map((name) => ({ phase: name, state: "pending" })),
    agents: agentValues.map((name) => ({ agent: name, state: "idle", evidence_count: 0 })),
    alerts: [],
    evidence: [],
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
    case "phase.changed":
      return phase(v, e.data.phase, e.data.state, e.data.detail, e.at);
    case "agent.updated":
      return agent(v, e.data, e.at);
    case "model.called":
      return modelCall(v, e.data.agent, e.provenance);
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
    case "approval.requested":
      return { proposal: e.data.proposal };
    case "approval.decided":
      return settle(v, e.data.proposal_id, e.data.state, e.at, e.data.by, e.data.comment);
    case "approval.expired":
      return settle(v, e.data.proposal_id, "expired", e.at);
    case "approval.voided":
      return settle(v, e.data.proposal_id, "voided", e.at, undefined, e.data.reason);
    case "action.started":
      return {
        action: e.data.action,
        execution: {
          action_hash: actionHash(e.data.action),
          client_token: e.data.client_token,
          state: "running",
          started_at: e.at,
          provenance: e.provenance,
        },
      };
    case "action.finished":
      return { execution: e.data.execution };
    case "verification.measured":
      return { verification: e.data.verification };
    case "message.drafted":
      return { message: e.data.text };
    case "review.written":
      return { review: e.data.text };
    case "incident.opened":
    case "incident.noted":
    case "error.raised":
      return {};
  }
}

function close(v: View, end: Pick<View, "status" | "outcome">, reason: string, at: string): Partial<View> {
  const pending = v.proposal?.state === "pending" ? settle(v, v.proposal.id, "voided", at, undefined, reason) : {};
  return { ...end, ...pending, status_reason: reason, closed_at: at, needs_human: false };
}

function alert(v: View, a: Alert): Partial<View> {
  const had = v.alerts ?? [];
  const known = had.some((have) => have.fingerprint === a.fingerprint);
  const alerts = known ? had.map((have) => (have.fingerprint === a.fingerprint ? a : have)) : [...had, a];
  return { alerts, alerts_total: alerts.length, alerts_firing: alerts.filter((have) => have.status === "firing").length };
}

function phase(v: View, name: Phase, state: PhaseState, detail: string | undefined, at: string): Partial<View> {
  const running = state === "running";
  const phases = (v.phases ?? []).map((p) => {
    if (p.phase !== name) return p;
    return running ? { ...p, state, detail, started_at: at, ended_at: undefined } : { ...p, state, detail, ended_at: at };
  });
  return running ? { phases, phase: name } : { phases };
}

function agent(v: View, d: AgentUpdated, at: string): Partial<View> {
  const agents = (v.agents ?? []).map((a) => (a.agent === d.agent ? { ...d, updated_at: at, provenance: a.provenance } : a));
  return { agents };
}

function modelCall(v: View, name: AgentUpdated["agent"], p: Provenance): Partial<View> {
  const priced = p.usage?.cost_usd_micros;
  return {
    cost: {
      model_calls: v.cost.model_calls + 1,
      input_tokens: v.cost.input_tokens + (p.usage?.input_tokens ?? 0),
      output_tokens: v.cost.output_tokens + (p.usage?.output_tokens ?? 0),
      cost_usd_micros: v.cost.cost_usd_micros + (priced ?? 0),
      unknown_priced_calls: v.cost.unknown_priced_calls + (priced === undefined ? 1 : 0),
      repeated_calls: v.cost.repeated_calls + Math.max(0, (p.attempt ?? 1) - 1),
    },
    agents: (v.agents ?? []).map((a) => (a.agent === name ? { ...a, provenance: p } : a)),
  };
}

function settle(v: View, id: string, state: ProposalState, at: string, by?: string, comment?: string): Partial<View> {
  if (v.proposal === undefined || v.proposal.id !== id) return {};
  return { proposal: { ...v.proposal, state, decided_by: by, comment, decided_at: at } };
}

/** The part of a view that a list shows. */
export function summaryOf(view: View): Summary {
  const { description: _d, labels: _l, phases: _p, agents: _a, alerts: _al, evidence: _e, diagnosis: _di, prediction: _pr,
    decision: _de, proposal: _po, action: _ac, execution: _ex, verification: _ve, message: _m, review: _r, ...summary } = view;
  return summary;
}

/**
 * The summary after e, without the events before it. Exact for every event but alert.received,
 * whose counts need the alerts that came before: undefined says that the events are needed.
 */
export function reduceSummary(summary: Summary, e: IncidentEvent): Summary | undefined {
  if (e.type === "alert.received") return undefined;
  const after = reduce({ ...summary, ...blankParts() }, e);
  return after === undefined ? undefined : summaryOf(after);
}
