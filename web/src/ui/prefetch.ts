import { useEffect } from "react";

/** How long the page may stay busy before what comes later is fetched all the same. */
const idleWithinMs = 5_000;

/** Fetches what a page shows later, once it has shown what comes first. */
export function usePrefetch(shown: boolean, fetchLater: () => Promise<unknown>): void {
  useEffect(() => {
    if (!shown) return;
    // One that fails is fetched again when it is asked for.
    const run = () => void fetchLater().catch(() => {});
    if (typeof window.requestIdleCallback !== "function") {
      const timer = setTimeout(run, idleWithinMs);
      return () => clearTimeout(timer);
    }
    const id = window.requestIdleCallback(run, { timeout: idleWithinMs });
    return () => window.cancelIdleCallback(id);
  }, [shown, fetchLater]);
}
