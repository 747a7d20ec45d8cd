/** What was held to be the cause, against what else it could have been, and how sure that is. */
import { Search, SearchX } from "lucide-react";

import type { Diagnosis } from "../../protocol/generated";
import { Claims } from "../../parts/claims";
import { Cites } from "../../parts/citations";
import { Badge } from "../../ui/badge";
import { percent } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { useSource } from "../../ui/sources";
import { causeWord } from "../../ui/words";

export function DiagnosisBody({ diagnosis: d }: { diagnosis: Diagnosis }) {
  const at = useSource();
  const hypotheses = (d.hypotheses ?? []).toSorted((a, b) => b.score - a.score);
  const missing = (d.looked_for ?? []).filter((l) => !l.found);
  return (
    <>
      <p {...at("/diagnosis/summary")} className="max-w-prose text-xs text-ink-2 [overflow-wrap:anywhere]">{d.summary}</p>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-2xs text-ink-3">
        {d.verdict !== "inconclusive" && <Meter source={at("/diagnosis/confidence")} value={d.confidence} label="Confidence" className="w-36" />}
        <span {...at("/diagnosis/model_confidence")} className="max-w-prose">
          {d.verdict === "inconclusive" ? "No cause could be shown from the evidence." : "Computed from the strength of the evidence cited for and against it; halved where the statistics name another cause."}
          {d.model_confidence !== undefined && ` The model rates itself ${percent(d.model_confidence)}: shown, never used.`}
        </span>
        <Badge title="How the diagnosis was reached">by {d.method}</Badge>
      </div>
      {d.problem !== undefined && d.problem !== "" && <p {...at("/diagnosis/problem")} className="text-xs text-warn [overflow-wrap:anywhere]">The model's answer was not used: {d.problem}</p>}
      <Claims claims={d.claims ?? []} title="Claims and their evidence" pointer="/diagnosis/claims" />
      {hypotheses.length > 0 && (
        <div>
          <h3 className="mb-1 text-2xs font-semibold text-ink-3">Alternatives</h3>
          <ol className="divide-y divide-line rounded-md border border-line">
            {hypotheses.map((h) => {
              const held = h.cause === d.cause && h.service === d.service && d.verdict === "probable";
              return (
                <li key={`${h.cause}/${h.service}`} {...at(`/diagnosis/hypotheses/${d.hypotheses?.indexOf(h)}`)} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-2.5 py-1.5 text-xs" data-held={held}>
                  <Meter source={at(`/diagnosis/hypotheses/${d.hypotheses?.indexOf(h)}/score`)} value={h.score} label={`Score of ${causeWord(h.cause)}`} className="w-28 shrink-0" />
                  <span className="min-w-40 flex-1">
                    <span className={held ? "font-semibold" : undefined}>{causeWord(h.cause)}</span>
                    {h.service !== undefined && <span className="text-ink-2"> in {h.service}</span>}
                  </span>
                  {held && <Badge tone="accent">held to be the cause</Badge>}
                  <Cites ids={h.supports} label="for" />
                  <Cites ids={h.contradicts} label="against" />
                </li>
              );
            })}
          </ol>
        </div>
      )}
      {(d.looked_for ?? []).length > 0 && (
        <details open={missing.length > 0}>
          <summary className="text-2xs font-semibold text-ink-3">What was looked for</summary>
          <ul className="mt-1 space-y-0.5">
            {(d.looked_for ?? []).map((l, i) => (
              <li key={`${l.what}/${l.source}`} {...at(`/diagnosis/looked_for/${i}`)} className="flex flex-wrap items-center gap-x-2 text-xs">
                {l.found ? <Search aria-hidden className="size-3.5 text-good" /> : <SearchX aria-hidden className="size-3.5 text-warn" />}
                <span>
                  {l.what} <span className="text-ink-3">in {l.source}</span>
                </span>
                <span className={l.found ? "text-2xs text-ink-3" : "text-2xs text-warn"}>{l.found ? "found" : "not there"}</span>
                <Cites ids={l.evidence_id === undefined ? undefined : [l.evidence_id]} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
