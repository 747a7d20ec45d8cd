import { useQuery } from "@tanstack/react-query";
import { Plug } from "lucide-react";

import { paths } from "../../feed/rest";
import { useVigil, useVigilState } from "../../store/react";
import { Badge } from "../../ui/badge";
import { count } from "../../ui/format";
import { Age } from "../../ui/now";
import { Panel, ScrollX } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { Paged } from "./paged";
import { useOpenPlace } from "./places";

/** Where alerts may come from, and what came. */
export function SourcesPanel() {
  const { rest } = useVigil();
  const open = useOpenPlace();
  const quarantined = useVigilState((s) => s.system.health?.data.inbox_quarantined);
  const list = useQuery({ queryKey: ["sources", quarantined], queryFn: () => rest.sources(), placeholderData: (before) => before });
  const sources = list.data ?? [];
  return (
    <Panel title="Sources" icon={<Plug className="size-4" />} testId="sources" aside={sources.length > 0 && <span className="tabular" {...from(querySource(paths.sources), "count /sources")}>{sources.length}</span>}>
      <Paged list={list} shown={sources.length} empty="No source is set up.">
        <ScrollX label="Sources">
          <table className="w-full text-left text-xs">
            <thead className="border-b border-line text-2xs text-ink-3">
              <tr>
                <Head>Source</Head>
                <Head right>Deliveries</Head>
                <Head right>Set aside</Head>
                <Head right>Last</Head>
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {sources.map((s, i) => (
                <tr key={s.name} {...from(querySource(paths.sources, `/sources/${i}`))} data-testid={`source-${s.name}`}>
                  <th scope="row" className="px-3.5 py-1.5 font-normal">
                    <span className="flex flex-wrap items-center gap-x-2 gap-y-0.5 font-medium">
                      {s.name}
                      <Badge tone={s.kind === "your mapping" ? "accent" : "neutral"}>{s.kind}</Badge>
                    </span>
                    <span className="block text-2xs text-ink-2">{s.about}</span>
                  </th>
                  <td className="tabular px-2 py-1.5 text-right sm:px-3.5">{count(s.deliveries)}</td>
                  <td className="tabular px-2 py-1.5 text-right sm:px-3.5">
                    {s.quarantined === 0 ? (
                      count(s.quarantined)
                    ) : (
                      <button type="button" aria-label={`Set aside of ${s.name}: ${s.quarantined}`} onClick={() => open({ tab: "deliveries", source: s.name })} className="font-medium text-warn underline">
                        {count(s.quarantined)}
                      </button>
                    )}
                  </td>
                  <td className="tabular px-2 py-1.5 text-right sm:px-3.5 whitespace-nowrap text-ink-2">{s.last_at === undefined ? "never" : <><Age at={s.last_at} /> ago</>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollX>
      </Paged>
    </Panel>
  );
}

function Head({ right = false, children }: { right?: boolean; children: string }) {
  return (
    <th scope="col" className={right ? "px-2 py-1.5 text-right sm:px-3.5 font-medium" : "px-3.5 py-1.5 font-medium"}>
      {children}
    </th>
  );
}
