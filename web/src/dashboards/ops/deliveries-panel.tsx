import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Inbox, RotateCcw } from "lucide-react";
import { useCallback, useEffect, useMemo, useState } from "react";

import { type Delivery, type DeliveryFilter, type DeliveryState, paths } from "../../feed/rest";
import { useVigil, useVigilState } from "../../store/react";
import { Button } from "../../ui/button";
import { Choices } from "../../ui/choices";
import { SearchField, Select } from "../../ui/field";
import { count } from "../../ui/format";
import { Panel } from "../../ui/panel";
import { from, pageSource, querySource, systemSource } from "../../ui/source";
import { DeliveryItem } from "./delivery-item";
import { Paged } from "./paged";
import { useRefusalNow } from "./permissions";
import { useSettled } from "./use-settled";
import { useVerb } from "./use-verb";

type Shown = Extract<DeliveryState, "quarantined" | "discarded" | "recorded">;

const shows: { value: Shown; text: string }[] = [
  { value: "quarantined", text: "Set aside" },
  { value: "discarded", text: "Discarded" },
  { value: "recorded", text: "Recorded" },
];

const nothing: Record<Shown, string> = {
  quarantined: "None: every delivery could be read.",
  discarded: "None: nobody discarded a delivery.",
  recorded: "None: every delivery held an alert.",
};

/** How long somebody has to stop typing before the list is asked for. */
const typingMs = 300;

/** Deliveries that could not be read, with their bytes and the reason, and what people did with them; and those that were too large to keep. */
export function DeliveriesPanel({ source: wanted }: { source?: string }) {
  const event = useVigilState((s) => s.system.health);
  const health = event?.data;
  const [show, setShow] = useState<Shown>("quarantined");
  const [source, setSource] = useState(wanted ?? "");
  const [text, setText] = useState("");
  const q = useSettled(text.trim(), typingMs);
  const filter = useMemo(() => filterOf(source, q), [source, q]);
  const { list, deliveries, done, onDone } = useDeliveries(show, filter);
  const reasons = useMemo(() => distinct(deliveries.map((d) => d.reason)), [deliveries]);
  const filtered = source !== "" || text !== "";
  const lost = health?.deliveries_lost ?? 0;
  return (
    <Panel
      title="Deliveries"
      icon={<Inbox className="size-4" />}
      testId="deliveries"
      aside={
        <>
          {event !== undefined && health !== undefined && <span className="tabular" data-testid="deliveries-count" {...from(systemSource(event, "/inbox_quarantined"))}>{count(health.inbox_quarantined)} set aside</span>}
          <Choices label="Which deliveries" options={shows} value={show} onChange={setShow} />
        </>
      }
    >
      {event !== undefined && lost > 0 && (
        <p {...from(systemSource(event, "/deliveries_lost"))} className="border-b border-line bg-bad-soft px-3.5 py-2 text-xs text-bad" data-testid="deliveries-lost" data-lost={lost}>
          <b>{lost} {lost === 1 ? "delivery was" : "deliveries were"} refused as too large</b> and not kept. The sender was told; nothing of it is here.
        </p>
      )}
      <div className="grid grid-cols-2 gap-2 border-b border-line px-3.5 py-2.5 sm:grid-cols-[minmax(0,1fr)_9rem_9rem]">
        <SearchField label="Search deliveries" placeholder="Search source, reason and bytes" value={text} onChange={setText} className="col-span-2 sm:col-span-1" />
        <Source value={source} onChange={setSource} known={deliveries} />
        <Select
          label="Reason"
          source={from(querySource(paths.deliveries(show, filter), "/deliveries"))}
          value={reasons.includes(text) ? text : ""}
          onChange={setText}
          options={[{ value: "", text: "Any reason" }, ...reasons.map((r) => ({ value: r, text: r.length > 80 ? `${r.slice(0, 80)}…` : r }))]}
        />
      </div>
      {show === "quarantined" && <RetryAll filter={filter} typing={text.trim() !== q} filtered={filtered} disabled={deliveries.length === 0} />}
      <Paged list={list} shown={deliveries.length} empty={filtered ? "Nothing matches." : nothing[show]} more="Show older deliveries">
        <ul className="divide-y divide-line">
          {deliveries.map((d) => (
            <DeliveryItem key={d.id} delivery={d} done={done.get(d.id)} onDone={onDone} onReason={setText} />
          ))}
        </ul>
      </Paged>
    </Panel>
  );
}

function filterOf(source: string, q: string): DeliveryFilter {
  return { ...(source !== "" && { source }), ...(q !== "" && { q }) };
}

interface Done {
  delivery: Delivery;
  what: "retried" | "discarded";
}

/** The list, in which what somebody has just dealt with keeps its place, so that it can be said what became of it. */
function useDeliveries(show: Shown, filter: DeliveryFilter) {
  const { rest } = useVigil();
  const quarantined = useVigilState((s) => s.system.health?.data.inbox_quarantined);
  const view = JSON.stringify([show, filter]);
  const list = useInfiniteQuery({
    // The count is part of the key: when it changes, the list is read anew.
    queryKey: ["deliveries", view, quarantined],
    queryFn: ({ pageParam }) => rest.deliveries(show, filter, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: (before, query) => (query?.queryKey[1] === view ? before : undefined),
  });
  const [dealt, setDealt] = useState<{ view: string; done: ReadonlyMap<number, Done> }>({ view, done: new Map() });
  const done = useMemo(() => (dealt.view === view ? dealt.done : new Map<number, Done>()), [dealt, view]);
  const onDone = useCallback(
    (delivery: Delivery, what: Done["what"]) => setDealt((d) => ({ view, done: new Map(d.view === view ? d.done : []).set(delivery.id, { delivery, what }) })),
    [view],
  );
  const listed = list.data?.pages;
  const deliveries = useMemo(() => {
    const all = new Map((listed ?? []).flatMap((p) => p.deliveries).map((d) => [d.id, d]));
    for (const [id, d] of done) all.set(id, d.delivery);
    return [...all.values()].toSorted((a, b) => b.id - a.id);
  }, [listed, done]);
  return { list, deliveries, done: useMemo(() => new Map([...done].map(([id, d]) => [id, d.what])), [done]), onDone };
}

function Source({ value, onChange, known }: { value: string; onChange: (source: string) => void; known: readonly Delivery[] }) {
  const { rest } = useVigil();
  const sources = useQuery({ queryKey: ["sources"], queryFn: () => rest.sources() });
  const names = distinct([...(sources.data ?? []).map((s) => s.name), ...known.map((d) => d.source), value === "" ? undefined : value]);
  return <Select label="Source" source={from(querySource(paths.sources, "/sources"))} value={value} onChange={onChange} options={[{ value: "", text: "Any source" }, ...names.map((n) => ({ value: n, text: n }))]} />;
}

interface RetryAllProps {
  filter: DeliveryFilter;
  /** What is on screen does not yet match what was typed. */
  typing: boolean;
  filtered: boolean;
  disabled: boolean;
}

function RetryAll({ filter, typing, filtered, disabled }: RetryAllProps) {
  const { rest } = useVigil();
  const queries = useQueryClient();
  const refusal = useRefusalNow("responder");
  const [retried, setRetried] = useState<number>();
  const verb = useVerb(
    useCallback(
      async (key: string, which: DeliveryFilter) => {
        setRetried(await rest.retryDeliveries(which, key));
        await queries.invalidateQueries({ queryKey: ["deliveries"] });
      },
      [rest, queries],
    ),
  );
  const { reset } = verb;
  useEffect(reset, [filter, reset]);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3.5 py-2">
      <Button data-testid="delivery-retry-all" disabled={refusal !== undefined || disabled || typing || verb.busy} title={refusal} onClick={() => void verb.run(filter)}>
        <RotateCcw aria-hidden className="size-3.5" />
        {filtered ? "Retry all that match" : "Retry all"}
      </Button>
      {refusal !== undefined && <span className="text-2xs text-ink-3">{refusal}</span>}
      {verb.done && retried !== undefined && (
        <span role="status" className="text-xs text-good" {...from(pageSource("answer"))}>
          {retried === 0 ? "None matched." : `${count(retried)} ${retried === 1 ? "is" : "are"} being read again; what still cannot be read comes back here.`}
        </span>
      )}
      {verb.error !== undefined && (
        <span role="alert" className="text-xs text-bad">
          {verb.error}
        </span>
      )}
    </div>
  );
}

function distinct(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((v) => v !== undefined))].toSorted();
}
