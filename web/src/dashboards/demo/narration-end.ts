/** How the story ends, or that it has not ended. What is not known of it is said as well. */
import { cost, duration, percent } from "../../ui/format";
import { money } from "../../ui/money";
import { from } from "../../ui/source";
import { causeWord, outcomeWord, sentence, statusWord } from "../../ui/words";
import { type Line, type Scene, type Story, isOf, isOver, line } from "./story";

export function endScenes(story: Story): Scene[] {
  return isOver(story.events) ? [costScene(story), certaintyScene(story)] : [openScene(story)];
}

function costScene(story: Story): Scene {
  const scene = { key: "cost", title: "What it cost" };
  const f = story.figures;
  if (f === undefined) return { ...scene, lines: [] };
  const say = (text: string, ...pointers: string[]): Line => ({ text, source: from(pointers.map(story.sources.figures).join(" ")) });
  const lines: Line[] = [];
  if (f.resolve_seconds !== undefined) lines.push(say(`From its opening until it was resolved it took ${duration(f.resolve_seconds * 1000)}.`, "/resolve_seconds"));
  if (f.acknowledge_seconds !== undefined) lines.push(say(`A person acknowledged it after ${duration(f.acknowledge_seconds * 1000)}.`, "/acknowledge_seconds"));
  if (f.baseline_seconds !== undefined) lines.push(say(`By the user's own baseline it would have taken ${duration(f.baseline_seconds * 1000)}.`, "/baseline_seconds"));
  if (f.downtime_micros !== undefined && story.currency !== undefined) {
    lines.push(say(`By the user's rates that is ${money(f.downtime_micros, story.currency)} of downtime.`, "/downtime_micros"));
    if (f.saved_micros !== undefined) {
      const saved = f.saved_micros < 0 ? `${money(-f.saved_micros, story.currency)} more than by the baseline` : `${money(f.saved_micros, story.currency)} less than by the baseline`;
      lines.push(say(`That is ${saved}.`, "/saved_micros"));
    }
  } else {
    lines.push(say("What downtime costs is not known here, so nothing is said about money lost or saved.", ""));
  }
  lines.push(say(`Asking models cost ${cost(f.ai_cost_usd_micros, f.ai_calls_unknown_price)}.`, "/ai_cost_usd_micros", "/ai_calls_unknown_price"));
  return { ...scene, lines };
}

function certaintyScene(story: Story): Scene {
  const lines: Line[] = [];
  const closed = story.events.findLast(isOf("incident.closed", "incident.aborted"));
  if (closed?.type === "incident.closed") lines.push(line(story, closed, `How it ended: ${sentence(lowerOutcome(outcomeWord(closed.data.outcome)))}`, "/data"));
  if (closed?.type === "incident.aborted") lines.push(line(story, closed, `It was aborted: ${sentence(closed.data.reason)}`));
  lines.push(...causeChecked(story));
  const degraded = story.events.findLast((e) => e.type === "incident.degraded" && e.data.degraded);
  if (degraded?.type === "incident.degraded") lines.push(line(story, degraded, `For a part of it Vigil had less than it wanted: ${sentence(degraded.data.reason)}`));
  const lost = story.events.filter(isOf("error.raised")).find((e) => !e.data.recoverable);
  if (lost !== undefined) lines.push(line(story, lost, `Something failed for good: ${sentence(lost.data.message)}`));
  lines.push(...originLine(story));
  return { key: "certainty", title: "How sure we are", lines };
}

/** What is known of the diagnosis beyond itself. */
function causeChecked(story: Story): Line[] {
  const lines: Line[] = [];
  const concluded = story.events.findLast(isOf("diagnosis.concluded"));
  if (concluded === undefined) return lines;
  const { confidence, verdict, claims } = concluded.data.diagnosis;
  const unsupported = (claims ?? []).filter((c) => !c.supported).length;
  if (verdict === "probable") lines.push(line(story, concluded, `The cause rests on cited evidence, with a confidence of ${percent(confidence)}.`, "/data/diagnosis/confidence"));
  if (unsupported > 0) lines.push(line(story, concluded, `Of what was said about it, ${unsupported} ${unsupported === 1 ? "claim cites" : "claims cite"} no evidence.`, "/data/diagnosis", "count /claims supported=false"));
  const review = story.events.findLast(isOf("cause.reviewed"));
  if (review === undefined) return verdict === "probable" ? [...lines, line(story, concluded, "Nobody has looked back yet to say whether the cause was right.", "/data/diagnosis")] : lines;
  const { by, correct, cause } = review.data;
  const instead = cause === undefined ? "" : ` It was: ${causeWord(cause)}.`;
  return [...lines, line(story, review, correct ? `${by} looked back and says that the cause was right.` : `${by} looked back and says that the cause was wrong.${instead}`)];
}

function openScene(story: Story): Scene {
  const last = story.events.at(-1);
  if (last === undefined) return { key: "open", title: "It is not over", lines: [] };
  const status = story.events.findLast(isOf("incident.status_changed"));
  const lines = status === undefined ? [] : [line(story, status, `Now: ${lowerOutcome(statusWord(status.data.status).text)}${status.data.reason === undefined || status.data.reason === "" ? "" : ` (${status.data.reason})`}.`)];
  lines.push(line(story, last, "This incident is still open. The presentation goes on as events come.", "/type"));
  return { key: "open", title: "It is not over", lines: [...lines, ...originLine(story)] };
}

function originLine(story: Story): Line[] {
  const first = story.events[0];
  if (first === undefined || story.origin === "live") return [];
  const simulated = story.events.find((e) => e.provenance.origin === "simulated");
  if (simulated !== undefined) return [line(story, simulated, "All of this happened in a simulated world: neither AWS nor anybody's systems took part.", "/provenance/origin")];
  return [];
}

function lowerOutcome(text: string): string {
  return text.startsWith("Vigil") ? text : text.charAt(0).toLowerCase() + text.slice(1);
}
