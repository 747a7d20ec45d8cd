import clsx from "clsx";
import { Check, CircleDashed, LoaderCircle, Minus, TriangleAlert, X } from "lucide-react";
import type { ReactNode } from "react";

import type { PhaseState, PhaseView } from "../../protocol/generated";
import { toneText } from "../../ui/badge";
import { Elapsed } from "../../ui/now";
import { capital, phaseStateWord } from "../../ui/words";

const icons: Record<PhaseState, ReactNode> = {
  pending: <CircleDashed aria-hidden className="size-4" />,
  running: <LoaderCircle aria-hidden className="size-4 animate-spin" />,
  completed: <Check aria-hidden className="size-4" strokeWidth={2.5} />,
  degraded: <TriangleAlert aria-hidden className="size-4" />,
  skipped: <Minus aria-hidden className="size-4" />,
  failed: <X aria-hidden className="size-4" strokeWidth={2.5} />,
};

/** The nine chapters of the story, each with its state and how long it took. */
export function PhaseRail({ phases }: { phases: readonly PhaseView[] }) {
  return (
    <ol aria-label="Phases" className="grid grid-cols-3 gap-px overflow-hidden rounded-lg border border-line bg-line lg:flex">
      {phases.map((p) => (
        <Phase key={p.phase} phase={p} />
      ))}
    </ol>
  );
}

function Phase({ phase: p }: { phase: PhaseView }) {
  const word = phaseStateWord(p.state);
  const begun = p.state !== "pending" && p.state !== "skipped";
  // The sign says it for the usual states; the others are worth a word.
  const said = p.state !== "running" && p.state !== "completed";
  return (
    <li
      data-testid={`phase-${p.phase}`}
      data-state={p.state}
      title={[`${capital(p.phase)}: ${word.text}`, p.detail].filter(Boolean).join("\n")}
      className={clsx("min-w-0 px-2.5 py-2 lg:flex-auto", p.state === "running" ? "bg-accent-soft" : "bg-surface")}
    >
      <div className="flex items-center gap-1.5">
        <span className={toneText[word.tone]}>{icons[p.state]}</span>
        <span className={clsx("truncate text-xs font-medium", begun ? "text-ink" : "text-ink-3")}>{capital(p.phase)}</span>
      </div>
      <div className="mt-0.5 truncate pl-[22px] text-2xs text-ink-3">
        {said ? <span className={toneText[word.tone]}>{word.text}</span> : <span className="sr-only">{word.text}</span>}
        {begun && p.started_at !== undefined && (
          <>
            {said && " · "}
            <Elapsed from={p.started_at} to={p.ended_at} className="tabular" />
          </>
        )}
      </div>
    </li>
  );
}
