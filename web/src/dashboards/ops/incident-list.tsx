/** The incidents, filtered and in order: drawn whole while they are few, and only what is on screen when they are many. */
import { useVirtualizer, defaultRangeExtractor } from "@tanstack/react-virtual";
import { Search } from "lucide-react";
import { memo, useEffect, useMemo, useState, type ReactNode, type RefObject } from "react";

import { paths } from "../../feed/rest";
import type { Summary } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { Button } from "../../ui/button";
import { Choices } from "../../ui/choices";
import { Skeleton } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { IncidentRow } from "./incident-row";
import type { Filter, Sections, Show } from "./list-model";

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

export const IncidentList = memo(function IncidentList({ sections, filter, onFilter, selected, searchRef }: Props) {
  // In the state, because the rows that it scrolls are there before it is.
  const [scroll, setScroll] = useState<HTMLDivElement | null>(null);
  const rows = useMemo(() => rowsOf(sections), [sections]);
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
      <div ref={setScroll} className="relative min-h-0 flex-1 overflow-y-auto max-lg:max-h-[70dvh]" data-testid="incident-list" data-known={known}>
        {!known && <ListSkeleton />}
        {known && empty && (
          <p className="px-4 py-8 text-center text-xs text-ink-3">{filtered ? "Nothing matches this filter." : "No incidents. It is quiet."}</p>
        )}
        {rows.length > drawnWhole ? <OnScreen rows={rows} selected={selected} filtered={filtered} scroll={scroll} /> : <All rows={rows} selected={selected} filtered={filtered} />}
        {known && !filtered && <Older />}
      </div>
    </nav>
  );
});

/** Up to this many rows, drawing all of them costs nothing, and the browser's own search finds them. */
const drawnWhole = 60;

type Row = { heading: "Open" | "Over"; count: number } | { summary: Summary; place: number; of: number };

function rowsOf({ open, over }: Sections): Row[] {
  return [...partOf("Open", open), ...partOf("Over", over)];
}

function partOf(heading: "Open" | "Over", list: Summary[]): Row[] {
  return list.length === 0 ? [] : [{ heading, count: list.length }, ...list.map((summary, i) => ({ summary, place: i + 1, of: list.length }))];
}

function keyOf(row: Row): string {
  return "heading" in row ? row.heading : row.summary.incident_id;
}

interface RowsProps {
  rows: readonly Row[];
  selected: string | undefined;
  filtered: boolean;
}

function All({ rows, selected, filtered }: RowsProps) {
  return (
    <ul>
      {rows.map((row) => (
        <Item key={keyOf(row)} row={row} selected={selected} filtered={filtered} />
      ))}
    </ul>
  );
}

const height = { heading: 26, incident: 64 };

function OnScreen({ rows, selected, filtered, scroll }: RowsProps & { scroll: HTMLDivElement | null }) {
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll,
    estimateSize: (i) => {
      const row = rows[i];
      return row !== undefined && "heading" in row ? height.heading : height.incident;
    },
    getItemKey: (i) => keyOf(rows[i] as Row),
    overscan: 8,
    // The row that has the focus stays, however far somebody scrolls.
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range);
      const at = focusedRow();
      return at === undefined || at >= rows.length || shown.includes(at) ? shown : [...shown, at].toSorted((a, b) => a - b);
    },
  });
  const place = rows.findIndex((row) => "summary" in row && row.summary.incident_id === selected);
  useEffect(() => {
    if (place >= 0) virtual.scrollToIndex(place, { align: "auto" });
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the list moves when another is chosen, not when it is sorted anew
  }, [selected]);
  return (
    <ul className="relative" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map((item) => {
        const row = rows[item.index];
        if (row === undefined) return null;
        return <Item key={item.key} row={row} selected={selected} filtered={filtered} index={item.index} start={item.start} measure={virtual.measureElement} />;
      })}
    </ul>
  );
}

function focusedRow(): number | undefined {
  const index = document.activeElement?.closest<HTMLElement>('[data-testid="incident-list"] li')?.dataset.index;
  return index === undefined ? undefined : Number(index);
}

interface ItemProps {
  row: Row;
  selected: string | undefined;
  filtered: boolean;
  /** Where it lies, among rows that are not all drawn. */
  index?: number;
  start?: number;
  measure?: (element: HTMLLIElement | null) => void;
}

function Item({ row, selected, filtered, index, start, measure }: ItemProps) {
  const lies = start === undefined ? undefined : { position: "absolute" as const, top: 0, left: 0, right: 0, transform: `translateY(${start}px)` };
  if ("heading" in row) {
    return (
      <li ref={measure} data-index={index} style={lies} className="z-10 border-b border-line bg-sunken px-3 py-1 text-2xs text-ink-3 not-[[style]]:sticky not-[[style]]:top-0">
        <h2 className="flex items-center gap-2 font-semibold">
          {row.heading} <Total row={row} filtered={filtered} />
        </h2>
      </li>
    );
  }
  return (
    <li ref={measure} data-index={index} style={lies} aria-posinset={row.place} aria-setsize={row.of}>
      <IncidentRow summary={row.summary} selected={row.summary.incident_id === selected} />
    </li>
  );
}

/** How many there are, where that is a fact and not how far somebody has looked. */
function Total({ row, filtered }: { row: Extract<Row, { heading: string }>; filtered: boolean }): ReactNode {
  if (filtered || row.heading === "Over") return null;
  return (
    <span className="tabular font-normal" {...from(querySource(paths.openIncidents, "/incidents"), "count .")}>
      {row.count}
    </span>
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
