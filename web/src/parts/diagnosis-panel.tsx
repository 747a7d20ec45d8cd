import { clsx } from "clsx";
import { Search, SearchX, Stethoscope } from "lucide-react";

import type { Diagnosis, Hypothesis, LookedFor } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { percent } from "../ui/format";
import { Meter } from "../ui/meter";
import { Empty, Panel } from "../ui/panel";
import { useSource } from "../ui/sources";
import { causeWord } from "../ui/words";
import { Attributed } from "./attribution";
import { Cites } from "./citations";
import { Claims } from "./claims";

export function DiagnosisPanel({ diagnosis: d }: { diagnosis: Diagnosis | undefined }) {
  const at = useSource();
  return (
    <Panel
      title="Diagnosis"
      icon={<Stethoscope className="size-4" />}
      testId="diagnosis"
      aside={d !== undefined && <Badge title="How the diagnosis was reached">by {d.method}</Badge>}
    >
      {d === undefined ? (
        <Empty>No diagnosis yet.</Empty>
      ) : (
        <div className="space-y-4 p-3.5">
          <div className="space-y-1.5">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <p {...at("/diagnosis/service")} className="text-base font-semibold">
                {verdictLine(d)}
              </p>
              {d.verdict !== "inconclusive" && <Meter source={at("/diagnosis/confidence")} value={d.confidence} label="Confidence, computed from the evidence cited" className="w-36" />}
            </div>
            <p {...at("/diagnosis/summary")} className="max-w-prose text-[13px] text-ink-2 [overflow-wrap:anywhere]">{d.summary}</p>
            {d.model_confidence !== undefined && (
              <p {...at("/diagnosis/model_confidence")} className="text-2xs text-ink-3">The model rates itself {percent(d.model_confidence)}: shown, never used.</p>
            )}
            {d.method === "model" && <Attributed agent="diagnosis" is={(e) => e.type === "diagnosis.concluded"} />}
          </div>
          <Claims claims={d.claims ?? []} title="Claims and their evidence" pointer="/diagnosis/claims" />
          <Hypotheses list={d.hypotheses ?? []} />
          <LookedForList list={d.looked_for ?? []} open={d.verdict !== "probable"} />
        </div>
      )}
    </Panel>
  );
}

function verdictLine(d: Diagnosis): string {
  switch (d.verdict) {
    case "probable":
      return `Probable: ${causeWord(d.cause)}${d.service === undefined ? "" : ` in ${d.service}`}`;
    case "healthy":
      return `Healthy: nothing is wrong now${d.service === undefined ? "" : ` in ${d.service}`}`;
    default:
      return "Inconclusive: no cause could be shown";
  }
}

function Hypotheses({ list }: { list: readonly Hypothesis[] }) {
  const at = useSource();
  if (list.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 text-2xs font-semibold text-ink-3">Hypotheses, the best supported first</h3>
      <ol className="divide-y divide-line rounded-md border border-line" data-testid="hypotheses">
        {ranked(list).map(({ hypothesis: h, place }) => (
          <li key={`${h.cause}/${h.service}`} {...at(`/diagnosis/hypotheses/${place}`)} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-2.5 py-1.5 text-xs">
            <Meter source={at(`/diagnosis/hypotheses/${place}/score`)} value={h.score} label={`Score of ${h.cause}`} className="w-28 shrink-0" />
            <span className="min-w-40 flex-1">
              {causeWord(h.cause)}
              {h.service !== undefined && <span className="text-ink-2"> in {h.service}</span>}
            </span>
            <Cites ids={h.supports} label="for" />
            <Cites ids={h.contradicts} label="against" />
          </li>
        ))}
      </ol>
    </div>
  );
}

/** By score, each with its place in the diagnosis. */
function ranked(list: readonly Hypothesis[]): { hypothesis: Hypothesis; place: number }[] {
  return list.map((hypothesis, place) => ({ hypothesis, place })).toSorted((a, b) => b.hypothesis.score - a.hypothesis.score);
}

function LookedForList({ list, open }: { list: readonly LookedFor[]; open: boolean }) {
  const at = useSource();
  if (list.length === 0) return null;
  const found = list.filter((l) => l.found).length;
  return (
    <details open={open} className="group" data-testid="looked-for">
      <summary className="text-2xs font-semibold text-ink-3 marker:text-ink-3">
        Looked for <span {...at("/diagnosis/looked_for", "count .")}>{list.length}</span> things, found <span {...at("/diagnosis/looked_for", "count . found=true")}>{found}</span>
      </summary>
      <ul className="mt-1.5 space-y-1">
        {list.map((l, i) => (
          <li key={`${l.what}/${l.source}`} {...at(`/diagnosis/looked_for/${i}`)} className="flex items-center gap-2 text-xs">
            {l.found ? <Search aria-hidden className="size-3.5 shrink-0 text-good" /> : <SearchX aria-hidden className="size-3.5 shrink-0 text-warn" />}
            <span className="min-w-0 [overflow-wrap:anywhere]">
              {l.what} <span className="text-ink-3">in {l.source}</span>
            </span>
            <span className={clsx("text-2xs whitespace-nowrap", l.found ? "text-ink-3" : "text-warn")}>{l.found ? "found" : "not there"}</span>
            <Cites ids={l.evidence_id === undefined ? undefined : [l.evidence_id]} />
          </li>
        ))}
      </ul>
    </details>
  );
}
