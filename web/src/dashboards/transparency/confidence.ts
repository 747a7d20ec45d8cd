/**
 * How sure everybody was, and what made them surer or less sure. A move is a change of a confidence or
 * of a score, with the event that brought it and the evidence that came since the one before.
 */
import type { DecodedEvent } from "../../protocol/decoder";
import { causeWord, capital } from "../../ui/words";

export type SeriesKind = "agent" | "hypothesis" | "decision" | "self";

export interface Move {
  index: number;
  value: number;
  before: number | undefined;
  /** Where the value is within its event. */
  pointer: string;
  /** In the words of who moved. */
  cause: string | undefined;
  cites: readonly string[];
  /** Evidence that came since the move before, by the index of its event. */
  since: readonly number[];
}

export interface ConfidenceSeries {
  key: string;
  kind: SeriesKind;
  label: string;
  moves: readonly Move[];
}

interface Told {
  key: string;
  kind: SeriesKind;
  label: string;
  value: number;
  pointer: string;
  cause?: string | undefined;
  cites?: readonly string[] | undefined;
}

/** Smaller changes come from adding in another order, and are none. */
const same = 1e-9;

export function confidenceOf(events: readonly DecodedEvent[]): ConfidenceSeries[] {
  const series = new Map<string, ConfidenceSeries & { moves: Move[] }>();
  const evidence: number[] = [];
  for (const [index, d] of events.entries()) {
    if (!d.readable) continue;
    if (d.event.type === "evidence.collected") evidence.push(index);
    for (const t of tellings(d.event)) {
      let s = series.get(t.key);
      if (s === undefined) series.set(t.key, (s = { key: t.key, kind: t.kind, label: t.label, moves: [] }));
      const last = s.moves.at(-1);
      if (last !== undefined && Math.abs(last.value - t.value) < same) continue;
      s.moves.push({ index, value: t.value, before: last?.value, pointer: t.pointer, cause: t.cause, cites: t.cites ?? [], since: evidence.filter((at) => at > (last?.index ?? -1)) });
    }
  }
  return [...series.values()];
}

function tellings(e: Extract<DecodedEvent, { readable: true }>["event"]): Told[] {
  switch (e.type) {
    case "agent.updated": {
      const { agent, confidence, key_finding, task } = e.data;
      return confidence === undefined ? [] : [agentTold(agent, confidence, "/data/confidence", key_finding ?? task)];
    }
    case "diagnosis.concluded": {
      const { diagnosis: d } = e.data;
      const told: Told[] = (d.hypotheses ?? []).map((h, i) => ({ ...hypothesisTold(h), value: h.score, pointer: `/data/diagnosis/hypotheses/${i}/score`, cause: d.summary, cites: [...(h.supports ?? []), ...(h.contradicts ?? [])] }));
      if (d.verdict !== "inconclusive") told.push({ ...agentTold("diagnosis", d.confidence, "/data/diagnosis/confidence", d.summary), cites: (d.claims ?? []).flatMap((c) => c.cites ?? []) });
      if (d.model_confidence !== undefined) told.push({ key: "self", kind: "self", label: "The model's own rating", value: d.model_confidence, pointer: "/data/diagnosis/model_confidence", cause: "What the model says of itself: shown, never used" });
      return told;
    }
    case "prediction.concluded": {
      const { prediction: p } = e.data;
      return [{ ...agentTold("prediction", p.confidence, "/data/prediction/confidence", p.summary), cites: p.cites }];
    }
    case "decision.made": {
      const { decision: d } = e.data;
      const told: Told[] = (d.votes ?? []).map((v, i) => ({ ...agentTold(v.agent, v.confidence, `/data/decision/votes/${i}/confidence`, (v.dropped ?? "") === "" ? v.reason : `Does not count: ${v.dropped}`), cites: v.cites }));
      if ((d.options ?? []).length > 0) told.push({ key: "decision", kind: "decision", label: "Score of the decision", value: d.score, pointer: "/data/decision/score", cause: d.rationale });
      return told;
    }
    case "evidence.collected":
      return (e.data.evidence.suspects ?? []).map((s, i) => ({ ...hypothesisTold(s), value: s.score, pointer: `/data/evidence/suspects/${i}/score`, cause: s.reasons?.join("; "), cites: s.cites }));
    default:
      return [];
  }
}

function agentTold(agent: string, value: number, pointer: string, cause: string | undefined): Told {
  return { key: `agent:${agent}`, kind: "agent", label: `${capital(agent)} agent`, value, pointer, cause };
}

function hypothesisTold(h: { cause: string; service?: string }): Pick<Told, "key" | "kind" | "label"> {
  return { key: `hypothesis:${h.cause}/${h.service ?? ""}`, kind: "hypothesis", label: `${capital(causeWord(h.cause))}${h.service === undefined ? "" : ` in ${h.service}`}` };
}
