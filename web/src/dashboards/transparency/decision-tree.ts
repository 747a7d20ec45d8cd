/**
 * What the incident was decided by, as a graph in six columns: evidence, what it was held to mean,
 * what could be done, who let it be done, what was done, and what came of it. Built from the events
 * alone; what was taken is told apart from what was not, and nothing that was not taken is left out.
 */
import type { DecodedEvent } from "../../protocol/decoder";
import type { Decision, Diagnosis, Evidence, Option } from "../../protocol/generated";
import { step } from "../../ui/source";
import { type Tone, autonomyWord, capital, causeWord, executionStateWord, outcomeWord, proposalStateWord, statusWord, verificationStateWord } from "../../ui/words";

export const stages = ["evidence", "hypotheses", "options", "permission", "action", "outcome"] as const;
export type Stage = (typeof stages)[number];

export interface TreeNode {
  id: string;
  stage: Stage;
  /** What kind of thing it is, in a word or two. */
  label: string;
  title: string;
  /** Why, or how it stands. */
  note?: string | undefined;
  tone: Tone;
  /** 0–1, drawn as a bar: strength of evidence, score of a hypothesis or of an option. */
  score?: number | undefined;
  /** Where that is said: the event, and the value within it. */
  scoreAt?: { index: number; pointer: string } | undefined;
  /** Lies on a path that was taken. */
  taken: boolean;
  /** The event that says it: the latest of it. */
  index: number;
  /** The value within that event. */
  pointer: string;
  /** Earlier events that say some of it. */
  also: readonly number[];
}

export interface TreeEdge {
  from: string;
  to: string;
  kind: "for" | "against" | "next";
  taken: boolean;
}

export interface Tree {
  nodes: readonly TreeNode[];
  edges: readonly TreeEdge[];
}

export function treeOf(events: readonly DecodedEvent[]): Tree {
  const b = new Builder();
  for (const [index, d] of events.entries()) if (d.readable) b.add(d.event, index);
  return b.tree();
}

class Builder {
  private readonly nodes = new Map<string, TreeNode>();
  private readonly edges = new Map<string, TreeEdge>();
  /** What an action, by its option or hash, has come to: its next node hangs there. */
  private readonly tips = new Map<string, string>();
  /** By proposal: which action it is about. */
  private readonly proposals = new Map<string, { optionId: string; hash: string }>();
  private cause: string | undefined;
  private last: string | undefined;
  private decisions = 0;

  add(e: Extract<DecodedEvent, { readable: true }>["event"], index: number): void {
    switch (e.type) {
      case "evidence.collected":
        this.evidence(e.data.evidence, index);
        break;
      case "diagnosis.concluded":
        this.diagnosis(e.data.diagnosis, index);
        break;
      case "decision.made":
        this.decision(e.data.decision, index);
        break;
      case "option.proposed":
        this.change(`option:${e.data.option_id}`, { label: `Put forward by ${e.data.by}`, note: e.data.reason, score: undefined, index, pointer: "/data" });
        break;
      case "policy.ruled": {
        const { option_id, action_hash, ruling } = e.data;
        const id = `ruling:${index}`;
        this.put({ id, stage: "permission", label: "Policy", title: `${autonomyWord(ruling.autonomy)}${ruling.dry_run ? ", as a dry run" : ""}`, note: ruling.reason === "" ? ruling.rule : ruling.reason, tone: ruling.autonomy === "never" ? "bad" : "neutral", index, pointer: "/data/ruling" });
        this.link(`option:${option_id}`, id);
        this.tips.set(option_id, id).set(action_hash, id);
        this.last = id;
        break;
      }
      case "approval.requested": {
        const { proposal: p } = e.data;
        const optionId = `${p.action.name}:${p.action.target}`;
        const id = `approval:${p.id}`;
        this.put({ id, stage: "permission", label: "Approval", title: `${capital(p.asked_of)} asked`, note: proposalStateWord(p.state).text, tone: proposalStateWord(p.state).tone, index, pointer: "/data/proposal" });
        this.link(this.tips.get(p.action_hash) ?? this.tips.get(optionId) ?? `option:${optionId}`, id);
        this.proposals.set(p.id, { optionId, hash: p.action_hash });
        this.tips.set(p.action_hash, id);
        this.last = id;
        break;
      }
      case "approval.given":
        this.change(`approval:${e.data.proposal_id}`, { note: `${e.data.by} approved`, tone: "good", index, pointer: "/data" });
        break;
      case "approval.decided":
        this.change(`approval:${e.data.proposal_id}`, { note: `${proposalStateWord(e.data.state).text} by ${e.data.by}${e.data.comment === undefined ? "" : `: ${e.data.comment}`}`, tone: proposalStateWord(e.data.state).tone, index, pointer: "/data" });
        break;
      case "approval.expired":
        this.change(`approval:${e.data.proposal_id}`, { note: "Nobody decided in time", tone: "warn", index, pointer: "/data" });
        break;
      case "approval.voided":
        this.change(`approval:${e.data.proposal_id}`, { note: `Overtaken: ${e.data.reason}`, tone: "neutral", index, pointer: "/data" });
        break;
      case "action.started": {
        const { effect, action } = e.data;
        const id = stepId(effect);
        this.put({ id, stage: "action", label: effect.undo === true ? "Taken back" : "Step", title: `${effect.document} on ${effect.target}`, note: executionStateWord("running").text, tone: "accent", index, pointer: "/data/effect" });
        this.link(this.tips.get(effect.action_hash) ?? this.tips.get(`${action.name}:${action.target}`) ?? `option:${action.name}:${action.target}`, id);
        this.tips.set(effect.action_hash, id);
        this.last = id;
        break;
      }
      case "action.finished": {
        const { execution: x } = e.data;
        const word = executionStateWord(x.state);
        this.change(stepId(x), { note: x.detail === undefined || x.detail === "" ? word.text : `${word.text}: ${x.detail}`, tone: word.tone, index, pointer: "/data/execution" });
        break;
      }
      case "verification.measured": {
        const word = verificationStateWord(e.data.verification.state);
        const action = this.last?.startsWith("verification:") === true ? this.last.slice("verification:".length) : this.last;
        if (action === undefined) break;
        const id = `verification:${action}`;
        this.put({ id, stage: "outcome", label: "Verification", title: word.text, note: e.data.verification.detail, tone: word.tone, index, pointer: "/data/verification" });
        this.link(action, id);
        this.last = id;
        break;
      }
      case "incident.closed":
        this.end(outcomeWord(e.data.outcome), e.data.reason, e.data.status === "resolved" ? "good" : "neutral", index);
        break;
      case "incident.aborted":
        this.end(statusWord("aborted").text, e.data.reason, "bad", index);
        break;
      case "incident.status_changed":
        if (e.data.status === "needs_human") this.end(statusWord(e.data.status).text, e.data.reason, "warn", index);
        else this.nodes.delete("end");
        break;
      default:
    }
  }

  /** What was taken lies on a way that leads to what was done or decided last. */
  tree(): Tree {
    const edges = [...this.edges.values()].filter((e) => this.nodes.has(e.from) && this.nodes.has(e.to));
    const taken = new Set<string>();
    const goals = [...this.nodes.values()].filter((n) => n.stage === "action" || n.stage === "outcome").map((n) => n.id);
    const open = goals.length > 0 ? goals : this.last !== undefined ? [this.last] : this.cause !== undefined ? [this.cause] : [];
    while (open.length > 0) {
      const id = open.pop() as string;
      if (taken.has(id)) continue;
      taken.add(id);
      for (const e of edges) if (e.to === id && e.kind !== "against") open.push(e.from);
    }
    return {
      nodes: [...this.nodes.values()].map((n) => ({ ...n, taken: taken.has(n.id) })),
      edges: edges.map((e) => ({ ...e, taken: e.kind !== "against" && taken.has(e.from) && taken.has(e.to) })),
    };
  }

  private evidence(e: Evidence, index: number): void {
    this.put({ id: e.id, stage: "evidence", label: e.id, title: e.title, note: e.found ? e.finding : "not found", tone: e.found ? "neutral" : "warn", score: e.found ? e.strength : undefined, scoreAt: { index, pointer: "/data/evidence/strength" }, index, pointer: "/data/evidence" });
    // The statistics suspect before anybody concludes.
    if (this.cause === undefined) {
      for (const [i, s] of (e.suspects ?? []).entries()) this.hypothesis(s, { supports: s.cites }, index, `/data/evidence/suspects/${i}`);
    }
  }

  private diagnosis(d: Diagnosis, index: number): void {
    for (const [id, n] of this.nodes) if (n.stage === "hypotheses") this.nodes.delete(id);
    for (const [id, e] of this.edges) if (e.to.startsWith("hypothesis:")) this.edges.delete(id);
    for (const [i, h] of (d.hypotheses ?? []).entries()) this.hypothesis(h, h, index, `/data/diagnosis/hypotheses/${i}`);
    if (d.verdict !== "probable") {
      this.put({ id: "hypothesis:none", stage: "hypotheses", label: "Diagnosis", title: d.verdict === "healthy" ? "Nothing is wrong now" : "Inconclusive", note: d.summary, tone: d.verdict === "healthy" ? "good" : "warn", index, pointer: "/data/diagnosis" });
      this.cause = "hypothesis:none";
      for (const id of new Set((d.claims ?? []).flatMap((c) => c.cites ?? []))) this.link(id, this.cause, "for");
    } else {
      this.cause = hypothesisId(d);
      if (!this.nodes.has(this.cause)) {
        this.hypothesis({ ...d, score: d.confidence }, { supports: (d.claims ?? []).flatMap((c) => c.cites ?? []) }, index, "/data/diagnosis");
      }
      this.change(this.cause, { label: "Held to be the cause", tone: "accent" });
    }
    this.last = this.cause;
  }

  private hypothesis(h: { cause: string; service?: string; score: number }, on: { supports?: string[]; contradicts?: string[] }, index: number, pointer: string): void {
    const id = hypothesisId(h);
    this.put({ id, stage: "hypotheses", label: "Could be", title: `${capital(causeWord(h.cause))}${h.service === undefined ? "" : ` in ${h.service}`}`, tone: "neutral", score: h.score, scoreAt: { index, pointer: `${pointer}/${pointer === "/data/diagnosis" ? "confidence" : "score"}` }, index, pointer });
    for (const e of on.supports ?? []) this.link(e, id, "for");
    for (const e of on.contradicts ?? []) this.link(e, id, "against");
  }

  private decision(d: Decision, index: number): void {
    this.decisions++;
    const again = this.decisions > 1 ? "Chosen next" : "Chosen";
    for (const [i, o] of (d.options ?? []).entries()) this.option(o, d, i, index, again);
    for (const [i, x] of (d.excluded ?? []).entries()) {
      const id = `option:${x.option_id}`;
      // What was tried keeps its place and its score; why it is not tried again is news.
      if (this.nodes.has(id)) this.change(id, { label: "Tried before", note: x.reason, tone: "warn", index, pointer: `/data/decision/excluded/${i}` });
      else this.put({ id, stage: "options", label: "Not on the list", title: x.title, note: x.reason, tone: "warn", index, pointer: `/data/decision/excluded/${i}` });
    }
    if (d.chosen_id === undefined || d.chosen_id === "") {
      const id = `option:none:${index}`;
      this.put({ id, stage: "options", label: "Decision", title: "None was chosen", note: d.rationale, tone: "warn", index, pointer: "/data/decision" });
      this.link(this.cause, id);
      this.last = id;
    } else {
      this.last = `option:${d.chosen_id}`;
    }
  }

  private option(o: Option, d: Decision, place: number, index: number, chosenWord: string): void {
    const id = `option:${o.id}`;
    const chosen = o.id === d.chosen_id;
    const votes = (d.votes ?? []).filter((v) => v.option_id === o.id && (v.dropped ?? "") === "");
    const had = this.nodes.get(id);
    // What was tried before stays what it was, where it is merely listed again.
    if (had !== undefined && !chosen) return;
    this.put({ id, stage: "options", label: chosen ? chosenWord : "Not chosen", title: `${o.title}, ${o.target}`, note: votes.length === 0 ? "no valid vote" : `for it: ${votes.map((v) => v.agent).join(", ")}`, tone: chosen ? "accent" : "neutral", score: d.scores?.[o.id], scoreAt: { index, pointer: `/data/decision/scores${step(o.id)}` }, index, pointer: `/data/decision/options/${place}` });
    this.link(this.cause, id);
  }

  private end(title: string, note: string | undefined, tone: Tone, index: number): void {
    this.put({ id: "end", stage: "outcome", label: "Outcome", title, note, tone, index, pointer: "/data" });
    for (const [key, e] of this.edges) if (e.to === "end") this.edges.delete(key);
    this.link(this.last, "end");
  }

  private put(n: Omit<TreeNode, "taken" | "also">): void {
    this.nodes.set(n.id, { ...n, taken: false, also: [] });
  }

  private change(id: string, to: Partial<TreeNode>): void {
    const n = this.nodes.get(id);
    if (n === undefined) return;
    const also = to.index === undefined || to.index === n.index ? n.also : [...n.also, n.index];
    this.nodes.set(id, { ...n, ...to, also });
  }

  private link(from: string | undefined, to: string, kind: TreeEdge["kind"] = "next"): void {
    if (from !== undefined && from !== to) this.edges.set(`${from}→${to}`, { from, to, kind, taken: false });
  }
}

function stepId(x: { action_hash: string; step: number; undo?: boolean }): string {
  return `step:${x.action_hash}:${x.step}${x.undo === true ? ":undo" : ""}`;
}

function hypothesisId(h: { cause: string; service?: string | undefined }): string {
  return `hypothesis:${h.cause}/${h.service ?? ""}`;
}
