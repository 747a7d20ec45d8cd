/** What the gateway answered, for the parts of the page; and how a part says which value it shows. */
import { useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useRef } from "react";

import { analyticsPaths, readDefinitions } from "../../feed/analytics";
import type { Rest } from "../../feed/rest";
import type { BusinessMetrics, Definition } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { type SourceProps, from, querySource } from "../../ui/source";

export interface Figures {
  /** What was asked. */
  path: string;
  metrics: BusinessMetrics;
}

const Context = createContext<Figures | undefined>(undefined);

export const FiguresProvider = Context.Provider;

export function useFigures(): Figures & { at: (pointer: string, derive?: string) => SourceProps } {
  const figures = useContext(Context);
  if (figures === undefined) throw new Error("useFigures: there is no FiguresProvider above this component");
  return { ...figures, at: (pointer, derive) => from(querySource(figures.path, pointer), derive) };
}

const family = "analytics";

/** An answer of the gateway, by the path that is asked. */
export function useAnswer<T>(path: string, read: (rest: Rest, path: string, signal?: AbortSignal) => Promise<T>): UseQueryResult<T> {
  const { rest } = useVigil();
  return useQuery({ queryKey: [family, path], queryFn: ({ signal }) => read(rest, path, signal) });
}

export function useDefinitions(): readonly Definition[] {
  const { rest } = useVigil();
  return useQuery({ queryKey: [analyticsPaths.definitions], queryFn: ({ signal }) => readDefinitions(rest, signal), staleTime: Infinity }).data ?? [];
}

/** How often a page that is left open asks anew, at most. */
const atMostEveryMs = 10_000;

/** Asks anew when the gateway says that its figures changed. */
export function useRefresh(): void {
  const queries = useQueryClient();
  const heard = useVigilState((s) => s.system.business?.at);
  const askedAt = useRef(Number.NEGATIVE_INFINITY);
  const first = useRef(true);
  useEffect(() => {
    if (heard === undefined) return;
    // What was there when the page was opened is what is being asked for already.
    if (first.current) {
      first.current = false;
      askedAt.current = performance.now();
      return;
    }
    const wait = Math.max(0, askedAt.current + atMostEveryMs - performance.now());
    const timer = setTimeout(() => {
      askedAt.current = performance.now();
      void queries.invalidateQueries({ queryKey: [family] });
    }, wait);
    return () => clearTimeout(timer);
  }, [heard, queries]);
}
