/** What the line of the replay shows of the events on it. */
import type { Phase } from "../../protocol/generated";
import type { Recording } from "./recording";
import type { Step } from "./steps";

export interface Band {
  phase: Phase;
  /** In ms of the replay. */
  from: number;
  to: number;
  /** Neighbours differ. */
  odd: boolean;
}

/** When phases ran; one that never ended runs to the end. */
export function bandsOf({ events, pace }: Recording): Band[] {
  const bands: Band[] = [];
  const running = new Map<Phase, number>();
  for (const [i, d] of events.entries()) {
    if (!d.readable || d.event.type !== "phase.changed") continue;
    const { phase, state } = d.event.data;
    const at = pace.at[i] ?? 0;
    if (state === "running") {
      running.set(phase, at);
    } else {
      const from = running.get(phase);
      if (from !== undefined) bands.push({ phase, from, to: at, odd: bands.length % 2 === 1 });
      running.delete(phase);
    }
  }
  for (const [phase, from] of running) bands.push({ phase, from, to: pace.total, odd: bands.length % 2 === 1 });
  return bands;
}

export interface Mark {
  tall: boolean;
  colour: string;
}

/** What carries the story stands out; what went wrong or well has its colour. */
export function markOf(s: Step): Mark {
  const colour = s.line.tone === "bad" ? "var(--bad)" : s.line.tone === "warn" ? "var(--warn)" : s.line.tone === "good" ? "var(--good)" : s.kind === "people" ? "var(--ink)" : "var(--ink-3)";
  return { tall: !s.minor && s.line.key, colour: s.minor ? "var(--line-strong)" : colour };
}
