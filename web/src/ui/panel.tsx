import { clsx } from "clsx";
import { useId, type ReactNode } from "react";

import type { SourceProps } from "./source";

interface PanelProps {
  title: string;
  icon?: ReactNode;
  /** To the right of the title. */
  aside?: ReactNode;
  /** Draws the eye: something is expected of whoever looks. */
  urgent?: boolean;
  className?: string;
  testId?: string;
  /** Where what it shows comes from. */
  source?: Partial<SourceProps>;
  children: ReactNode;
}

export function Panel({ title, icon, aside, urgent = false, className, testId, source, children }: PanelProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      data-testid={testId}
      {...source}
      className={clsx(
        "min-w-0 rounded-lg border bg-surface",
        urgent ? "border-accent shadow-[0_0_0_3px_var(--accent-soft)]" : "border-line",
        className,
      )}
    >
      <header className="flex min-h-10 flex-wrap items-center gap-x-2 gap-y-1 border-b border-line px-3.5 py-1.5">
        {icon !== undefined && (
          <span aria-hidden className="text-ink-3">
            {icon}
          </span>
        )}
        <h2 id={id} className="text-[13px] font-semibold">
          {title}
        </h2>
        <div className="ml-auto flex min-w-0 flex-wrap items-center gap-2 text-xs text-ink-2">{aside}</div>
      </header>
      {children}
    </section>
  );
}

/** What a panel shows instead of nothing. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="px-3.5 py-3 text-xs text-ink-3">{children}</p>;
}

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={clsx("pulse-soft rounded bg-hover", className)} />;
}

/** A label and what it stands for. */
export function Fact({ label, source, children, className }: { label: string; source?: Partial<SourceProps>; children: ReactNode; className?: string }) {
  return (
    <div className={clsx("min-w-0", className)} {...source}>
      <dt className="text-2xs text-ink-3">{label}</dt>
      <dd className="min-w-0 text-xs [overflow-wrap:anywhere]">{children}</dd>
    </div>
  );
}

/** Something wider than its place: it can be scrolled by keyboard too. */
export function ScrollX({ label, className, children }: { label: string; className?: string; children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- without it a keyboard cannot scroll
    <div role="group" aria-label={label} tabIndex={0} className={clsx("overflow-x-auto", className)}>
      {children}
    </div>
  );
}
