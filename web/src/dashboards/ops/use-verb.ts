/**
 * One thing that a person wants done. The idempotency key belongs to the intention: it stays the
 * same while nothing is known to have happened, so that trying again can never do it twice, and is
 * made anew once the gateway has said yes or no.
 */
import { useCallback, useRef, useState } from "react";

import { ApiError, newIdempotencyKey } from "../../feed/rest";

export interface VerbState<A extends unknown[]> {
  busy: boolean;
  /** Why it was refused or is not known to have happened. */
  error: string | undefined;
  /** Whether the gateway has confirmed it. */
  done: boolean;
  /** Resolves to whether it was confirmed. */
  run: (...args: A) => Promise<boolean>;
  reset: () => void;
}

export function useVerb<A extends unknown[]>(call: (key: string, ...args: A) => Promise<void>): VerbState<A> {
  const [state, setState] = useState({ busy: false, error: undefined as string | undefined, done: false });
  const intention = useRef<{ key: string; body: string }>(undefined);
  const running = useRef(false);

  const run = useCallback(
    async (...args: A) => {
      if (running.current) return false;
      running.current = true;
      const body = JSON.stringify(args);
      if (intention.current?.body !== body) intention.current = { key: newIdempotencyKey(), body };
      setState({ busy: true, error: undefined, done: false });
      try {
        await call(intention.current.key, ...args);
        intention.current = undefined;
        setState({ busy: false, error: undefined, done: true });
        return true;
      } catch (error) {
        const open = error instanceof ApiError && error.retryable;
        if (!open) intention.current = undefined;
        setState({ busy: false, error: reason(error), done: false });
        return false;
      } finally {
        running.current = false;
      }
    },
    [call],
  );
  const reset = useCallback(() => setState({ busy: false, error: undefined, done: false }), []);
  return { ...state, run, reset };
}

function reason(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  return error.status === 0 ? `${error.message} Nothing is known to have happened; trying again is safe.` : error.message;
}
