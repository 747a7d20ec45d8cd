/** The measures that the evidence implicates, with what happened along them. */
import type { DecodedEvent } from "../protocol/decoder";
import type { Evidence, Point, Prediction, Series, View } from "../protocol/generated";
import { parseTime } from "../ui/format";
import { eventSource } from "../ui/source";
import { capital, remediationWord, verificationStateWord } from "../ui/words";

/** How many are drawn: those that say the most. */
const drawn = 4;

/** How much a piece of evidence must stand out to implicate by itself. */
const remarkable = 0.5;

export interface Implicated {
  series: Series;
  /** Where in the view it is. */
  pointer: string;
  evidence: Evidence;
  /** Where the forecast is of this measure. */
  prediction: Prediction | undefined;
}

/** The forecast's measure first, then by how far each left what was normal for it. */
export function implicated(v: View): Implicated[] {
  const cited = citedBy(v);
  const latest = new Map<string, Implicated>();
  for (const [i, evidence] of (v.evidence ?? []).entries()) {
    if (!evidence.found || (!cited.has(evidence.id) && evidence.strength < remarkable)) continue;
    for (const [j, series] of (evidence.series ?? []).entries()) {
      if ((series.points ?? []).length < 2) continue;
      const p = v.prediction;
      const prediction = p !== undefined && p.service === series.service && p.metric === series.metric ? p : undefined;
      latest.set(`${series.service}/${series.metric}`, { series, pointer: `/evidence/${i}/series/${j}`, evidence, prediction });
    }
  }
  const weight = (x: Implicated) => (x.prediction === undefined ? excess(x.series) : Infinity);
  return [...latest.values()]
    .map((x) => ({ x, w: weight(x) }))
    .filter(({ w }) => w > 0)
    .toSorted((a, b) => b.w - a.w)
    .slice(0, drawn)
    .map(({ x }) => x);
}

/** What the diagnosis and the first of the suspects rest on. */
function citedBy(v: View): ReadonlySet<string> {
  const ranking = (v.evidence ?? []).findLast((e) => e.kind === "ranking" && e.found);
  const ids = [
    ...(v.diagnosis?.claims ?? []).filter((c) => c.supported).flatMap((c) => c.cites ?? []),
    ...(v.diagnosis?.hypotheses?.[0]?.supports ?? []),
    ...(ranking?.suspects?.[0]?.cites ?? []),
    ...(v.prediction?.cites ?? []),
  ];
  return new Set(ids);
}

/** How far it left what was normal for it, in widths of that. Only for the order. */
function excess({ anomaly: a }: Series): number {
  if (a === undefined) return 0;
  const width = Math.max(a.high - a.low, Math.abs(a.high) * 0.05, Number.EPSILON);
  return Math.max(a.level - a.high, a.low - a.level, 0) / width;
}

/** What verification measured of it after an action, and where each is said. */
export function measuredAfter(series: Pick<Series, "service" | "metric">, events: readonly DecodedEvent[]): { points: Point[]; sources: string[] } {
  const points: Point[] = [];
  const sources: string[] = [];
  for (const d of events) {
    if (!d.readable || d.event.type !== "verification.measured") continue;
    const place = d.event.data.verification.checks?.findIndex((c) => c.service === series.service && c.metric === series.metric) ?? -1;
    const check = d.event.data.verification.checks?.[place];
    if (check === undefined) continue;
    points.push([Date.parse(d.event.at), check.now]);
    sources.push(`${eventSource(d.event.id, "/at")} ${eventSource(d.event.id, `/data/verification/checks/${place}/now`)}`);
  }
  return { points, sources };
}

export interface Mark {
  at: number;
  /** One letter, which stands at the line and before the words. */
  letter: string;
  text: string;
  tone: "warn" | "accent" | "good" | "bad";
  source: string;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** When the trouble began, when actions ran, what was measured after them; in order. base is the source of the view. */
export function marksOf(v: View, events: readonly DecodedEvent[], base: (pointer: string) => string): Mark[] {
  const marks: Omit<Mark, "letter">[] = [];
  const began = v.started_at === undefined ? "/opened_at" : "/started_at";
  const at = parseTime(v.started_at) ?? parseTime(v.opened_at);
  if (at !== undefined) marks.push({ at, text: v.started_at === undefined ? "incident opened" : "reported to have begun", tone: "warn", source: base(began) });
  for (const d of events) {
    if (!d.readable) continue;
    const { event: e } = d;
    if (e.type === "action.started" && e.data.effect.step === 1 && e.data.effect.undo !== true) {
      marks.push({ at: Date.parse(e.at), text: `${capital(e.data.action.name)} on ${e.data.action.target} started`, tone: "accent", source: `${eventSource(e.id, "/at")} ${eventSource(e.id, "/data/action/name")} ${eventSource(e.id, "/data/action/target")}` });
    }
    if (e.type === "remediation.changed" && e.data.remediation.ended_at !== undefined) {
      const word = remediationWord(e.data.remediation.state);
      marks.push({ at: Date.parse(e.at), text: `action: ${word.text.toLowerCase()}`, tone: word.tone === "good" ? "good" : "warn", source: eventSource(e.id, "/at") });
    }
    if (e.type === "verification.measured" && e.data.verification.state !== "measuring") {
      const word = verificationStateWord(e.data.verification.state);
      marks.push({ at: Date.parse(e.at), text: `verification: ${word.text.toLowerCase()}`, tone: word.tone === "good" ? "good" : "bad", source: eventSource(e.id, "/at") });
    }
  }
  return marks.toSorted((a, b) => a.at - b.at).map((m, i) => ({ ...m, letter: letters[i % letters.length] ?? "?" }));
}
