/** One step: who did it, what came of it, what it rests on, and where every value of it comes from. */
import { clsx } from "clsx";
import { Bot, Check, Cog, Gavel, Link2, Search, ShieldCheck, Stethoscope, User, Wrench } from "lucide-react";
import { memo, useState, type MouseEvent, type ReactNode } from "react";

import { toneText } from "../../ui/badge";
import { Moment } from "../../ui/now";
import { capital, guardrailWord, purposeWord } from "../../ui/words";
import { Badge } from "../../ui/badge";
import { Attribution } from "./attribution";
import { StepBody } from "./step-body";
import type { Step, StepKind } from "./steps";
import { Sourced, useSource, useSubject } from "./subject";

export const kindIcons: Record<StepKind, ReactNode> = {
  evidence: <Search aria-hidden className="size-4" />,
  models: <Bot aria-hidden className="size-4" />,
  conclusions: <Stethoscope aria-hidden className="size-4" />,
  decisions: <Gavel aria-hidden className="size-4" />,
  actions: <Wrench aria-hidden className="size-4" />,
  people: <User aria-hidden className="size-4" />,
  vigil: <Cog aria-hidden className="size-4" />,
};

export const StepCard = memo(function StepCard({ step: s, current }: { step: Step; current: boolean }) {
  const source = useSource();
  const { event } = s.decoded;
  return (
    <article
      {...source(event.id, "/data")}
      aria-label={s.title}
      aria-current={current ? "step" : undefined}
      data-testid="step"
      data-type={event.type}
      data-index={s.index}
      className={clsx("rounded-lg border bg-surface", current ? "border-accent shadow-[0_0_0_3px_var(--accent-soft)]" : "border-line")}
    >
      <header className="flex items-start gap-2.5 px-3.5 pt-2.5 pb-2">
        <span title={capital(s.kind)} className={clsx("mt-px grid size-7 shrink-0 place-items-center rounded-full", s.kind === "people" ? "bg-accent text-accent-ink" : s.kind === "models" ? "bg-accent-soft text-accent" : "bg-hover text-ink-2")}>
          {kindIcons[s.kind]}
          <span className="sr-only">{capital(s.kind)}</span>
        </span>
        <div className="min-w-0 flex-1">
          <p className="flex flex-wrap items-baseline gap-x-2 text-2xs text-ink-3">
            <b className="font-semibold text-ink-2">{s.who}</b>
            <Moment at={event.at} className="tabular" source={source(event.id, "/at")} />
          </p>
          <h2 className={clsx("text-[13px] font-medium whitespace-pre-line [overflow-wrap:anywhere]", s.line.tone !== "neutral" && s.line.tone !== "accent" && toneText[s.line.tone])}>{s.title}</h2>
          <Asked step={s} />
        </div>
        <StepLink step={s} />
      </header>
      <StepBody step={s} />
      {s.guardrails.length > 0 && <Guardrails step={s} />}
      <Attribution event={event} />
    </article>
  );
});

/** What the agent's model was asked for, as other events say it. */
function Asked({ step: s }: { step: Step }) {
  if (s.asked === undefined && s.task === undefined) return null;
  return (
    <p className="text-xs text-ink-2">
      Asked{" "}
      {s.asked !== undefined && <Sourced event={s.asked.id}>{purposeWord(s.asked.data.purpose)}</Sourced>}
      {s.task !== undefined && (
        <Sourced event={s.task.id} pointer="/data/task">
          {s.asked === undefined ? "to " : "; the task: "}
          {s.task.data.task}
        </Sourced>
      )}
    </p>
  );
}

function Guardrails({ step: s }: { step: Step }) {
  return (
    <ul className="space-y-1 px-3.5 pb-2" aria-label="Guardrail">
      {s.guardrails.map(({ id, data: g }) => {
        const word = guardrailWord(g.outcome);
        return (
          <li key={id}>
            <Sourced event={id} pointer="/data" className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-xs">
              <ShieldCheck aria-hidden className="size-3.5 shrink-0 text-ink-3" />
              <span className="text-ink-2">Guardrail on the {g.subject}</span>
              <Badge tone={word.tone}>{word.text}</Badge>
              {g.policies !== undefined && <span className="text-ink-2">{g.policies.join(", ")}</span>}
              {g.detail !== undefined && <span className="text-ink-3 [overflow-wrap:anywhere]">{g.detail}</span>}
            </Sourced>
          </li>
        );
      })}
    </ul>
  );
}

/** The address of this step: followed it shows the incident as it was then; it can be copied. */
function StepLink({ step: s }: { step: Step }) {
  const { open, path } = useSubject();
  const source = useSource();
  const [copied, setCopied] = useState(false);
  const address = path(s.index, "reasoning");
  const { seq } = s.decoded.event;
  const follow = (e: MouseEvent) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    open(s.index);
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(new URL(address, window.location.href).href);
      setCopied(true);
    } catch {
      open(s.index); // the address bar has it then
    }
  };
  return (
    <span className="flex shrink-0 items-center gap-0.5">
      <a {...source(s.decoded.event.id, "/seq")} href={address} onClick={follow} title="Show the incident as it was at this event" className="tabular rounded px-1 font-mono text-2xs text-ink-3 hover:bg-hover hover:text-ink">
        <span className="sr-only">Event </span>#{seq === 0 ? "later" : seq}
      </a>
      <button type="button" onClick={() => void copy()} onBlur={() => setCopied(false)} title="Copy the link to this step" className="grid size-6 place-items-center rounded text-ink-3 hover:bg-hover hover:text-ink">
        {copied ? <Check aria-hidden className="size-3.5 text-good" /> : <Link2 aria-hidden className="size-3.5" />}
        <span className="sr-only">{copied ? "Copied" : "Copy the link to this step"}</span>
      </button>
    </span>
  );
}
