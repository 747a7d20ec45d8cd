/** A list of cards of different heights. One that is long is drawn only where somebody looks. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { useEffect, useEffectEvent, useRef, type ReactNode } from "react";

interface Props<T> {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  render: (item: T) => ReactNode;
  /** What scrolls. */
  scroller: HTMLElement | null;
  /** About how high an item is, in px. */
  about: number;
  /** The item that the replay is at: scrolled to when it changes. */
  current: string | undefined;
  /** Whoever opens the list begins at its top, whatever is current. */
  fromTop: boolean;
  /** An item that somebody asked for, each time that times grows. */
  asked?: { key: string | undefined; times: number } | undefined;
  /** Between the items. */
  gap?: string;
}

/** More than this are drawn only where they are looked at. */
const many = 200;

export function LongList<T>(props: Props<T>) {
  return props.items.length > many ? <Many {...props} /> : <Few {...props} />;
}

function Few<T>(props: Props<T>) {
  const { label, items, keyOf, render, gap = "pb-2.5" } = props;
  const list = useRef<HTMLOListElement>(null);
  useGoals(props, (key) => list.current?.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`)?.scrollIntoView({ block: "nearest" }));
  return (
    <ol ref={list} aria-label={label}>
      {items.map((item) => (
        <li key={keyOf(item)} data-key={keyOf(item)} className={clsx("-mx-1 scroll-mt-14 scroll-mb-4 px-1 [contain-intrinsic-size:auto_150px] [content-visibility:auto]", gap)}>
          {render(item)}
        </li>
      ))}
    </ol>
  );
}

function Many<T>(props: Props<T>) {
  const { label, items, keyOf, render, scroller, about, gap = "pb-2.5" } = props;
  const list = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line incompatible-library -- nothing here is memoized by its functions
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller,
    estimateSize: () => about,
    getItemKey: (i) => {
      const item = items[i];
      return item === undefined ? i : keyOf(item);
    },
    overscan: 6,
    scrollMargin: list.current?.offsetTop ?? 0,
    scrollPaddingStart: 56,
  });
  useGoals(props, (key) => {
    const at = items.findIndex((item) => keyOf(item) === key);
    if (at !== -1) rows.scrollToIndex(at, { align: "auto" });
  });
  return (
    <div ref={list} role="list" aria-label={label} className="relative" style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().map((row) => {
        const item = items[row.index];
        if (item === undefined) return null;
        return (
          <div key={row.key} role="listitem" ref={rows.measureElement} data-index={row.index} className={clsx("absolute inset-x-0", gap)} style={{ transform: `translateY(${row.start - rows.options.scrollMargin}px)` }}>
            {render(item)}
          </div>
        );
      })}
    </div>
  );
}

function useGoals<T>({ current, fromTop, asked }: Props<T>, scrollTo: (key: string) => void): void {
  const opening = useRef(fromTop ? current : undefined);
  const go = useEffectEvent(scrollTo);
  useEffect(() => {
    if (current === undefined || current === opening.current) return;
    opening.current = undefined;
    go(current);
  }, [current]);
  const key = asked?.key;
  const times = asked?.times ?? 0;
  useEffect(() => {
    if (key !== undefined && times > 0) go(key);
  }, [key, times]);
}
