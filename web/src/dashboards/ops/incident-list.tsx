import { clsx } from "clsx";
import { Hand, Search } from "lucide-react";
import type { RefObject } from "react";

import type { Summary } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { Badge, OriginBadge, SeverityMark } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Choices } from "../../ui/choices";
import { Age } from "../../ui/now";
import { Skeleton } from "../../ui/panel";
import { causeWord, standingWord } from "../../ui/words";
import { toneText } from "../../ui/badge";
import { type Filter, type Sections, type Show, isOver } from "./list-model";
import { IncidentLink } from "../../parts/navigation";

interface Props {
  sections: Sections;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  selected: string | undefined;
  searchRef: RefObject<HTMLInputElement | null>;
}

const shows: { value: Show; text: string }[] = [
  { value: "all", text: "All" },
  { value: "needs_human", text: "Needs a person" },
  { value: "open", text: "Open" },
  { value: "over", text: "Over" },
];

export function IncidentList({ sections, filter, onFilter, selected, searchRef }: Props) {
  const known = useVigilState((s) => s.incidents.known);
  const filtered = filter.text !== "" || filter.show !== "all";
  const empty = sections.open.length === 0 && sections.over.length === 0;
  return (
    <nav aria-label="Incidents" className="flex h-full min-h-0 flex-col">
      <div className="space-y-2 border-b border-line p-2.5">
        <label className="relative block">
          <span className="sr-only">Filter incidents</span>
          <Search aria-hidden className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-3" />
          <input
            ref={searchRef}
            type="search"
            value={filter.text}
            onChange={(e) => onFilter({ ...filter, text: e.target.value })}
            placeholder="Filter by title, service, id"
            className="h-8 w-full rounded-md border border-line-strong bg-surface pr-2 pl-8 text-xs placeholder:text-ink-3"
          />
        </label>
        <Choices label="Show" options={shows} value={filter.show} onChange={(show) => onFilter({ ...filter, show })} />
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto" data-testid="incident-list" data-known={known}>
        {!known && <ListSkeleton />}
        {known && empty && (
          <p className="px-4 py-8 text-center text-xs text-ink-3">{filtered ? "Nothing matches this filter." : "No incidents. It is quiet."}</p>
        )}
        <Section title="Open" list={sections.open} selected={selected} />
        <Section title="Over" list={sections.over} selected={selected} />
        {known && !filtered && <Older />}
      </div>
    </nav>
  );
}

function Section({ title, list, selected }: { title: string; list: Summary[]; selected: string | undefined }) {
  if (list.length === 0) return null;
  return (
    <section aria-label={`${title} incidents`}>
      <h2 className="sticky top-0 z-10 flex items-center gap-2 border-b border-line bg-sunken px-3 py-1 text-2xs font-semibold text-ink-3">
        {title} <span className="tabular font-normal">{list.length}</span>
      </h2>
      <ul>
        {list.map((s) => (
          <Item key={s.incident_id} summary={s} selected={s.incident_id === selected} />
        ))}
      </ul>
    </section>
  );
}

function Item({ summary: s, selected }: { summary: Summary; selected: boolean }) {
  const status = standingWord(s);
  return (
    <li className="border-b border-line [content-visibility:auto] [contain-intrinsic-size:auto_4.5rem]">
      <IncidentLink
        to={s.incident_id}
        aria-current={selected ? "page" : undefined}
        data-testid={`incident-${s.incident_id}`}
        data-status={s.status}
        data-seq={s.seq}
        data-run={s.run_id}
        className={clsx(
          "block border-l-[3px] py-2 pr-3 pl-2.5 -outline-offset-2 focus-visible:outline-offset-[-2px]",
          selected ? "border-l-accent bg-accent-soft" : "border-l-transparent hover:bg-hover",
        )}
      >
        <span className="flex items-start gap-2">
          <SeverityMark severity={s.severity} className="mt-0.5" />
          <span className="line-clamp-2 min-w-0 flex-1 text-[13px] leading-snug font-medium [overflow-wrap:anywhere]">{s.title}</span>
          <Age at={s.opened_at} className="tabular shrink-0 text-2xs leading-5 text-ink-3" />
        </span>
        <span className="mt-0.5 flex flex-wrap items-center gap-x-1.5 gap-y-1 pl-[22px] text-2xs text-ink-2">
          <span className="font-medium">{s.service === "" ? "service unknown" : s.service}</span>
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
              <Badge tone="warn" title={s.degraded_reason}>
                degraded
              </Badge>
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
    </li>
  );
}

function Older() {
  const { incidents } = useVigil();
  const older = useVigilState((s) => s.incidents.older);
  if (older.state === "end") return <p className="px-4 py-3 text-center text-2xs text-ink-3">These are all incidents.</p>;
  return (
    <div className="p-2 text-center">
      <Button kind="ghost" disabled={older.state === "loading"} onClick={() => void incidents.loadOlder()}>
        {older.state === "loading" ? "Loading…" : "Show older incidents"}
      </Button>
      {older.error !== undefined && (
        <p role="alert" className="text-2xs text-bad">
          {older.error}
        </p>
      )}
    </div>
  );
}

function ListSkeleton() {
  return (
    <div role="status" aria-label="Waiting for the gateway" className="space-y-4 p-4">
      {[0, 1, 2, 3].map((i) => (
        <div key={i} className="space-y-2">
          <Skeleton className="h-3.5 w-4/5" />
          <Skeleton className="h-2.5 w-1/2" />
        </div>
      ))}
    </div>
  );
}
