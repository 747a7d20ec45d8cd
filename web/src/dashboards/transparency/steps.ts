/**
 * The events of an incident as steps of its reasoning: who did what, what belongs to it although it
 * was recorded as an event of its own (the guardrail's checks, what a model was asked for), and
 * whether it carries the story or only fills it.
 */
import type { DecodedEvent } from "../../protocol/decoder";
import type { Agent, GuardrailChecked, IncidentEvent, Purpose } from "../../protocol/generated";
import { type Line, lineOf } from "../../parts/timeline-words";
import { capital } from "../../ui/words";

export type StepKind = "evidence" | "models" | "conclusions" | "decisions" | "actions" | "people" | "vigil";

export const stepKinds: readonly { kind: StepKind; text: string }[] = [
  { kind: "evidence", text: "Evidence" },
  { kind: "models", text: "Models" },
  { kind: "conclusions", text: "Conclusions" },
  { kind: "decisions", text: "Decisions" },
  { kind: "actions", text: "Actions" },
  { kind: "people", text: "People" },
  { kind: "vigil", text: "Vigil" },
];

/** Of another event that belongs to a step. */
export interface Related<T> {
  id: string;
  data: T;
}

export interface Step {
  /** Of the event in the recording. */
  index: number;
  decoded: DecodedEvent;
  kind: StepKind;
  /** Who: an agent, a person, a part of Vigil. */
  who: string;
  title: string;
  line: Line;
  /** Fills the story rather than carrying it. */
  minor: boolean;
  /** What an agent's model was asked for. */
  asked: Related<{ purpose: Purpose }> | undefined;
  task: Related<{ task: string }> | undefined;
  /** What the guardrail made of what went to the model, and of what came. */
  guardrails: readonly Related<GuardrailChecked>[];
}

export function stepsOf(events: readonly DecodedEvent[]): Step[] {
  const attached = new Map<number, Related<GuardrailChecked>[]>();
  const taken = attach(events, attached);
  const asked = new Map<Agent, Step["asked"]>();
  const tasks = new Map<Agent, Step["task"]>();
  const steps: Step[] = [];
  for (const [index, decoded] of events.entries()) {
    const line = lineOf(decoded);
    const step: Step = { index, decoded, line, kind: "vigil", who: "Vigil", title: line.text, minor: false, asked: undefined, task: undefined, guardrails: attached.get(index) ?? [] };
    if (!decoded.readable) {
      steps.push(step);
      continue;
    }
    const e = decoded.event;
    if (e.type === "model.routed") asked.set(e.data.agent, { id: e.id, data: { purpose: e.data.purpose } });
    if (e.type === "agent.updated" && e.data.task !== undefined) tasks.set(e.data.agent, { id: e.id, data: { task: e.data.task } });
    const called = e.type === "model.called" ? e.data.agent : undefined;
    steps.push({
      ...step,
      kind: kindOf(e),
      who: whoOf(e),
      title: titleOf(e) ?? line.text,
      minor: taken.has(index) || isMinor(e),
      asked: called === undefined ? undefined : asked.get(called),
      task: called === undefined ? undefined : tasks.get(called),
    });
  }
  return steps;
}

/** A check of what goes in belongs to the agent's next call, one of what comes out to its last. */
function attach(events: readonly DecodedEvent[], attached: Map<number, Related<GuardrailChecked>[]>): Set<number> {
  const taken = new Set<number>();
  const lastCall = new Map<Agent, number>();
  const waiting = new Map<Agent, number[]>();
  const give = (to: number, check: number) => {
    const d = events[check];
    if (d?.readable !== true || d.event.type !== "guardrail.checked") return;
    attached.set(to, [...(attached.get(to) ?? []), { id: d.event.id, data: d.event.data }]);
    taken.add(check);
  };
  for (const [i, d] of events.entries()) {
    if (!d.readable) continue;
    const e = d.event;
    if (e.type === "model.called") {
      for (const check of waiting.get(e.data.agent) ?? []) give(i, check);
      waiting.delete(e.data.agent);
      lastCall.set(e.data.agent, i);
    } else if (e.type === "guardrail.checked" && e.data.agent !== undefined) {
      const { agent, subject } = e.data;
      const call = lastCall.get(agent);
      if (subject === "input") waiting.set(agent, [...(waiting.get(agent) ?? []), i]);
      else if (subject === "answer" && call !== undefined) give(call, i);
    }
  }
  return taken;
}

function kindOf(e: IncidentEvent): StepKind {
  if (e.provenance.principal !== undefined) return "people";
  switch (e.type) {
    case "evidence.collected":
    case "alert.received":
    case "alerts.mentioned":
      return "evidence";
    case "model.called":
    case "model.routed":
    case "guardrail.checked":
    case "agent.updated":
    case "budget.exhausted":
    case "incident.degraded":
      return "models";
    case "diagnosis.concluded":
    case "prediction.concluded":
    case "message.drafted":
    case "review.written":
    case "lesson.learned":
    case "question.answered":
    case "cause.reviewed":
      return "conclusions";
    case "decision.made":
    case "policy.ruled":
    case "option.proposed":
    case "approval.requested":
    case "approval.given":
    case "approval.decided":
    case "approval.expired":
    case "approval.voided":
      return "decisions";
    case "action.started":
    case "action.finished":
    case "remediation.changed":
    case "verification.measured":
      return "actions";
    case "incident.acknowledged":
    case "incident.noted":
    case "incident.escalated":
    case "incident.severity_changed":
    case "notification.sent":
    case "question.asked":
    case "budget.raised":
    case "review.edited":
    case "alerts.moved":
      return "people";
    default:
      return "vigil";
  }
}

function whoOf(e: IncidentEvent): string {
  if (e.provenance.principal !== undefined) return e.provenance.principal;
  switch (e.type) {
    case "model.called":
    case "model.routed":
    case "agent.updated":
      return agentName(e.data.agent);
    case "guardrail.checked":
      return "Guardrail";
    case "evidence.collected":
      return e.data.evidence.collected_by === undefined ? "Vigil" : agentName(e.data.evidence.collected_by);
    case "diagnosis.concluded":
      return agentName("diagnosis");
    case "prediction.concluded":
      return agentName("prediction");
    case "message.drafted":
    case "review.written":
      return agentName("communication");
    case "decision.made":
      return "Vote";
    case "policy.ruled":
      return "Policy";
    case "alert.received":
      return e.data.alert.source;
    default:
      return "Vigil";
  }
}

export function agentName(agent: Agent): string {
  return `${capital(agent)} agent`;
}

/** Where the words of the timeline count or add up what no single value says. */
function titleOf(e: IncidentEvent): string | undefined {
  switch (e.type) {
    case "model.called":
      if (e.data.problem !== undefined) return "The model's answer could not be used";
      return e.data.tools !== undefined && e.data.tools.length > 0 ? "The model asks for more evidence" : "The model answered";
    case "alerts.mentioned":
      return "More alerts belong to it";
    case "action.started":
      return `${e.data.effect.undo === true ? "Taking back" : "Carrying out"} ${e.data.effect.document} on ${e.data.effect.target}`;
    default:
      return undefined;
  }
}

function isMinor(e: IncidentEvent): boolean {
  switch (e.type) {
    case "phase.changed":
      return e.data.state !== "failed" && e.data.state !== "degraded";
    case "agent.updated":
      return e.data.key_finding === undefined && e.data.state !== "error" && e.data.state !== "timeout";
    case "model.routed":
      return e.data.reason === "configured";
    case "guardrail.checked":
      return e.data.outcome === "passed" || e.data.outcome === "off";
    case "notification.sent":
      return e.data.delivery.state === "sent" || e.data.delivery.state === "suppressed";
    case "verification.measured":
      return e.data.verification.state === "measuring";
    default:
      return false;
  }
}
