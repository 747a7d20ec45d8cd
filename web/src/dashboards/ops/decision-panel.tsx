import { ChevronRight, CircleSlash, Vote as VoteIcon } from "lucide-react";
import { useMemo } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import type { Counterfactual, Decision, Option, View, Vote } from "../../protocol/generated";
import { Badge } from "../../ui/badge";
import { noData, percent } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { Panel } from "../../ui/panel";
import { step } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { blastWord, capital, riskTone, sentence } from "../../ui/words";
import { ActionSteps, Precondition } from "../../parts/action-steps";
import { Cites } from "../../parts/citations";
import { isOver } from "./list-model";
import { ProposeDialog } from "./propose-dialog";
import { carriedOut, hasEnded } from "../../parts/remediation-model";

/** What the agents voted for, which votes count, what follows, and what would have followed otherwise. */
export function DecisionPanel({ view: v, decision: d, events }: { view: View; decision: Decision; events: readonly DecodedEvent[] }) {
  const at = useSource();
  const names = useMemo(() => optionNames(events, d), [events, d]);
  const title = (id: string | undefined) => (id === undefined ? undefined : (names.get(id) ?? id));
  const options = inOrder(d);
  const minority = d.minority ?? [];
  return (
    <Panel title="Decision" icon={<VoteIcon className="size-4" />} testId="decision" aside={<span {...at("/decision/valid_weight")} className="tabular">{percent(d.valid_weight)} of all weight is valid</span>}>
      <div className="space-y-3 p-3.5">
        <p {...at("/decision/rationale")} className="text-[13px]">
          {d.rationale === "" ? noData : `${capital(d.rationale)}.`}
        </p>
        {v.proposed !== undefined && (
          <p {...at("/proposed")} className="text-xs" data-testid="proposed-by">
            <b className="font-semibold">{v.proposed.by}</b> put forward {title(v.proposed.option_id)}<span className="text-ink-2">: {v.proposed.reason}</span>
          </p>
        )}
        {options.length > 0 && (
          <ol className="space-y-1.5" aria-label="Options, the best supported first">
            {options.map((o) => (
              <OptionRow key={o.id} view={v} decision={d} option={o} pointer={`/decision/options/${d.options?.indexOf(o)}`} />
            ))}
          </ol>
        )}
        {d.votes !== null && d.votes.length > 0 && (
          <ul className="divide-y divide-line rounded-md border border-line" aria-label="Votes">
            {d.votes.map((vote, i) => (
              <VoteRow key={vote.agent} place={i} vote={vote} option={title(vote.option_id)} minority={minority.some((m) => m.agent === vote.agent)} />
            ))}
          </ul>
        )}
        <Counterfactuals list={d.counterfactuals ?? []} title={title} />
        {d.excluded !== undefined && d.excluded.length > 0 && (
          <section aria-label="Could not be chosen" data-testid="excluded">
            <h3 className="mb-1 text-2xs font-semibold text-ink-3">Could not be chosen</h3>
            <ul className="space-y-0.5 text-xs">
              {d.excluded.map((x, i) => (
                <li key={x.option_id} {...at(`/decision/excluded/${i}`)} className="flex gap-2">
                  <CircleSlash aria-hidden className="mt-0.5 size-3.5 shrink-0 text-ink-3" />
                  <span className="min-w-0 [overflow-wrap:anywhere]">
                    {x.title}<span className="text-ink-2">: {x.reason}</span>
                  </span>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </Panel>
  );
}

/** The chosen one first, then by score; what has none keeps its place at the end. */
function inOrder(d: Decision): Option[] {
  const score = (o: Option) => d.scores?.[o.id] ?? -1;
  return (d.options ?? []).toSorted((a, b) => Number(b.id === d.chosen_id) - Number(a.id === d.chosen_id) || score(b) - score(a));
}

/** Options by their names, those of earlier decisions too: one that was tried is no longer on the list. */
function optionNames(events: readonly DecodedEvent[], d: Decision): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const add = (options: Decision["options"]) => options?.forEach((o) => names.set(o.id, `${o.title}: ${o.target}`));
  for (const e of events) if (e.readable && e.event.type === "decision.made") add(e.event.data.decision.options);
  add(d.options);
  return names;
}

function OptionRow({ view: v, decision: d, option: o, pointer }: { view: View; decision: Decision; option: Option; pointer: string }) {
  const at = useSource();
  const chosen = o.id === d.chosen_id;
  const proposed = v.proposal !== undefined && v.proposal.action.name === o.name && v.proposal.action.target === o.target;
  const pending = proposed && v.proposal?.state === "pending";
  const carried = carriedOut(v);
  const busy = carried !== undefined && !hasEnded(carried.state) ? "An action is being carried out: wait for its outcome" : undefined;
  return (
    <li data-testid={`option-${o.id}`} data-chosen={chosen} className="flex items-start gap-2">
      <details className="group min-w-0 flex-1">
        <summary className="flex min-h-6 flex-wrap items-center gap-x-3 gap-y-0.5 text-xs">
          <ChevronRight aria-hidden className="-mr-1.5 size-3.5 shrink-0 text-ink-3 transition-transform group-open:rotate-90" />
          <Meter source={at(`/decision/scores${step(o.id)}`)} value={d.scores?.[o.id]} label={`Score of ${o.title}`} absent="no support" className="w-28 shrink-0" />
          <span {...at(`${pointer}/target`)} className={chosen ? "font-semibold" : ""}>
            {o.title}: {o.target}
          </span>
          <Badge tone={riskTone(o.risk)}>risk {o.risk}</Badge>
          {!o.enabled && <Badge title="Not enabled: shown, never executed">dry run</Badge>}
          {chosen && <Badge tone="accent">chosen</Badge>}
          {pending && <Badge tone="warn">proposed now</Badge>}
        </summary>
        <div className="mt-1.5 mb-2 space-y-2.5 rounded-md bg-sunken px-3 py-2">
          <p {...at([`${pointer}/effect`, `${pointer}/share`])} className="text-xs text-ink-2">
            Expected: {sentence(o.effect)} It can hurt {blastWord(o.blast_radius)}
            {o.share !== undefined && o.share > 0 && `, and takes ${percent(o.share)} of its capacity away while it runs`}.
          </p>
          <ActionSteps of={o} pointer={pointer} />
          <Precondition of={o} pointer={pointer} />
        </div>
      </details>
      {!pending && !isOver(v) && <ProposeDialog incidentId={v.incident_id} option={o} pointer={pointer} busy={busy} />}
    </li>
  );
}

function VoteRow({ vote: v, place, option, minority }: { vote: Vote; place: number; option: string | undefined; minority: boolean }) {
  const at = useSource();
  return (
    <li {...at(`/decision/votes/${place}`)} data-testid={`vote-${v.agent}`} className="flex flex-wrap items-center gap-x-2.5 gap-y-0.5 px-2.5 py-1.5 text-xs">
      <span className="w-20 shrink-0 font-medium">{capital(v.agent)}</span>
      <Meter source={at(`/decision/votes/${place}/confidence`)} value={v.confidence} label={`Confidence of the ${v.agent} agent in its vote`} className="w-24 shrink-0" />
      <span className="min-w-32 flex-1">
        {option ?? "supports none of them"}
        {v.reason !== undefined && <span className="text-ink-2">: {v.reason}</span>}
      </span>
      <Cites ids={v.cites} />
      {minority && <Badge tone="warn">of another opinion</Badge>}
      {v.dropped !== undefined && <Badge tone="bad">does not count: {v.dropped}</Badge>}
    </li>
  );
}

/** What would have been chosen without one of the votes. */
function Counterfactuals({ list, title }: { list: readonly Counterfactual[]; title: (id: string | undefined) => string | undefined }) {
  const at = useSource();
  if (list.length === 0) return null;
  return (
    <section aria-label="What hangs on one vote" data-testid="counterfactuals">
      <h3 className="mb-1 text-2xs font-semibold text-ink-3">What hangs on one vote</h3>
      <ul className="space-y-0.5 text-xs">
        {list.map((c, i) => (
          <li key={c.without} {...at(`/decision/counterfactuals/${i}`)}>
            Without {c.without}'s vote: <b className="font-medium">{title(c.chosen_id) ?? "nothing"}</b>
            {c.chosen_id !== undefined && <span className="tabular text-ink-2"> ({percent(c.score)})</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
