/** The events of models, budgets, questions and what is learned, in words. */
import type { IncidentEvent } from "../protocol/generated";
import { cost, count } from "../ui/format";
import { amount, capital, causeWord, guardrailWord, purposeWord, routeWord } from "../ui/words";
import type { Words } from "./timeline-words";

type InvestigationEvent = Extract<
  IncidentEvent,
  {
    type:
      | "model.routed"
      | "incident.degraded"
      | "incident.continued"
      | "budget.exhausted"
      | "budget.raised"
      | "question.asked"
      | "question.answered"
      | "guardrail.checked"
      | "lesson.learned"
      | "cause.reviewed";
  }
>;

export function investigationWords(e: InvestigationEvent): Words {
  switch (e.type) {
    case "model.routed": {
      const word = routeWord(e.data.reason);
      return { text: `${capital(e.data.agent)} asks ${e.data.model ?? "no model"} ${purposeWord(e.data.purpose)}: ${word.text}`, detail: e.data.detail, tone: word.tone, key: e.data.reason !== "configured" };
    }
    case "incident.degraded":
      return e.data.degraded ? { text: `Degraded: ${e.data.reason}`, tone: "warn", key: true } : { text: `No longer degraded: ${e.data.reason}`, tone: "good", key: true };
    case "incident.continued":
      return { text: "The incident goes on as a new run, with all that is known", detail: `from run ${e.data.from_run_id}` };
    case "budget.exhausted": {
      const { scope, agent, which, used, cap } = e.data;
      const whose = scope === "agent" ? `the ${agent} agent` : scope === "day" ? "the day" : "the incident";
      const figures = which === "turns" || which === "tokens" || which === "cost" ? `${amount(used, which)} of ${amount(cap, which)}${which === "cost" ? "" : ` ${which}`}` : which;
      return { text: `The budget of ${whose} is used up: ${figures}`, detail: scope === "day" ? `The ${agent} agent goes on without models.` : undefined, tone: "warn", key: true };
    }
    case "budget.raised": {
      const { declined, by, scope, agent, cap, comment } = e.data;
      const who = by === "" ? "Vigil" : by;
      const whose = scope === "agent" && agent !== undefined ? `the ${agent} agent` : "the incident";
      const person = by === "" ? {} : ({ actor: "person", who: by } as const);
      if (declined === true) return { text: `${who} lets ${whose} go on without models`, detail: comment, tone: "warn", key: true, ...person };
      const caps = [cap.turns === undefined ? undefined : `${count(cap.turns)} turns`, cap.tokens === undefined ? undefined : `${count(cap.tokens)} tokens`, cap.cost_usd_micros === undefined ? undefined : cost(cap.cost_usd_micros)];
      return { text: `${who} raised the budget of ${whose} to ${caps.filter(Boolean).join(", ")}`, detail: comment, tone: "good", key: true, ...person };
    }
    case "question.asked":
      return { text: `${e.data.by} asked: ${e.data.text}`, key: true, actor: "person", who: e.data.by };
    case "question.answered":
      return e.data.answer === undefined
        ? { text: `No answer to ${e.data.id}: ${e.data.error ?? "nobody says why"}`, tone: "warn", key: true }
        : { text: `Answer to ${e.data.id}: ${e.data.answer.text}`, key: true, actor: e.data.answer.method === "model" ? "ai" : "system" };
    case "guardrail.checked": {
      const word = guardrailWord(e.data.outcome);
      const policies = e.data.policies === undefined ? "" : ` (${e.data.policies.join(", ")})`;
      return { text: `Guardrail, ${e.data.subject}: ${word.text}${policies}`, detail: e.data.detail, tone: word.tone, key: e.data.outcome === "blocked" || e.data.outcome === "failed" };
    }
    case "lesson.learned": {
      const { lesson, into } = e.data;
      const learned = lesson.cause === undefined ? "without a confirmed cause" : `${causeWord(lesson.cause)}, confirmed by ${lesson.confirmed_by ?? "somebody"}`;
      return { text: `Kept for later incidents in ${(into ?? []).join(", ")}: ${learned}`, detail: lesson.summary, key: true };
    }
    case "cause.reviewed": {
      const { by, correct, cause, cause_service, comment } = e.data;
      const instead = cause === undefined ? "" : `: it was ${causeWord(cause)}${cause_service === undefined ? "" : ` in ${cause_service}`}`;
      return { text: `${by}: ${correct ? "this was the cause" : `this was not the cause${instead}`}`, detail: comment, tone: correct ? "good" : "warn", key: true, actor: "person", who: by };
    }
  }
}
