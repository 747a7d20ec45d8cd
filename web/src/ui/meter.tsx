import { clsx } from "clsx";

import { percent } from "./format";
import type { SourceProps } from "./source";

/** A share as a bar with its number. Absent is said, not drawn as nothing. */
export function Meter({ value, label, absent = "not rated yet", source, className }: { value: number | undefined; label: string; absent?: string; source?: Partial<SourceProps>; className?: string }) {
  if (value === undefined) return <span className={clsx("text-2xs text-ink-3", className)}>{absent}</span>;
  const share = Math.min(1, Math.max(0, value));
  return (
    <span
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      aria-valuetext={percent(value)}
      title={`${label}: ${percent(value)}`}
      {...source}
      className={clsx("inline-flex items-center gap-1.5", className)}
    >
      <span className="h-1.5 min-w-10 flex-1 overflow-hidden rounded-full bg-hover">
        <span className="block h-full rounded-full bg-accent" style={{ width: `${share * 100}%` }} />
      </span>
      <span className="tabular w-9 text-right whitespace-nowrap text-2xs text-ink-2">{percent(value)}</span>
    </span>
  );
}
