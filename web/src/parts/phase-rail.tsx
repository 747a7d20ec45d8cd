import { clsx } from "clsx";
import { Check, CircleDashed, LoaderCircle, Minus, TriangleAlert, X } from "lucide-react";
import type { ReactNode } from "react";

import type { PhaseState, PhaseView } from "../protocol/generated";
import { toneText } from "../ui/badge";
import { Elapsed } from "../ui/now";
import { useSource } from "../ui/sources";
import { capital, phaseStateWord } from "../ui/words";

const icons: Record<PhaseState, ReactNode> = {
  pending: <CircleDashed aria-hidden className="size-3.5 shrink-0" />,
  running: <LoaderCircle aria-hidden className="size-3.5 shrink-0 animate-spin" />,
  completed: <Check aria-hidden className="size-3.5 shrink-0" strokeWidth={2.5} />,
  degraded: <TriangleAlert aria-hidden className="size-3.5 shrink-0" />,
  skipped: <Minus aria-hidden className="size-3.5 shrink-0" />,
  failed: <X aria-hidden className="size-3.5 shrink-0" strokeWidth={2.5} />,
};

/** The nine chapters of the story, each with its state and how long it took. */
export function PhaseRail({ phases }: { phases: readonly PhaseView[] }) {
  return (
    <div className="@container">
      <ol aria-label="Phases" className="grid grid-cols-3 gap-px overflow-hidden rounded-lg border border-line bg-line @4xl:flex">
        {phases.map((p, i) => (
          <Phase key={p.phase} phase={p} place={i} />
        ))}
      </ol>
    </div>
  );
}

function Phase({ phase: p, place }: { phase: PhaseView; place: number }) {
  const at = useSource();
  const word = phaseStateWord(p.state);
  const begun = p.state !== "pending" && p.state !== "skipped";
  // The sign says it for the usual states; the others are worth a word.
  const said = p.state !== "running" && p.state !== "completed";
  return (
    <li
      {...at(`/phases/${place}`)}
      data-testid={`phase-${p.phase}`}
      data-state={p.state}
      title={[`${capital(p.phase)}: ${word.text}`, p.detail].filter(Boolean).join("\n")}
      className={clsx("min-w-0 px-2.5 py-1.5 @4xl:flex-auto", p.state === "running" ? "bg-accent-soft" : "bg-surface")}
    >
      <div className={clsx("truncate text-xs font-medium", begun ? "text-ink" : "text-ink-3")}>{capital(p.phase)}</div>
      <div className={clsx("flex items-center gap-1.5 text-2xs", toneText[word.tone])}>
        {icons[p.state]}
        {said ? <span className="truncate">{word.text}</span> : <span className="sr-only">{word.text}</span>}
        {begun && p.started_at !== undefined && <Elapsed from={p.started_at} to={p.ended_at} className="tabular truncate text-ink-2" source={at(`/phases/${place}`, p.ended_at === undefined ? "span /started_at" : "span /started_at /ended_at")} />}
      </div>
    </li>
  );
}
