import { clsx } from "clsx";
import { FlaskConical, History } from "lucide-react";
import type { ReactNode } from "react";

import type { Origin, Outcome, Severity, Status } from "../protocol/generated";
import { type Tone, severityWord, standingWord } from "./words";

const tones: Record<Tone, string> = {
  neutral: "bg-hover text-ink-2",
  accent: "bg-accent-soft text-accent",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
};

export const toneText: Record<Tone, string> = {
  neutral: "text-ink-3",
  accent: "text-accent",
  good: "text-good",
  warn: "text-warn",
  bad: "text-bad",
};

export function Badge({ tone = "neutral", title, icon, children }: { tone?: Tone; title?: string; icon?: ReactNode; children: ReactNode }) {
  return (
    <span
      title={title}
      className={clsx("inline-flex h-5 max-w-full items-center gap-1 rounded px-1.5 text-2xs font-medium whitespace-nowrap", tones[tone])}
    >
      {icon}
      <span className="truncate">{children}</span>
    </span>
  );
}

export function StatusBadge({ of }: { of: { status: Status; outcome?: Outcome } }) {
  const word = standingWord(of);
  return <Badge tone={word.tone}>{word.text}</Badge>;
}

const severityColours: Record<Severity, string> = { critical: "text-critical", high: "text-high", medium: "text-medium", low: "text-low" };

/** A shape for each severity, so that it can be told without seeing colours. */
export function SeverityMark({ severity, className }: { severity: Severity; className?: string }) {
  return (
    <svg viewBox="0 0 16 16" role="img" aria-label={`Severity ${severity}`} className={clsx("size-3.5 shrink-0", severityColours[severity], className)}>
      <SeverityShape severity={severity} />
    </svg>
  );
}

function SeverityShape({ severity }: { severity: Severity }) {
  switch (severity) {
    case "critical":
      return <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor" />;
    case "high":
      return <path d="M8 1.5 15.5 14.5H.5z" fill="currentColor" />;
    case "medium":
      return <path d="M8 1l7 7-7 7-7-7z" fill="none" stroke="currentColor" strokeWidth="2.2" />;
    case "low":
      return <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="2" />;
    default:
      return <rect x="3" y="3" width="10" height="10" fill="currentColor" />;
  }
}

export function SeverityLabel({ severity }: { severity: Severity }) {
  return (
    <span className={clsx("inline-flex items-center gap-1.5 text-xs font-semibold", severityColours[severity])}>
      <SeverityMark severity={severity} />
      {severityWord(severity)}
    </span>
  );
}

const origins: Record<Exclude<Origin, "live">, { text: string; title: string; icon: ReactNode }> = {
  simulated: { text: "simulated", title: "From the sandbox, not from AWS or from your systems", icon: <FlaskConical aria-hidden className="size-3" /> },
  recorded: { text: "recorded", title: "From a recording", icon: <History aria-hidden className="size-3" /> },
};

/** Says where a value comes from, unless it is simply live. */
export function OriginBadge({ origin }: { origin: Origin }) {
  if (origin === "live") return null;
  const { text, title, icon } = origins[origin] ?? { text: origin, title: origin, icon: null };
  return (
    <span title={title} className="inline-flex h-5 items-center gap-1 rounded border border-dashed border-line-strong px-1.5 text-2xs whitespace-nowrap text-ink-2">
      {icon}
      {text}
    </span>
  );
}
