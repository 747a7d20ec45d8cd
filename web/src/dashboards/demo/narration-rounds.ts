/**
 * The middle of the story. A first action may not help, and another be decided on: each round has who
 * decided, what was done within which bounds, and what the telemetry said of it.
 */
import type { IncidentEvent, Option, Proposal } from "../../protocol/generated";
import { measure, quantity } from "../../ui/format";
import { step } from "../../ui/source";
import { autonomyWord, blastWord, executionStateWord, handoverWord, metricWord, remediationMeaning, sentence, verificationStateWord } from "../../ui/words";
import { type Line, type Picture, type Scene, type Story, isOf, line } from "./story";

const deciding = isOf("decision.made", "policy.ruled", "option.proposed", "approval.requested", "approval.given", "approval.decided", "approval.expired", "approval.voided", "incident.escalated", "incident.status_changed");
const acting = isOf("action.started", "action.finished", "remediation.changed");
const measuring = isOf("verification.measured");

interface Round {
  decided: IncidentEvent[];
  done: IncidentEvent[];
  measured: IncidentEvent[];
}

export function rounds(story: Story): Scene[] {
  return split(story.events).flatMap((round, i) => [decisionScene(story, round, i), actionScene(story, round, i), confirmationScene(story, round, i)]);
}

/** A round begins where something is decided after something was done. */
function split(events: readonly IncidentEvent[]): Round[] {
  const all: Round[] = [];
  let round: Round = { decided: [], done: [], measured: [] };
  for (const e of events) {
    if (e.type !== "incident.status_changed" && deciding(e) && round.done.length + round.measured.length > 0) {
      all.push(round);
      round = { decided: [], done: [], measured: [] };
    }
    if (deciding(e)) round.decided.push(e);
    else if (acting(e)) round.done.push(e);
    else if (measuring(e)) round.measured.push(e);
  }
  return [...all, round];
}

function decisionScene(story: Story, round: Round, i: number): Scene {
  const lines = round.decided.flatMap((e) => decided(story, e));
  if (round.done.length > 0 && !round.decided.some(isOf("approval.given", "approval.decided", "approval.requested"))) {
    const ruled = round.decided.find(isOf("policy.ruled"));
    if (ruled !== undefined) lines.push(line(story, ruled, "No person had to decide.", "/data/ruling"));
  }
  return { key: `decision-${i}`, title: i === 0 ? "The decision" : "Another decision", lines, picture: lines.length === 0 ? undefined : scores(story, round) };
}

function decided(story: Story, e: IncidentEvent): Line[] {
  switch (e.type) {
    case "decision.made": {
      const { options, chosen_id, rationale } = e.data.decision;
      const chosen = (options ?? []).findIndex((o) => o.id === chosen_id);
      const option = options?.[chosen];
      const what = option === undefined ? [] : [line(story, e, `Put to the vote, this was chosen: ${option.title.charAt(0).toLowerCase()}${option.title.slice(1)}, on ${option.target}.`, `/data/decision/options/${chosen}`)];
      return [...what, line(story, e, sentence(rationale), "/data/decision")];
    }
    case "policy.ruled":
      return [line(story, e, `By the policy: ${lower(autonomyWord(e.data.ruling.autonomy))}.${e.data.ruling.reason === "" ? "" : ` ${sentence(upper(e.data.ruling.reason))}`}`, "/data/ruling")];
    case "option.proposed":
      return [line(story, e, `${e.data.by} put another option forward: ${sentence(e.data.reason ?? e.data.option_id)}`)];
    case "approval.requested":
      return [line(story, e, `Vigil asked ${e.data.proposal.asked_of} to approve${e.data.proposal.dry_run ? " a dry run, in which nothing runs" : ""}.`, "/data/proposal")];
    case "approval.given":
      return e.data.have < e.data.need ? [line(story, e, `${e.data.by} approved, ${e.data.have} of ${e.data.need}.`)] : [];
    case "approval.decided":
      return [line(story, e, `${e.data.by} decided: ${e.data.state}.${e.data.comment === undefined || e.data.comment === "" ? "" : ` “${e.data.comment}”`}`)];
    case "approval.expired":
      return [line(story, e, "Nobody decided in time.")];
    case "approval.voided":
      return [line(story, e, `The request was withdrawn: ${sentence(e.data.reason ?? "it was overtaken")}`)];
    case "incident.escalated":
      return [line(story, e, `It went to ${e.data.to}: ${sentence(e.data.reason)}`)];
    case "incident.status_changed":
      return e.data.handover === undefined ? [] : [line(story, e, `It was handed to people: ${sentence(lower(handoverWord(e.data.handover)))}`)];
    default:
      return [];
  }
}

function scores(story: Story, round: Round): Picture | undefined {
  const e = round.decided.findLast(isOf("decision.made"));
  if (e === undefined) return undefined;
  const { options, chosen_id } = e.data.decision;
  const bars = Object.entries(e.data.decision.scores ?? {})
    .toSorted(([, a], [, b]) => b - a)
    .map(([id, score]) => {
      const option = options?.find((o) => o.id === id);
      return {
        label: option === undefined ? id : `${option.title}, ${option.target}`,
        value: score,
        text: quantity(score),
        source: { "data-source": story.sources.event(e.id, `/data/decision/scores${step(id)}`) },
        tone: id === chosen_id ? ("accent" as const) : ("neutral" as const),
      };
    });
  return bars.length === 0 ? undefined : { kind: "bars", title: "Score of each option, by the agents' votes", bars };
}

function actionScene(story: Story, round: Round, i: number): Scene {
  const lines = bounds(story, round);
  for (const e of round.done) {
    if (e.type === "action.started") {
      const { effect } = e.data;
      lines.push(line(story, e, `${effect.undo === true ? "Taking back step" : "Step"} ${effect.step}: ${effect.document} on ${effect.target}.`, "/data/effect"));
    } else if (e.type === "action.finished") {
      const { execution: x } = e.data;
      lines.push(line(story, e, `${x.undo === true ? "Taking back step" : "Step"} ${x.step}: ${lower(executionStateWord(x.state).text)}${says(x.detail) ? `, ${x.detail}` : ""}.`, "/data/execution"));
    }
  }
  const last = round.done.findLast(isOf("remediation.changed"));
  if (last !== undefined) lines.push(line(story, last, remediationMeaning(last.data.remediation.state), "/data/remediation/state"));
  return { key: `action-${i}`, title: i === 0 ? "The action, and how it is bounded" : "Another action", lines: round.done.length === 0 ? [] : lines };
}

/** What keeps the action small: said of what was put to people, or else of what was chosen. */
function bounds(story: Story, round: Round): Line[] {
  const asked = round.decided.findLast(isOf("approval.requested"));
  if (asked !== undefined) return bounded(story, asked, "/data/proposal", asked.data.proposal, asked.data.proposal.action);
  const made = round.decided.findLast(isOf("decision.made"));
  const chosen = made?.data.decision.options?.findIndex((o) => o.id === made.data.decision.chosen_id) ?? -1;
  const option = made?.data.decision.options?.[chosen];
  return made === undefined || option === undefined ? [] : bounded(story, made, `/data/decision/options/${chosen}`, option, option);
}

function bounded(story: Story, e: IncidentEvent, at: string, what: Pick<Proposal | Option, "title" | "risk" | "blast_radius" | "effect">, how: Pick<Option, "target" | "steps"> | Proposal["action"]): Line[] {
  const steps = how.steps ?? [];
  const undo = steps.every((s) => s.undo !== undefined) ? "Every step can be taken back." : steps.some((s) => s.undo !== undefined) ? "Not every step can be taken back." : "It cannot be taken back.";
  return [
    line(story, e, `${what.title}, on ${how.target}: it can touch ${blastWord(what.blast_radius)}, and its risk is ${what.risk}.`, at),
    ...(what.effect === "" ? [] : [line(story, e, `What is expected of it: ${sentence(what.effect)}`, at)]),
    ...(steps.length === 0 ? [] : [line(story, e, undo, at)]),
  ];
}

/** More measures than these say the same again. */
const toldChecks = 4;

function confirmationScene(story: Story, round: Round, i: number): Scene {
  const scene = { key: `confirmation-${i}`, title: "What the telemetry says" };
  const e = round.measured.findLast(measuring);
  if (e === undefined) return { ...scene, lines: [] };
  const { verification: v } = e.data;
  const at = "/data/verification";
  // Where nothing was done, nothing helped: it came back by itself, or did not.
  const verdict = round.done.length > 0 || v.state === "unknown" ? verificationStateWord(v.state).text : v.state === "helped" ? "Nothing was done, and it is back to normal" : "It is not back to normal";
  const lines = [line(story, e, `${sentence(verdict)}${says(v.detail) ? ` ${sentence(upper(v.detail))}` : ""}`, at)];
  for (const [n, c] of (v.checks ?? []).slice(0, toldChecks).entries()) {
    lines.push(line(story, e, `${metricWord(c.metric)} of ${c.service} was ${measure(c.incident, c.unit)} at its worst, and is ${measure(c.now, c.unit)} now. Up to ${measure(c.limit, c.unit)} counts as normal.`, `${at}/checks/${n}`));
  }
  const c = v.checks?.[0];
  const bar = (label: string, name: "baseline" | "incident" | "now", tone: "neutral" | "bad" | "good") => ({
    label,
    value: c?.[name] ?? 0,
    text: measure(c?.[name] ?? 0, c?.unit),
    source: { "data-source": story.sources.event(e.id, `${at}/checks/0/${name}`) },
    tone,
  });
  const picture: Picture | undefined =
    c === undefined
      ? undefined
      : { kind: "bars", title: `${metricWord(c.metric)} of ${c.service}`, bars: [bar("Before the incident", "baseline", "neutral"), bar("At its worst", "incident", "bad"), bar("Now", "now", v.state === "helped" ? "good" : "neutral")] };
  return { ...scene, lines, picture };
}

/** Whether a detail says more than the state does: some executors only say "Success". */
function says(detail: string | undefined): detail is string {
  return detail !== undefined && detail !== "" && !/^success(ful|fully)?$/i.test(detail);
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lower(text: string): string {
  return text.startsWith("Vigil") ? text : text.charAt(0).toLowerCase() + text.slice(1);
}
