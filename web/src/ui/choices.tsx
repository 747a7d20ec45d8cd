import { clsx } from "clsx";
import type { ReactNode } from "react";

interface Props<K extends string> {
  label: string;
  options: readonly { value: K; text: ReactNode }[];
  value: K;
  onChange: (value: K) => void;
  className?: string;
}

/** One of a few: which part of a list is shown, how much of it. */
export function Choices<K extends string>({ label, options, value, onChange, className }: Props<K>) {
  return (
    <div role="group" aria-label={label} className={clsx("flex flex-wrap gap-1", className)}>
      {options.map((o) => (
        <button
          key={o.value}
          type="button"
          aria-pressed={o.value === value}
          onClick={() => onChange(o.value)}
          className={clsx(
            "tabular h-6 rounded px-1.5 text-2xs font-medium whitespace-nowrap",
            o.value === value ? "bg-accent-soft text-accent underline decoration-2 underline-offset-4" : "text-ink-2 hover:bg-hover",
          )}
        >
          {o.text}
        </button>
      ))}
    </div>
  );
}
