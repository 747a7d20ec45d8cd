/** Who told whom what: the agents, their models, the systems they look at and act on, Vigil itself, and people. */
import type { DecodedEvent } from "../../protocol/decoder";
import type { Agent, IncidentEvent } from "../../protocol/generated";
import { type Tone, autonomyWord, capital, causeWord, executionStateWord, guardrailWord, notificationWord, proposalStateWord, purposeWord, spaced } from "../../ui/words";

export const parties = ["sources", "detection", "diagnosis", "prediction", "resolution", "communication", "model", "guardrail", "vigil", "systems", "people"] as const;
export type Party = (typeof parties)[number];

export type MessageKind = "evidence" | "model" | "finding" | "vote" | "question" | "decision" | "action" | "notice";

export const messageKinds: readonly { kind: MessageKind; text: string }[] = [
  { kind: "evidence", text: "Evidence" },
  { kind: "model", text: "Models" },
  { kind: "finding", text: "Findings" },
  { kind: "vote", text: "Votes" },
  { kind: "decision", text: "Decisions" },
  { kind: "question", text: "Questions" },
  { kind: "action", text: "Actions" },
  { kind: "notice", text: "Notices" },
];

export interface Message {
  /** Of the event; one event may carry several. */
  index: number;
  key: string;
  from: Party;
  to: Party;
  /** Who exactly, where the party is not enough. */
  fromName?: string | undefined;
  toName?: string | undefined;
  kind: MessageKind;
  text: string;
  tone: Tone;
  /** Where it is within its event. */
  pointer: string;
}

type Said = Omit<Message, "index" | "key" | "tone" | "pointer"> & { tone?: Tone; pointer?: string };

export function messagesOf(events: readonly DecodedEvent[]): Message[] {
  return events.flatMap((d, index) => (d.readable ? saidIn(d.event).map((m, i) => ({ tone: "neutral" as const, pointer: "/data", ...m, index, key: `${d.event.id}/${i}` })) : []));
}

/** Which parties speak or are spoken to, in the order of the lanes. */
export function lanesOf(messages: readonly Message[]): Party[] {
  const present = new Set(messages.flatMap((m) => [m.from, m.to]));
  return parties.filter((p) => present.has(p));
}

function saidIn(e: IncidentEvent): Said[] {
  switch (e.type) {
    case "incident.opened":
      return [{ from: e.data.opened_by === undefined ? "sources" : "people", fromName: e.data.opened_by ?? e.data.source, to: "vigil", kind: "notice", text: e.data.title }];
    case "alert.received":
      return [{ from: "sources", fromName: e.data.alert.source, to: "vigil", kind: "notice", text: `${capital(e.data.alert.status)}: ${e.data.alert.title}`, tone: e.data.alert.status === "resolved" ? "good" : "neutral" }];
    case "evidence.collected": {
      const { evidence: v } = e.data;
      return [{ from: "sources", fromName: v.source, to: v.collected_by ?? "vigil", kind: "evidence", text: `${v.id} ${v.title}: ${v.found ? (v.finding ?? "found") : "not found"}`, tone: v.found ? "neutral" : "warn" }];
    }
    case "model.routed":
      return e.data.model === undefined ? [] : [{ from: e.data.agent, to: "model", toName: e.data.model, kind: "model", text: `Asked ${purposeWord(e.data.purpose)}` }];
    case "model.called":
      return [{ from: "model", fromName: e.provenance.model, to: e.data.agent, kind: "model", text: e.data.problem ?? wanted(e.data.tools) ?? "Answered", tone: e.data.problem === undefined ? "neutral" : "bad" }];
    case "guardrail.checked": {
      const word = guardrailWord(e.data.outcome);
      return [{ from: "guardrail", to: e.data.agent ?? "vigil", kind: "model", text: `${capital(e.data.subject)}: ${word.text}${e.data.detail === undefined ? "" : `, ${e.data.detail}`}`, tone: e.data.outcome === "passed" ? "neutral" : word.tone }];
    }
    case "agent.updated":
      return e.data.key_finding === undefined ? [] : [{ from: e.data.agent, to: "vigil", kind: "finding", text: e.data.key_finding }];
    case "diagnosis.concluded": {
      const { diagnosis: d } = e.data;
      const what = d.verdict === "probable" ? `${capital(causeWord(d.cause))}${d.service === undefined ? "" : ` in ${d.service}`}` : capital(d.verdict);
      return [{ from: "diagnosis", to: "vigil", kind: "finding", text: what, tone: d.verdict === "inconclusive" ? "warn" : "accent" }];
    }
    case "prediction.concluded":
      return [{ from: "prediction", to: "vigil", kind: "finding", text: e.data.prediction.summary }];
    case "decision.made": {
      const { decision: d } = e.data;
      return (d.votes ?? []).map((v, i) => {
        const option = (d.options ?? []).find((o) => o.id === v.option_id)?.title ?? "none of the options";
        const dropped = v.dropped !== undefined && v.dropped !== "";
        return { from: v.agent, to: "vigil", kind: "vote", text: `Votes for ${option}${dropped ? `; does not count: ${v.dropped}` : ""}`, tone: dropped ? "warn" : "neutral", pointer: dropped || v.option_id === undefined ? `/data/decision/votes/${i}` : "/data/decision" };
      });
    }
    case "policy.ruled":
      return [{ from: "vigil", fromName: "policy", to: "resolution", kind: "decision", text: `${e.data.option_id}: ${autonomyWord(e.data.ruling.autonomy)}` }];
    case "option.proposed":
      return [{ from: "people", fromName: e.data.by, to: "vigil", kind: "decision", text: `Puts forward ${e.data.option_id}${e.data.reason === undefined ? "" : `: ${e.data.reason}`}` }];
    case "approval.requested":
      return [{ from: "vigil", to: "people", toName: e.data.proposal.asked_of, kind: "decision", text: `Please decide: ${e.data.proposal.title}`, tone: "warn" }];
    case "approval.given":
      return [{ from: "people", fromName: e.data.by, to: "vigil", kind: "decision", text: `Approved${e.data.comment === undefined ? "" : `: ${e.data.comment}`}`, tone: "good" }];
    case "approval.decided":
      return [{ from: "people", fromName: e.data.by, to: "vigil", kind: "decision", text: `${proposalStateWord(e.data.state).text}${e.data.comment === undefined ? "" : `: ${e.data.comment}`}`, tone: proposalStateWord(e.data.state).tone }];
    case "incident.escalated":
      return [{ from: "vigil", to: "people", toName: e.data.to, kind: "notice", text: e.data.reason, tone: "warn" }];
    case "question.asked":
      return [{ from: "people", fromName: e.data.by, to: "communication", kind: "question", text: e.data.text }];
    case "question.answered":
      return [{ from: "communication", to: "people", kind: "question", text: e.data.answer?.text ?? e.data.error ?? "No answer", tone: e.data.answer === undefined ? "warn" : "neutral" }];
    case "notification.sent": {
      const { delivery: d } = e.data;
      return [{ from: "vigil", to: "people", toName: [d.team, d.to, d.channel].filter((w) => w !== undefined && w !== "").join(", "), kind: "notice", text: `Told that ${notificationWord(d.kind)}`, tone: d.state === "failed" ? "bad" : d.state === "doubtful" ? "warn" : "neutral" }];
    }
    case "message.drafted":
      return [{ from: "communication", to: "people", toName: e.data.audience, kind: "notice", text: e.data.text }];
    case "incident.acknowledged":
      return [{ from: "people", fromName: e.data.by, to: "vigil", kind: "notice", text: "I am on it" }];
    case "incident.noted":
      return [{ from: "people", fromName: e.data.by, to: "vigil", kind: "notice", text: e.data.text }];
    case "budget.exhausted":
      return [{ from: e.data.agent, to: "people", kind: "question", text: "Asks for more budget", tone: "warn" }];
    case "budget.raised":
      return e.data.by === "" ? [] : [{ from: "people", fromName: e.data.by, to: toAgent(e.data.agent), kind: "decision", text: e.data.declined === true ? "Go on without models" : "The budget is raised" }];
    case "action.started":
      return [{ from: "resolution", to: "systems", toName: e.data.effect.target, kind: "action", text: `${e.data.effect.undo === true ? "Takes back" : "Runs"} ${e.data.effect.document} through ${e.data.effect.executor}`, tone: "accent" }];
    case "action.finished": {
      const { execution: x } = e.data;
      return [{ from: "systems", fromName: x.executor, to: "resolution", kind: "action", text: `${executionStateWord(x.state).text}${x.detail === undefined || x.detail === "" ? "" : `: ${x.detail}`}`, tone: executionStateWord(x.state).tone }];
    }
    case "cause.reviewed":
      return e.data.by === "" ? [] : [{ from: "people", fromName: e.data.by, to: "vigil", kind: "decision", text: `${e.data.correct ? "This was the cause" : "This was not the cause"}${e.data.comment === undefined ? "" : `: ${e.data.comment}`}`, tone: e.data.correct ? "good" : "warn" }];
    default:
      return [];
  }
}

function wanted(tools: readonly string[] | undefined): string | undefined {
  return tools === undefined || tools.length === 0 ? undefined : `Asks for ${tools.map(spaced).join(", ")}`;
}

function toAgent(agent: Agent | undefined): Party {
  return agent ?? "vigil";
}

const partyNames: Record<Party, string> = {
  sources: "Sources",
  detection: "Detection",
  diagnosis: "Diagnosis",
  prediction: "Prediction",
  resolution: "Resolution",
  communication: "Communic.",
  model: "Models",
  guardrail: "Guardrail",
  vigil: "Vigil",
  systems: "Systems",
  people: "People",
};

export const partyName = (p: Party): string => partyNames[p];
