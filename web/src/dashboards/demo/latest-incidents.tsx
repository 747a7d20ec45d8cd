/** The incidents behind the figures, the latest first, each with what it took and cost. */
import { Presentation as PresentIcon } from "lucide-react";
import type { MouseEvent } from "react";

import { type Span, analyticsPaths, readFigures } from "../../feed/analytics";
import type { IncidentFigures } from "../../protocol/generated";
import { OriginBadge, SeverityMark, StatusBadge } from "../../ui/badge";
import { buttonClass } from "../../ui/button";
import { cost, exactTime, noData, parseTime } from "../../ui/format";
import { money } from "../../ui/money";
import { Empty, Panel, Skeleton } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { presentPath } from "./addresses";
import { useAnswer, useFigures } from "./figures";
import { seconds } from "./headline";
import { utcDay } from "./days";

const shown = 8;

export function LatestIncidents({ span, go }: { span: Span; go: (path: string) => void }) {
  const path = analyticsPaths.incidents(span, shown);
  const answer = useAnswer(path, readFigures);
  return (
    <Panel title="The latest incidents">
      {answer.data === undefined ? (
        <div className="p-3.5">{answer.isError ? <p className="text-xs text-bad">{answer.error.message}</p> : <Skeleton className="h-40" />}</div>
      ) : answer.data.length === 0 ? (
        <Empty>No incident opened in this range.</Empty>
      ) : (
        <table className="w-full text-xs">
          <thead className="text-2xs text-ink-3">
            <tr className="border-b border-line">
              <th scope="col" className="px-3.5 py-1.5 text-left font-medium">Incident</th>
              <th scope="col" className="px-2 py-1.5 text-right font-medium max-sm:hidden">Resolved in</th>
              <th scope="col" className="px-2 py-1.5 text-right font-medium">Downtime</th>
              <th scope="col" className="px-2 py-1.5 text-right font-medium max-sm:hidden">Against baseline</th>
              <th scope="col" className="px-2 py-1.5 text-right font-medium max-md:hidden print:table-cell">Models</th>
              <th scope="col" className="px-2 py-1.5 print:hidden">
                <span className="sr-only">Present</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.data.map((f, i) => (
              <Row key={f.incident_id} figures={f} source={querySource(path, `/incidents/${i}`)} go={go} />
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Row({ figures: f, source, go }: { figures: IncidentFigures; source: string; go: (path: string) => void }) {
  const { currency } = useFigures().metrics;
  const sum = (micros: number | undefined) => (micros === undefined || currency === undefined ? <span className="text-ink-3">{noData}</span> : money(micros, currency));
  const opened = parseTime(f.opened_at);
  const at = (...fields: (keyof IncidentFigures)[]) => from(fields.map((field) => `${source}/${field}`).join(" "));
  const explained = `/transparency/incidents/${encodeURIComponent(f.incident_id)}`;
  const present = presentPath({ kind: "incident", id: f.incident_id });
  return (
    <tr {...at("title", "service")} data-testid={`latest-${f.incident_id}`} data-run={f.run_id} data-status={f.status} className="border-b border-line last:border-0 break-inside-avoid">
      <td className="px-3.5 py-2">
        <div className="flex min-w-0 items-start gap-2">
          <SeverityMark severity={f.severity} className="mt-0.5" />
          <div className="min-w-0">
            <a href={explained} onClick={(e) => follow(e, explained, go)} className="font-medium hover:underline [overflow-wrap:anywhere]">
              {f.title}
            </a>
            <div className="mt-0.5 flex flex-wrap items-center gap-x-2 gap-y-0.5 text-2xs text-ink-3">
              <span>{f.service}</span>
              {opened !== undefined && (
                <time {...at("opened_at")} dateTime={f.opened_at} title={exactTime(opened)}>
                  {utcDay(f.opened_at)}
                </time>
              )}
              <StatusBadge of={f} />
              <OriginBadge origin={f.origin} />
            </div>
          </div>
        </div>
      </td>
      <td {...at("resolve_seconds")} className="tabular px-2 py-2 text-right whitespace-nowrap max-sm:hidden">{f.resolve_seconds === undefined ? <span className="text-ink-3">{noData}</span> : seconds(f.resolve_seconds)}</td>
      <td {...at("downtime_micros")} className="tabular px-2 py-2 text-right whitespace-nowrap">{sum(f.downtime_micros)}</td>
      <td {...at("saved_micros")} className="tabular px-2 py-2 text-right whitespace-nowrap max-sm:hidden">{f.saved_micros === undefined ? sum(undefined) : <>{sum(f.saved_micros)} {f.saved_micros < 0 ? "(worse)" : "saved"}</>}</td>
      <td {...at("ai_cost_usd_micros", "ai_calls_unknown_price")} className="tabular px-2 py-2 text-right whitespace-nowrap max-md:hidden print:table-cell">{cost(f.ai_cost_usd_micros, f.ai_calls_unknown_price)}</td>
      <td className="px-2 py-2 text-right print:hidden">
        <a href={present} onClick={(e) => follow(e, present, go)} title={`Present ${f.title}`} className={buttonClass("ghost", "px-1.5!")}>
          <PresentIcon aria-hidden className="size-4" />
          <span className="sr-only">Present {f.title}</span>
        </a>
      </td>
    </tr>
  );
}

/** A click changes the page; anything else a link can do, it does. */
export function follow(e: MouseEvent, path: string, go: (path: string) => void): void {
  if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  e.preventDefault();
  go(path);
}
