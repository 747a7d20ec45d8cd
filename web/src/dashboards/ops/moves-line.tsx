import { GitFork, GitMerge } from "lucide-react";

import type { Move, View } from "../../protocol/generated";
import { LinkedText } from "../../parts/navigation";
import { useSource } from "../../ui/sources";
import { moveText } from "../../parts/timeline-words";

/** Where alerts of this incident went, and where they came from. */
export function MovesLine({ view: v }: { view: View }) {
  const at = useSource();
  const moves = v.moves ?? [];
  if (moves.length === 0) return null;
  return (
    <ul aria-label="Alerts that people moved" className="space-y-1 text-xs" data-testid="moves">
      {moves.map((m, i) => (
        <li key={m.id} {...at(`/moves/${i}`)} className="flex items-start gap-2" data-testid={`move-${m.id}`}>
          {m.all === true ? <GitMerge aria-hidden className="mt-px size-3.5 shrink-0 text-ink-3" /> : <GitFork aria-hidden className="mt-px size-3.5 shrink-0 text-ink-3" />}
          <span className="min-w-0 [overflow-wrap:anywhere]">
            <LinkedText text={moveText(m, v.incident_id)} incident={other(m, v.incident_id)} />
            <span className="text-ink-2">
              , says {m.by}: {m.reason}
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The incident at the other end. */
export function other(m: Move, here: string): string {
  return m.from === here ? m.to : m.from;
}

/** The incident that this one became part of. */
export function partOf(v: View): string | undefined {
  return v.outcome === "merged" ? (v.moves ?? []).findLast((m) => m.from === v.incident_id && m.all === true)?.to : undefined;
}
