/**
 * One incident told in scenes: the alert, what is happening, the evidence, the cause, who decided, the
 * action, what the telemetry says, what it cost, how sure we are. Plain functions over recorded
 * events; where nothing was recorded there is no scene, and where the incident is open that is said.
 */
import { duration, measure, percent } from "../../ui/format";
import { causeWord, metricWord, sentence, severityWord } from "../../ui/words";
import { type Line, type Picture, type Scene, type Story, isOf, line } from "./story";
import { endScenes } from "./narration-end";
import { rounds } from "./narration-rounds";
import { listed, lowerFirst } from "./narration-words";

export function scenesOf(story: Story): readonly Scene[] {
  return [alertScene(story), impactScene(story), evidenceScene(story), causeScene(story), ...rounds(story), ...endScenes(story)].filter((scene) => scene.lines.length > 0);
}

function alertScene(story: Story): Scene {
  const lines: Line[] = [];
  const opened = story.events.find(isOf("incident.opened"));
  if (opened !== undefined) {
    const { title, service, severity, started_at, source, opened_by } = opened.data;
    lines.push(line(story, opened, `${opened_by ?? source} raised an alert: ${sentence(title)}`));
    lines.push(line(story, opened, `It is about ${service}, and its severity is ${severityWord(severity).toLowerCase()}.`));
    const before = Date.parse(opened.at) - Date.parse(started_at);
    if (before >= 1_000) lines.push(line(story, opened, `The trouble had begun ${duration(before)} earlier.`, "", "span /data/started_at /at"));
  }
  const continued = story.events.find(isOf("incident.continued"));
  if (opened === undefined && continued !== undefined) lines.push(line(story, continued, `${sentence(continued.data.view.title)} Its first events are no longer here; it goes on from what they added up to.`, "/data/view/title"));
  return { key: "alert", title: "The alert", lines };
}

function impactScene(story: Story): Scene {
  const lines: Line[] = [];
  const opened = story.events.find(isOf("incident.opened"));
  const described = opened?.data.description?.split("\n")[0]?.trim() ?? "";
  if (opened !== undefined && described !== "") lines.push(line(story, opened, sentence(described), "/data/description"));
  const forecast = story.events.findLast(isOf("prediction.concluded"));
  if (forecast !== undefined) {
    const { summary, breach_at, spread } = forecast.data.prediction;
    lines.push(line(story, forecast, `The forecast: ${sentence(lowerFirst(summary))}`, "/data/prediction"));
    const left = Date.parse(breach_at ?? "") - Date.parse(forecast.at);
    if (left > 0) lines.push(line(story, forecast, `When this was forecast, ${duration(left)} were left.`, "", "span /at /data/prediction/breach_at"));
    if (spread !== undefined && spread.length > 0) lines.push(line(story, forecast, `It reaches ${listed(spread.map((s) => s.service))} as well.`, "/data/prediction/spread"));
  }
  for (const e of story.events) {
    if (e.type === "incident.acknowledged") lines.push(line(story, e, `${e.data.by} acknowledged it.`));
    if (e.type === "incident.severity_changed") lines.push(line(story, e, `${e.data.by ?? "Vigil"} changed its severity from ${severityWord(e.data.from).toLowerCase()} to ${severityWord(e.data.to).toLowerCase()}: ${sentence(e.data.reason ?? "no reason was given")}`));
  }
  return { key: "impact", title: "What is happening", lines, picture: lines.length === 0 ? undefined : strongestSeries(story) };
}

/** The measure that left its normal range the furthest. */
function strongestSeries(story: Story): Picture | undefined {
  const metrics = story.events.filter(isOf("evidence.collected")).filter((e) => (e.data.evidence.series?.[0]?.points?.length ?? 0) > 1);
  const best = metrics.toSorted((a, b) => b.data.evidence.strength - a.data.evidence.strength)[0];
  const series = best?.data.evidence.series?.[0];
  if (best === undefined || series === undefined) return undefined;
  const opened = story.events.find(isOf("incident.opened"));
  return {
    kind: "series",
    label: `${metricWord(series.metric)} of ${series.service}`,
    unit: series.unit,
    points: series.points ?? [],
    mark: opened === undefined ? undefined : Date.parse(opened.data.started_at),
    source: { "data-source": story.sources.event(best.id, "/data/evidence/series/0") },
  };
}

/** How much of each kind is told. All of it is on /transparency. */
const told = { evidence: 5, ofKind: 2, missing: 4, claims: 4, bars: 6 };

function evidenceScene(story: Story): Scene {
  const all = story.events.filter(isOf("evidence.collected"));
  const first = all[0];
  if (first === undefined) return { key: "evidence", title: "The evidence", lines: [] };
  const sources = [...new Set(all.filter((e) => e.data.evidence.kind !== "ranking").map((e) => e.data.evidence.source))];
  const found = all.filter((e) => e.data.evidence.found);
  const byStrength = found.toSorted((a, b) => b.data.evidence.strength - a.data.evidence.strength);
  // Asked again, the same is found again: it is told once.
  const fresh = byStrength.filter((e, i) => byStrength.findIndex((same) => same.data.evidence.title === e.data.evidence.title && same.data.evidence.finding === e.data.evidence.finding) === i);
  const varied = fresh.filter((e, i) => fresh.slice(0, i).filter((before) => before.data.evidence.kind === e.data.evidence.kind).length < told.ofKind);
  const strongest = new Set(varied.slice(0, told.evidence));
  const lines = [line(story, first, sources.length === 0 ? "Vigil gathered evidence." : `Vigil asked ${listed(sources)}.`, "/data/evidence")];
  for (const e of all) {
    const { id, title, finding } = e.data.evidence;
    if (strongest.has(e)) lines.push(line(story, e, `${id}, ${lowerFirst(title)}: ${sentence(finding?.split("; ")[0] ?? "found")}`, "/data/evidence"));
  }
  const missed = all.filter((e) => !e.data.evidence.found);
  if (missed[0] !== undefined) {
    const titles = missed.slice(0, told.missing).map((e) => lowerFirst(e.data.evidence.title));
    lines.push(line(story, missed[0], `Looked for and not found: ${sentence(listed(missed.length > told.missing ? [...titles, "more"] : titles))}`, "/data/evidence"));
  }
  const bars = fresh
    .filter((e) => e.data.evidence.strength > 0)
    .slice(0, told.bars)
    .map((e) => ({
      label: `${e.data.evidence.id} ${e.data.evidence.title}`,
      value: e.data.evidence.strength,
      text: percent(e.data.evidence.strength),
      source: { "data-source": story.sources.event(e.id, "/data/evidence") },
      tone: "accent" as const,
    }));
  return { key: "evidence", title: "The evidence", lines, picture: bars.length === 0 ? undefined : { kind: "bars", title: "How far outside normal, by statistics alone", bars } };
}

function causeScene(story: Story): Scene {
  const scene = { key: "cause", title: "The cause" };
  const e = story.events.findLast(isOf("diagnosis.concluded"));
  if (e === undefined) return { ...scene, lines: [] };
  const { diagnosis: d } = e.data;
  const at = "/data/diagnosis";
  const lines: Line[] = [];
  if (d.verdict === "probable") {
    lines.push(line(story, e, `The probable cause: ${causeWord(d.cause)}${d.service === undefined ? "" : ` in ${d.service}`}.`, at));
  } else {
    lines.push(line(story, e, d.verdict === "healthy" ? "The telemetry shows nothing wrong now." : "No cause could be shown. That is an answer too, and Vigil says so rather than guess.", at));
  }
  lines.push(line(story, e, sentence(d.summary), `${at}/summary`));
  if (d.verdict === "probable") lines.push(line(story, e, `Confidence ${percent(d.confidence)}, computed from the evidence that is cited.`, `${at}/confidence`));
  let supported = 0;
  for (const [i, claim] of (d.claims ?? []).entries()) {
    if (claim.supported && ++supported > told.claims) continue;
    const cited = claim.cites ?? [];
    const rests = claim.supported ? (cited.length === 0 ? "" : ` (${cited.join(", ")})`) : " (this cites nothing, and is marked as unsupported)";
    lines.push(line(story, e, `${claim.text.trim().replace(/[.]$/, "")}${rests}.`, `${at}/claims/${i}`));
  }
  const call = story.events.findLast((m) => m.type === "model.called" && m.data.agent === "diagnosis");
  if (d.method !== "model") lines.push(line(story, e, "No model was needed: statistics over the evidence alone say so.", `${at}/method`));
  else if (call?.provenance.model !== undefined) lines.push(line(story, call, `The words are those of ${call.provenance.model}${call.provenance.origin === "live" ? ", asked through AWS" : `, ${call.provenance.origin}`}.`, "/provenance"));
  const bars = (d.hypotheses ?? []).map((h, i) => ({
    label: `${causeWord(h.cause)}${h.service === undefined ? "" : ` in ${h.service}`}`,
    value: h.score,
    text: measure(h.score, undefined),
    source: { "data-source": story.sources.event(e.id, `${at}/hypotheses/${i}`) },
    tone: i === 0 ? ("accent" as const) : ("neutral" as const),
  }));
  return { ...scene, lines, picture: bars.length === 0 ? undefined : { kind: "bars", title: "What was considered, by score", bars } };
}
