/** Lines of the review cite events by their ids; a citation leads to its place in the timeline. */
import { clsx } from "clsx";
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";

import type { DecodedEvent } from "../protocol/decoder";
import { eventSource, from } from "../ui/source";

interface Links {
  /** Events on the page: id → their number. */
  known: ReadonlyMap<string, number>;
  /** The one that was asked for last, and how often any was. */
  shown: { id: string; times: number } | undefined;
  show(id: string): void;
}

const Context = createContext<Links>({ known: new Map(), shown: undefined, show: () => {} });

/** asked is the event that the address leads to. */
export function EventLinksProvider({ events, asked, children }: { events: readonly DecodedEvent[]; asked?: string | undefined; children: ReactNode }) {
  const known = useMemo(() => new Map(events.map((d) => [d.event.id, d.event.seq])), [events]);
  const [shown, setShown] = useState<Links["shown"]>();
  const show = useCallback((id: string) => setShown((before) => ({ id, times: (before?.times ?? 0) + 1 })), []);
  const [addressed, setAddressed] = useState<string>();
  if (asked !== addressed) {
    setAddressed(asked);
    if (asked !== undefined) show(asked);
  }
  const value = useMemo(() => ({ known, shown, show }), [known, shown, show]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useEventLinks(): Links {
  return useContext(Context);
}

export function EventCites({ ids }: { ids: readonly string[] | undefined }) {
  const { known, show } = useEventLinks();
  if (ids === undefined || ids.length === 0) return null;
  return (
    <span className="inline-flex flex-wrap items-center gap-1 align-middle">
      {ids.map((id) => {
        const seq = known.get(id);
        return (
          <button
            key={id}
            type="button"
            {...from(eventSource(id, seq === undefined || seq === 0 ? "/id" : "/seq"))}
            disabled={seq === undefined}
            title={seq === undefined ? `The event ${id} is not on this page` : "Show it in the timeline"}
            onClick={() => show(id)}
            className={clsx(
              "tabular inline-flex h-[18px] items-center rounded px-1 font-mono text-2xs font-medium",
              seq === undefined ? "cursor-not-allowed bg-hover text-ink-3" : "bg-accent-soft text-accent hover:brightness-95",
            )}
          >
            <span className="sr-only">event </span>#{seq === undefined || seq === 0 ? id.slice(id.lastIndexOf("/") + 1) : seq}
          </button>
        );
      })}
    </span>
  );
}
