/** Every event in words. */
import type { DecodedEvent } from "../protocol/decoder";
import { type Alert, type AlertMention, type IncidentEvent, type Move, memberStateValues } from "../protocol/generated";
import { stateOf } from "../store/reduce-alerts";
import { count, cost, percent } from "../ui/format";
import { type Tone, agentStateWord, capital, causeWord, handoverWord, outcomeWord, phaseStateWord, severityWord, spaced, statusWord, verificationStateWord } from "../ui/words";
import { actionWords } from "./action-words";
import { investigationWords } from "./investigation-words";

export type Actor = "person" | "ai" | "system";

export interface Line {
  id: string;
  type: string;
  at: string;
  actor: Actor;
  /** Who, where a person did it. */
  who?: string;
  text: string;
  /** More, unfolded on demand: what a model wrote, a reason. Text from outside, never markup. */
  detail?: string;
  tone: Tone;
  /** Shown when only what matters is shown. */
  key: boolean;
  /** The other incident that the text names. */
  incident?: string;
  /** How a number in the text was computed from the event's data, as ui/source.ts says it. */
  derive?: string;
  event: DecodedEvent["event"];
}

export function lineOf(decoded: DecodedEvent): Line {
  const { event } = decoded;
  const common = { id: event.id, type: event.type, at: event.at, event };
  if (!decoded.readable) {
    return { ...common, actor: "system", text: `An event of type ${event.type} that this page cannot read`, detail: decoded.reason, tone: "warn", key: true };
  }
  const e = decoded.event;
  return { ...common, ...actorOf(e), tone: "neutral", key: false, ...wordsOf(e) };
}

function actorOf(e: IncidentEvent): { actor: Actor; who?: string } {
  if (e.provenance.principal !== undefined) return { actor: "person", who: e.provenance.principal };
  if (e.type === "model.called" || e.type === "message.drafted" || e.type === "agent.updated") return { actor: "ai" };
  return { actor: "system" };
}

export type Words = Pick<Line, "text"> & Partial<Pick<Line, "detail" | "tone" | "key" | "actor" | "who" | "incident" | "derive">>;

function wordsOf(e: IncidentEvent): Words {
  switch (e.type) {
    case "incident.opened":
      return { text: `Opened by ${e.data.opened_by ?? e.data.source}: ${e.data.title}`, detail: e.data.description, key: true };
    case "incident.status_changed": {
      const word = statusWord(e.data.status);
      const why = [e.data.handover === undefined ? undefined : handoverWord(e.data.handover), e.data.reason].filter(Boolean).join(". ");
      return { text: `Status: ${word.text}`, detail: why === "" ? undefined : why, tone: word.tone, key: true };
    }
    case "incident.acknowledged":
      return { text: `Acknowledged by ${e.data.by}`, key: true, ...person(e.data.by) };
    case "incident.severity_changed":
      return { text: `Severity from ${severityWord(e.data.from).toLowerCase()} to ${severityWord(e.data.to).toLowerCase()}`, detail: e.data.reason, key: true, who: e.data.by };
    case "incident.noted":
      return { text: e.data.text, key: true, ...person(e.data.by) };
    case "incident.escalated":
      return { text: `Escalated to ${e.data.to} (level ${e.data.level})`, detail: e.data.reason, tone: "warn", key: true };
    case "incident.closed":
      return { text: `${outcomeWord(e.data.outcome)}`, detail: e.data.reason, tone: e.data.status === "resolved" ? "good" : "neutral", key: true, who: e.data.by };
    case "incident.aborted":
      return { text: "Aborted", detail: e.data.reason, tone: "bad", key: true };
    case "alert.received":
      return alertWords(e.data.alert);
    case "alerts.mentioned":
      return { text: mentionText(e.data.alerts ?? []), derive: "count /alerts", key: true };
    case "alerts.moved": {
      const { move } = e.data;
      return { text: moveText(move, e.incident_id), detail: move.reason, key: true, incident: move.from === e.incident_id ? move.to : move.from, ...person(move.by) };
    }
    case "phase.changed": {
      const word = phaseStateWord(e.data.state);
      return { text: `${capital(e.data.phase)}: ${word.text}`, detail: e.data.detail, tone: word.tone, key: e.data.state === "degraded" || e.data.state === "failed" };
    }
    case "agent.updated": {
      const word = agentStateWord(e.data.state);
      const what = e.data.key_finding ?? e.data.task;
      return { text: `${capital(e.data.agent)} agent: ${word.text.toLowerCase()}${what === undefined ? "" : `, ${what}`}`, tone: word.tone === "bad" ? "bad" : "neutral" };
    }
    case "model.called":
      return { text: modelText(e), detail: e.data.text };
    case "evidence.collected": {
      const { evidence } = e.data;
      return { text: `${evidence.id} ${evidence.title}: ${evidence.found ? (evidence.finding ?? "found") : "not found"}` };
    }
    case "diagnosis.concluded": {
      const d = e.data.diagnosis;
      const probable = d.verdict === "probable";
      const verdict = d.verdict === "healthy" ? "healthy, nothing is wrong now" : "inconclusive";
      return {
        text: `Diagnosis: ${probable ? `${causeWord(d.cause)}${d.service === undefined ? "" : ` in ${d.service}`}, ${percent(d.confidence)}` : verdict}`,
        detail: d.summary,
        tone: probable ? "accent" : d.verdict === "healthy" ? "good" : "warn",
        key: true,
      };
    }
    case "prediction.concluded":
      return { text: `Forecast: ${e.data.prediction.summary}`, key: true };
    case "decision.made":
      return { text: `Decision: ${e.data.decision.rationale}`, key: true };
    case "approval.requested": {
      const { proposal: p } = e.data;
      const dry = p.dry_run ? ", as a dry run" : "";
      return { text: `Asked ${p.asked_of} to approve: ${p.title} (${p.action.target})${dry}`, detail: p.reason, tone: "warn", key: true };
    }
    case "approval.decided":
      return { text: `${capital(e.data.state)} by ${e.data.by}`, detail: e.data.comment, tone: e.data.state === "approved" ? "good" : "bad", key: true, ...person(e.data.by) };
    case "approval.expired":
      return { text: `Nobody decided in time on level ${e.data.level}`, tone: "warn", key: true };
    case "approval.voided":
      return { text: "The proposal was overtaken", detail: e.data.reason, key: true };
    case "policy.ruled":
    case "option.proposed":
    case "approval.given":
    case "action.started":
    case "action.finished":
    case "remediation.changed":
    case "notification.sent":
    case "review.edited":
      return actionWords(e);
    case "verification.measured": {
      const v = e.data.verification;
      const word = verificationStateWord(v.state);
      const good = Math.min(...(v.checks ?? []).map((c) => c.good));
      const needed = v.checks?.[0]?.needed;
      const points = v.state === "measuring" && needed !== undefined ? `, ${good} of ${needed} points good` : "";
      return { text: `Verification: ${word.text.toLowerCase()}${points}`, detail: v.detail, tone: word.tone, key: v.state !== "measuring" };
    }
    case "message.drafted":
      return { text: `Update for ${e.data.audience} written`, detail: e.data.text, key: true };
    case "review.written":
      return { text: "Review written", detail: e.data.text, key: true };
    case "model.routed":
    case "incident.degraded":
    case "incident.continued":
    case "budget.exhausted":
    case "budget.raised":
    case "question.asked":
    case "question.answered":
    case "guardrail.checked":
    case "lesson.learned":
    case "cause.reviewed":
      return investigationWords(e);
    case "error.raised":
      return {
        text: e.data.message,
        detail: [e.data.recovery, e.data.retries === undefined ? undefined : `after ${e.data.retries} retries`].filter(Boolean).join("; "),
        tone: e.data.recoverable ? "warn" : "bad",
        key: true,
      };
  }
}

function alertWords(a: Alert): Words {
  const silenced = a.status === "firing" && (a.silenced_by ?? "") !== "";
  const joined = a.joined_by === undefined || a.joined_by === "" ? undefined : `Joined by: ${a.joined_by}`;
  return {
    text: `Alert ${a.status}: ${a.title}${silenced ? ` (silenced by ${a.silenced_by})` : ""}`,
    detail: [joined, a.description].filter(Boolean).join("\n"),
    tone: a.status === "resolved" ? "good" : "neutral",
    key: true,
  };
}

/** How the alerts stand of which there are too many to name. */
function mentionText(list: readonly AlertMention[]): string {
  const states = list.map((m) => stateOf(m, m.silenced === true));
  const present = memberStateValues.filter((state) => states.includes(state));
  const what = list.length === 1 ? "1 more alert" : `${count(list.length)} more alerts`;
  return `${what}: ${present.join(" and ")}`;
}

/** A move as the incident at one end of it sees it. */
export function moveText(m: Move, here: string): string {
  const what = m.all === true ? "Everything" : `${count(m.count)} ${m.count === 1 ? "alert" : "alerts"}`;
  if (m.from !== here) return m.all === true ? `Incident ${m.from} became part of this one` : `Opened with ${count(m.count)} ${m.count === 1 ? "alert" : "alerts"} of incident ${m.from}`;
  return `${what} moved to incident ${m.to}`;
}

function person(who: string): { actor: Actor; who: string } {
  return { actor: "person", who };
}

function modelText(e: Extract<IncidentEvent, { type: "model.called" }>): string {
  const { usage, model } = e.provenance;
  const tools = e.data.tools === undefined || e.data.tools.length === 0 ? "" : `, asks for ${e.data.tools.map(spaced).join(", ")}`;
  const tokens = usage === undefined ? "" : `, ${count(usage.input_tokens)} tokens in, ${count(usage.output_tokens)} out, ${cost(usage.cost_usd_micros)}`;
  if (e.data.problem !== undefined) return `${capital(e.data.agent)} turn ${e.data.turn}: the answer of ${model ?? "the model"} cannot be used: ${e.data.problem}`;
  return `${capital(e.data.agent)} turn ${e.data.turn}: ${model ?? "model"} answered${tools}${tokens}`;
}
