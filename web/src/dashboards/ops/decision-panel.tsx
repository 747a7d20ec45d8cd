import { Vote as VoteIcon } from "lucide-react";

import type { Decision, Vote } from "../../protocol/generated";
import { Badge } from "../../ui/badge";
import { noData, percent } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { Panel } from "../../ui/panel";
import { capital } from "../../ui/words";
import { Cites } from "./citations";

/** What the agents voted for, which votes count, and what follows. */
export function DecisionPanel({ decision: d }: { decision: Decision }) {
  const options = d.options ?? [];
  const title = (id: string | undefined) => {
    const option = options.find((o) => o.id === id);
    return option === undefined ? id : `${option.title}: ${option.target}`;
  };
  return (
    <Panel title="Decision" icon={<VoteIcon className="size-4" />} testId="decision" aside={<span className="tabular">{percent(d.valid_weight)} of all weight is valid</span>}>
      <div className="space-y-3 p-3.5">
        <p className="text-[13px]">
          {d.rationale === "" ? noData : `${capital(d.rationale)}.`}
        </p>
        {options.length > 0 && (
          <ul className="space-y-1">
            {options.map((o) => (
              <li key={o.id} className="flex flex-wrap items-center gap-x-3 gap-y-0.5 text-xs">
                <Meter value={d.scores?.[o.id]} label={`Score of ${o.title}`} absent="no support" className="w-28 shrink-0" />
                <span className={o.id === d.chosen_id ? "font-semibold" : ""}>{title(o.id)}</span>
                <span className="text-2xs text-ink-3">risk {o.risk}</span>
                {!o.enabled && <Badge title="Not enabled: shown, never executed">dry run</Badge>}
                {o.id === d.chosen_id && <Badge tone="accent">chosen</Badge>}
              </li>
            ))}
          </ul>
        )}
        {d.votes !== null && d.votes.length > 0 && (
          <ul className="divide-y divide-line rounded-md border border-line">
            {d.votes.map((v) => (
              <VoteRow key={v.agent} vote={v} option={title(v.option_id)} />
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}

function VoteRow({ vote: v, option }: { vote: Vote; option: string | undefined }) {
  return (
    <li className="flex flex-wrap items-center gap-x-2.5 gap-y-0.5 px-2.5 py-1.5 text-xs">
      <span className="w-20 shrink-0 font-medium">{capital(v.agent)}</span>
      <Meter value={v.confidence} label={`Confidence of the ${v.agent} agent in its vote`} className="w-24 shrink-0" />
      <span className="min-w-32 flex-1">
        {option ?? "supports none of them"}
        {v.reason !== undefined && <span className="text-ink-2">: {v.reason}</span>}
      </span>
      <Cites ids={v.cites} />
      {v.dropped !== undefined && <Badge tone="bad">does not count: {v.dropped}</Badge>}
    </li>
  );
}
