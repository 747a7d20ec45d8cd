import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import type { View } from "../../protocol/generated";
import { useVigil } from "../../store/react";

/** How often the gateway is asked at most while a storm goes on. */
const atMostEveryMs = 2_000;

/**
 * The alerts of an incident as the gateway has them, page by page: more of them, and more about
 * each, than events carry. Read anew when events say that alerts came or changed.
 */
export function useIncidentAlerts(view: View, q: string, events: readonly DecodedEvent[]) {
  const { rest } = useVigil();
  const id = view.incident_id;
  useRefresh(id, events);
  return useInfiniteQuery({
    queryKey: ["alerts", id, q],
    queryFn: ({ pageParam }) => rest.incidentAlerts(id, q === "" ? undefined : q, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    enabled: view.alerts_total > 0,
    // While another word is looked for, the keys of the incident stay the same.
    placeholderData: (before, query) => (query?.queryKey[1] === id ? before : undefined),
  });
}

function useRefresh(id: string, events: readonly DecodedEvent[]): void {
  const queries = useQueryClient();
  const last = useMemo(() => events.findLast((d) => d.event.type.startsWith("alert"))?.event.id, [events]);
  const read = useRef(last);
  const latest = useRef(last);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    latest.current = last;
    if (read.current === undefined) read.current = last;
    if (last === read.current || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      read.current = latest.current;
      void queries.invalidateQueries({ queryKey: ["alerts", id] });
    }, atMostEveryMs);
  }, [queries, id, last]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
