/** How far Vigil may go: read once, then heard of as it changes. */
import { type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";

import { ApiError, type ControlsRequest } from "../../feed/rest";
import type { Controls } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { type VerbState, useVerb } from "./use-verb";

/** Reads them, for whoever shows them first; what is newer, the answer or an event, counts. */
export function useReadControls(): UseQueryResult<Controls> {
  const vigil = useVigil();
  const query = useQuery({ queryKey: ["controls"], queryFn: () => vigil.rest.controls() });
  const { data } = query;
  useEffect(() => {
    if (data !== undefined) vigil.learnControls(data);
  }, [vigil, data]);
  return query;
}

/** Undefined while nothing is known of them. */
export function useControls(): Controls | undefined {
  return useVigilState((s) => s.system.controls);
}

export type Settable = Pick<Controls, "mode" | "dry_run" | "dry_run_services" | "dry_run_incidents">;

/** Sets the controls on top of those that were seen: whoever changed them meanwhile is not overruled unseen. */
export function useSetControls(): VerbState<[Settable, Controls["revision"], string]> {
  const { rest } = useVigil();
  const settle = useSettle();
  return useVerb(
    useCallback(
      (key: string, next: Settable, revision: Controls["revision"], reason: string) => {
        const request: ControlsRequest = {
          mode: next.mode ?? "advisory",
          dry_run: next.dry_run ?? false,
          dry_run_services: next.dry_run_services ?? [],
          dry_run_incidents: next.dry_run_incidents ?? [],
          revision: revision ?? 0,
          reason,
        };
        return settle(rest.setControls(request, key));
      },
      [rest, settle],
    ),
  );
}

export function useStop(): VerbState<[string]> {
  const { rest } = useVigil();
  const settle = useSettle();
  return useVerb(useCallback((key: string, reason: string) => settle(rest.stopActing(reason, key)), [rest, settle]));
}

export function useStartAgain(): VerbState<[string, Controls["revision"]]> {
  const { rest } = useVigil();
  const settle = useSettle();
  return useVerb(useCallback((key: string, reason: string, revision: Controls["revision"]) => settle(rest.startActing(reason, revision, key)), [rest, settle]));
}

/** Shows what came of a change at once; where somebody else was first, reads what they made of it. */
function useSettle(): (answer: Promise<Controls>) => Promise<void> {
  const vigil = useVigil();
  const queries = useQueryClient();
  return useCallback(
    async (answer: Promise<Controls>) => {
      try {
        vigil.learnControls(await answer);
      } catch (error) {
        if (error instanceof ApiError && error.kind === "conflict") void queries.invalidateQueries({ queryKey: ["controls"] });
        throw error;
      }
    },
    [vigil, queries],
  );
}

/** The list with a name in it, or without it. */
export function toggled(list: readonly string[] | undefined, name: string, on: boolean): string[] {
  const others = (list ?? []).filter((n) => n !== name);
  return on ? [...others, name] : others;
}
