import { TriangleAlert } from "lucide-react";

import type { View } from "../../protocol/generated";
import { Meter } from "../../ui/meter";
import { useSource } from "../../ui/sources";
import { causeWord } from "../../ui/words";
import { Cites } from "../../parts/citations";

/** How many suspects are named beside the banner; the whole ranking is evidence. */
const named = 3;

/** Says that the incident goes on on less than it wanted, and what the statistics say meanwhile. */
export function DegradedBanner({ view: v }: { view: View }) {
  const at = useSource();
  if (!v.degraded) return null;
  const place = (v.evidence ?? []).findLastIndex((e) => e.kind === "ranking" && e.found);
  const ranking = v.evidence?.[place];
  const suspects = ranking?.suspects ?? [];
  return (
    <section aria-label="Degraded" data-testid="degraded" className="rounded-lg bg-warn-soft px-3.5 py-2.5 text-[13px]">
      <p className="flex items-start gap-2.5 text-warn">
        <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
        <span {...at("/degraded_reason")} className="min-w-0 [overflow-wrap:anywhere]">
          <b>Degraded:</b> {v.degraded_reason ?? "models are not available"}
        </span>
      </p>
      <div className="mt-2 pl-6.5 text-xs">
        {ranking === undefined ? (
          <p className="text-ink-2">{v.verdict === "healthy" ? "The statistics find nothing wrong." : "The statistics have not ranked suspects yet."}</p>
        ) : suspects.length === 0 ? (
          <p className="text-ink-2">The statistics name no suspect. <Cites ids={[ranking.id]} /></p>
        ) : (
          <ol className="space-y-1" aria-label="Suspects by statistics">
            {suspects.slice(0, named).map((s, i) => (
              <li key={`${s.service}/${s.cause}`} {...at(`/evidence/${place}/suspects/${i}`)} className="flex flex-wrap items-center gap-x-3 gap-y-0.5">
                <Meter value={s.score} label={`Score of ${s.service}`} className="w-28 shrink-0" />
                <span className="font-medium">{s.service}</span>
                <span className="text-ink-2">{causeWord(s.cause)}</span>
                <Cites ids={s.cites} />
              </li>
            ))}
          </ol>
        )}
      </div>
    </section>
  );
}
