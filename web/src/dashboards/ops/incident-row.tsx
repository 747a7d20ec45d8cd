import { clsx } from "clsx";
import { Hand } from "lucide-react";
import { memo, type KeyboardEvent } from "react";

import { IncidentLink } from "../../parts/navigation";
import type { Summary } from "../../protocol/generated";
import { Badge, OriginBadge, SeverityMark, toneText } from "../../ui/badge";
import { Age } from "../../ui/now";
import { from, incidentSource } from "../../ui/source";
import { causeWord, standingWord } from "../../ui/words";
import { isOver } from "./list-model";

/** One incident of the list. Drawn anew only when its summary changes. */
export const IncidentRow = memo(function IncidentRow({ summary: s, selected }: { summary: Summary; selected: boolean }) {
  const status = standingWord(s);
  const at = (pointer: string) => from(incidentSource(s.incident_id, pointer));
  return (
          <IncidentLink
        {...at("/title")}
        to={s.incident_id}
        onKeyDown={walk}
        aria-current={selected ? "page" : undefined}
        data-testid={`incident-${s.incident_id}`}
        data-status={s.status}
        data-seq={s.seq}
        data-run={s.run_id}
        className={clsx(
          "block border-b border-b-line border-l-[3px] py-2 pr-3 pl-2.5 -outline-offset-2 focus-visible:outline-offset-[-2px]",
          selected ? "border-l-accent bg-accent-soft" : "border-l-transparent hover:bg-hover",
        )}
      >
        <span className="flex items-start gap-2">
          <SeverityMark severity={s.severity} className="mt-0.5" />
          <span className="line-clamp-2 min-w-0 flex-1 text-[13px] leading-snug font-medium [overflow-wrap:anywhere]">{s.title}</span>
          <Age at={s.opened_at} className="tabular shrink-0 text-2xs leading-5 text-ink-3" source={at("/opened_at")} />
        </span>
        <span className="mt-0.5 flex flex-wrap items-center gap-x-1.5 gap-y-1 pl-[22px] text-2xs text-ink-2">
          <span {...at("/service")} className="font-medium">{s.service === "" ? "service unknown" : s.service}</span>
          <span aria-hidden className="text-ink-3">
            ·
          </span>
          <span className={clsx("font-medium", toneText[status.tone])}>{status.text}</span>
          {s.verdict === "healthy" && (
            <>
              <span aria-hidden className="text-ink-3">
                ·
              </span>
              <span>nothing wrong</span>
            </>
          )}
          {s.verdict === "probable" && s.cause !== undefined && (
            <>
              <span aria-hidden className="text-ink-3">
                ·
              </span>
              <span>{causeWord(s.cause)}</span>
            </>
          )}
          <span className="ml-auto flex items-center gap-1">
            {s.degraded && !isOver(s) && (
              <span {...at("/degraded_reason")}>
                <Badge tone="warn" title={s.degraded_reason}>
                  degraded
                </Badge>
              </span>
            )}
            {s.needs_human && s.status !== "needs_human" && (
              <Badge tone="warn" icon={<Hand aria-hidden className="size-3" />}>
                Needs a person
              </Badge>
            )}
            <OriginBadge origin={s.origin} />
          </span>
        </span>
      </IncidentLink>
  );
});

/** Arrows move from one incident to the next. */
function walk(e: KeyboardEvent<HTMLAnchorElement>): void {
  if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
  const links = [...(e.currentTarget.closest("ul")?.querySelectorAll<HTMLAnchorElement>("li a") ?? [])];
  const at = links.indexOf(e.currentTarget);
  const next = links[at + (e.key === "ArrowDown" ? 1 : -1)];
  if (next === undefined) return;
  e.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
