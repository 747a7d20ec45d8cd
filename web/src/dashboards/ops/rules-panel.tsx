import { useQuery } from "@tanstack/react-query";
import { Group } from "lucide-react";

import { type CorrelationRule, paths } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { remaining } from "../../ui/format";
import { Fact, Panel } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { capital } from "../../ui/words";
import { Paged } from "./paged";

/** By which rules alerts become one incident: to be read here, and changed in their file. */
export function RulesPanel() {
  const { rest } = useVigil();
  const answer = useQuery({ queryKey: ["correlation"], queryFn: () => rest.correlation() });
  const rules = answer.data?.rules ?? [];
  const storm = Object.entries(answer.data?.storm ?? {});
  return (
    <Panel title="Grouping rules" icon={<Group className="size-4" />} testId="rules" source={from(querySource(paths.correlation))} aside={answer.data !== undefined && (answer.data.file === undefined ? "as Vigil brings them" : <code className="font-mono text-2xs [overflow-wrap:anywhere]">{answer.data.file}</code>)}>
      <p className="border-b border-line px-3.5 py-2 text-2xs text-ink-2">
        Alerts with the same key are always one problem. An alert with a new key joins an open incident where one of these rules holds, the first that does; otherwise it opens its own. An incident&apos;s alerts say by which rule they joined.
      </p>
      <Paged list={answer} shown={rules.length} empty="There are none: only alerts with the same key share an incident.">
        <ol className="divide-y divide-line [counter-reset:rule]">
          {rules.map((r, i) => (
            <Rule key={r.name} rule={r} place={i} />
          ))}
        </ol>
      </Paged>
      {storm.length > 0 && (
        <dl aria-label="When there are very many alerts" className="grid grid-cols-2 gap-x-4 gap-y-2 border-t border-line px-3.5 py-2.5 sm:grid-cols-3">
          {storm.map(([name, value]) => (
            <Fact key={name} label={`Storm: ${capital(name).toLowerCase()}`}>
              {typeof value === "string" ? value : JSON.stringify(value)}
            </Fact>
          ))}
        </dl>
      )}
    </Panel>
  );
}

function Rule({ rule: r, place }: { rule: CorrelationRule; place: number }) {
  return (
    <li {...from(querySource(paths.correlation, `/rules/${place}`))} className="space-y-1 px-3.5 py-2 text-xs [counter-increment:rule]" data-testid={`rule-${r.name}`}>
      <p className="flex flex-wrap items-baseline gap-x-2">
        <span aria-hidden className="tabular text-2xs text-ink-3 before:content-[counter(rule)]" />
        <b className="font-semibold">{r.name}</b>
        <span className="ml-auto text-2xs text-ink-3">within {remaining(r.window_s * 1000)}</span>
      </p>
      {r.about !== "" && <p className="text-ink-2">{r.about}</p>}
      <pre className="overflow-x-auto rounded bg-sunken p-2 font-mono text-2xs whitespace-pre-wrap [overflow-wrap:anywhere]">{r.when}</pre>
    </li>
  );
}
