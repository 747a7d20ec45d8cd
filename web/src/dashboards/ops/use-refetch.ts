import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { useVigilState } from "../../store/react";

/** What was read before the connection was lost may have changed meanwhile: back again, it is read anew. */
export function useRefetchOnReturn(): void {
  const queries = useQueryClient();
  const state = useVigilState((s) => s.connection.state);
  const lost = useRef(false);
  useEffect(() => {
    if (state !== "live") {
      lost.current = state !== "connecting";
      return;
    }
    if (lost.current) void queries.invalidateQueries();
    lost.current = false;
  }, [queries, state]);
}
