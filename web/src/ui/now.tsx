/** The passing of time, shared: one timer for everything on screen that shows an age. */
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";

import type { SourceProps } from "./source";
import { age, clockTime, duration, exactTime, noData, parseTime, remaining } from "./format";

const Now = createContext(0);

/** offsetMs is what to add to this computer's clock to get the gateway's. */
export function NowProvider({ offsetMs, fixed, children }: { offsetMs: number; fixed?: number; children: ReactNode }) {
  const [tick, setTick] = useState(() => Date.now());
  useEffect(() => {
    if (fixed !== undefined) return;
    const id = setInterval(() => setTick(Date.now()), 1_000);
    return () => clearInterval(id);
  }, [fixed]);
  return <Now.Provider value={fixed ?? tick + offsetMs}>{children}</Now.Provider>;
}

/** The gateway's time now, in ms, moving once a second. */
export function useNow(): number {
  return useContext(Now);
}

interface TimeProps {
  at: string | undefined;
  className?: string;
  /** Where the time comes from, unless what is around says so. */
  source?: Partial<SourceProps>;
}

/** How long ago, in one unit. The exact time on hover. */
export function Age({ at, className, source }: TimeProps) {
  const now = useNow();
  const ms = parseTime(at);
  if (ms === undefined) return <span className={className}>{noData}</span>;
  return (
    <time dateTime={at} title={exactTime(ms)} className={className} {...source}>
      {age(now - ms)}
    </time>
  );
}

/** The time of day. The exact time on hover. */
export function Moment({ at, className, source }: TimeProps) {
  const ms = parseTime(at);
  if (ms === undefined) return <span className={className}>{noData}</span>;
  return (
    <time dateTime={at} title={exactTime(ms)} className={className} {...source}>
      {clockTime(ms)}
    </time>
  );
}

/** From one time to another, or until now. */
export function Elapsed({ from, to, className, source }: { from: string | undefined; to?: string; className?: string; source?: Partial<SourceProps> }) {
  const now = useNow();
  const start = parseTime(from);
  if (start === undefined) return null;
  return <span className={className} {...source}>{duration((parseTime(to) ?? now) - start)}</span>;
}

/** What is left until a time. The exact time on hover. */
export function Left({ until, className, source }: { until: number; className?: string; source?: Partial<SourceProps> }) {
  const now = useNow();
  return (
    <time dateTime={new Date(until).toISOString()} title={exactTime(until)} className={className} {...source}>
      {remaining(until - now)}
    </time>
  );
}
