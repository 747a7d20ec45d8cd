/** The options, who voted for which with what confidence, and what the vote would have been without one of them. */
import { clsx } from "clsx";

import type { Decision, Option, Vote } from "../../protocol/generated";
import { Cites } from "../../parts/citations";
import { Badge } from "../../ui/badge";
import { percent } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { step } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { blastWord, capital, riskTone } from "../../ui/words";

export function DecisionBody({ decision: d }: { decision: Decision }) {
  const at = useSource();
  const options = (d.options ?? []).toSorted((a, b) => scoreOf(d, b) - scoreOf(d, a));
  const abstained = (d.votes ?? []).filter((v) => v.option_id === undefined || v.option_id === "");
  return (
    <>
      {options.length === 0 && <p className="text-xs text-ink-3">There was nothing to choose among.</p>}
      <ol className="space-y-2">
        {options.map((o) => (
          <OptionItem key={o.id} option={o} decision={d} />
        ))}
      </ol>
      {abstained.length > 0 && (
        <div>
          <h3 className="mb-1 text-2xs font-semibold text-ink-3">For none of them</h3>
          <Votes decision={d} votes={abstained} />
        </div>
      )}
      {(d.excluded ?? []).length > 0 && (
        <div>
          <h3 className="mb-1 text-2xs font-semibold text-ink-3">Not on the list</h3>
          <ul className="space-y-0.5 text-xs text-ink-2">
            {(d.excluded ?? []).map((x, i) => (
              <li key={x.option_id} {...at(`/decision/excluded/${i}`)}>
                {x.title}: {x.reason}
              </li>
            ))}
          </ul>
        </div>
      )}
      {(d.counterfactuals ?? []).length > 0 && (
        <div>
          <h3 className="mb-1 text-2xs font-semibold text-ink-3">Had one of them not voted</h3>
          <ul className="space-y-0.5 text-xs text-ink-2">
            {(d.counterfactuals ?? []).map((c, i) => (
              <li key={c.without} {...at(`/decision/counterfactuals/${i}`)} className="tabular">
                Without the {c.without} agent: {c.chosen_id === undefined || c.chosen_id === "" ? "nothing would have been chosen" : `${c.chosen_id} would have been chosen`}, with a score of {percent(c.score)}
              </li>
            ))}
          </ul>
        </div>
      )}
      <p {...at("/decision/valid_weight")} className="max-w-prose text-2xs text-ink-3">
        The score of an option is the weighted confidence of those who support it, over the weight of all valid voters; whoever supports another counts as nothing. Valid voters hold {percent(d.valid_weight)} of all weight.
      </p>
    </>
  );
}

function scoreOf(d: Decision, o: Option): number {
  return d.scores?.[o.id] ?? 0;
}

function OptionItem({ option: o, decision: d }: { option: Option; decision: Decision }) {
  const at = useSource();
  const chosen = o.id === d.chosen_id;
  return (
    <li {...at(["target", "effect"].map((field) => `/decision/options/${d.options?.indexOf(o)}/${field}`))} className={clsx("space-y-1.5 rounded-md border px-2.5 py-2", chosen ? "border-accent" : "border-line")} data-chosen={chosen}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-xs">
        <Meter source={at(`/decision/scores${step(o.id)}`)} value={d.scores?.[o.id]} label={`Score of ${o.title}`} absent="no vote" className="w-28 shrink-0" />
        <span className={clsx("min-w-40 flex-1", chosen && "font-semibold")}>
          {o.title} <span className="font-normal text-ink-3">{o.target}</span>
        </span>
        {chosen ? <Badge tone="accent">chosen</Badge> : <Badge>not chosen</Badge>}
        <Badge tone={riskTone(o.risk)}>{o.risk} risk</Badge>
      </div>
      <p className="text-2xs text-ink-2">
        {o.effect}; it touches {blastWord(o.blast_radius)}
        {!o.enabled && "; not enabled: dry run only"}
      </p>
      <Votes decision={d} votes={(d.votes ?? []).filter((v) => v.option_id === o.id)} />
    </li>
  );
}

function Votes({ decision: d, votes }: { decision: Decision; votes: readonly Vote[] }) {
  const at = useSource();
  if (votes.length === 0) return <p className="text-2xs text-ink-3">Nobody voted for it.</p>;
  return (
    <ul className="space-y-1">
      {votes.map((v) => {
        const dropped = v.dropped !== undefined && v.dropped !== "";
        return (
          <li key={v.agent} {...at(`/decision/votes/${d.votes?.indexOf(v)}`)} className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-xs" data-dropped={dropped}>
            <span className={clsx("w-24 font-medium", dropped && "text-ink-3 line-through")}>{capital(v.agent)}</span>
            <span className="tabular text-ink-2">
              {percent(v.confidence)} sure, evidence {percent(v.evidence_confidence)}
            </span>
            {v.reason !== undefined && <span className="min-w-32 flex-1 text-ink-2 [overflow-wrap:anywhere]">{v.reason}</span>}
            {dropped && <span className="text-warn">does not count: {v.dropped}</span>}
            <Cites ids={v.cites} />
          </li>
        );
      })}
    </ul>
  );
}
