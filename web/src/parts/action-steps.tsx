/** What exactly an action does: its steps in order, with their arguments and what takes each back. */
import { Undo2 } from "lucide-react";
import type { ReactNode } from "react";

import type { Action, Option, Step } from "../protocol/generated";
import { step } from "../ui/source";
import { useSource } from "../ui/sources";
import { plain, preconditionWords } from "./precondition-words";

interface Exact {
  of: Pick<Action | Option, "steps" | "precondition" | "planned">;
  /** Where it is. */
  pointer: string;
}

export function ActionSteps({ of: a, pointer, standing }: Exact & { standing?: readonly ReactNode[] }) {
  const at = useSource();
  const steps = a.steps ?? [];
  if (steps.length === 0) return <p className="text-xs text-ink-3">It has no steps.</p>;
  return (
    <ol className="space-y-2 [counter-reset:step]" aria-label="Steps">
      {steps.map((s, i) => (
        // oxlint-disable-next-line no-array-index-key -- a step is its place in the order
        <li key={i} {...at(`${pointer}/steps/${i}/undo`)} data-testid={`step-${i + 1}`} className="flex gap-2.5 [counter-increment:step]">
          <span aria-hidden className="tabular mt-px grid size-[18px] shrink-0 place-items-center rounded-full bg-hover text-2xs font-semibold text-ink-2 before:content-[counter(step)]" />
          <div className="min-w-0 flex-1 space-y-0.5">
            <Call step={s} pointer={`${pointer}/steps/${i}`} />
            {s.undo === undefined ? (
              <p className="text-2xs text-ink-3">Nothing takes this back.</p>
            ) : (
              <p className="flex gap-1.5 text-2xs text-ink-2">
                <Undo2 aria-hidden className="mt-0.5 size-3 shrink-0 text-ink-3" />
                <span className="min-w-0">
                  Undone by <code className="font-mono [overflow-wrap:anywhere]">{s.undo.document}</code> <Changed from={s.arguments} to={s.undo.arguments} />
                </span>
              </p>
            )}
            {standing?.[i]}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Call({ step: s, pointer }: { step: Step; pointer: string }) {
  const at = useSource();
  return (
    <>
      <p {...at(`${pointer}/document`)} className="text-xs">
        <code className="font-mono font-medium [overflow-wrap:anywhere]">{s.document}</code> <span className="text-2xs text-ink-3">through {s.executor}</span>
      </p>
      <Values of={s.arguments ?? {}} pointer={`${pointer}/arguments`} label="Arguments" />
    </>
  );
}

/** What differs between doing and undoing; all of it where nothing is the same. */
function Changed({ from, to }: { from: Step["arguments"]; to: Step["arguments"] }) {
  const entries = Object.entries(to ?? {});
  const different = entries.filter(([name, value]) => from?.[name] !== value);
  const shown = different.length > 0 ? different : entries;
  return (
    <>
      {shown.map(([name, value], i) => (
        <span key={name}>
          {i > 0 && ", "}
          {name} <code className="font-mono [overflow-wrap:anywhere]">{value}</code>
        </span>
      ))}
      {different.length > 0 && different.length < entries.length && <span className="text-ink-3">, the rest as above</span>}
    </>
  );
}

function Values({ of, pointer, label }: { of: Readonly<Record<string, unknown>>; pointer: string; label: string }) {
  const at = useSource();
  const entries = Object.entries(of);
  if (entries.length === 0) return null;
  return (
    <dl aria-label={label} className="grid grid-cols-[auto_1fr] gap-x-3 font-mono text-2xs">
      {entries.map(([name, value]) => (
        <div key={name} {...at(pointer + step(name))} className="contents">
          <dt className="text-ink-3">{name}</dt>
          <dd className="min-w-0 [overflow-wrap:anywhere]">{plain(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What has to be so, right before it runs, and how the target was when it was planned. */
export function Precondition({ of: a, pointer }: Exact) {
  const at = useSource();
  const planned = Object.keys(a.planned ?? {}).length > 0 ? a.planned : undefined;
  const expression = a.precondition === undefined || a.precondition === "" ? undefined : a.precondition;
  const words = expression === undefined ? undefined : preconditionWords(expression, planned);
  return (
    <div className="grid gap-x-4 gap-y-2 sm:grid-cols-2">
      <div {...at([`${pointer}/precondition`, `${pointer}/planned`])} className="min-w-0" data-testid="precondition">
        <h3 className="text-2xs font-semibold text-ink-3">Only if, right before it runs</h3>
        {expression === undefined ? <p className="text-xs text-ink-3">There is no precondition.</p> : <p className="text-xs [overflow-wrap:anywhere]">{words ?? <code className="font-mono text-2xs">{expression}</code>}</p>}
        {words !== undefined && <code className="block font-mono text-2xs text-ink-3 [overflow-wrap:anywhere]">{expression}</code>}
      </div>
      <div className="min-w-0" data-testid="planned">
        <h3 className="text-2xs font-semibold text-ink-3">The target when it was planned</h3>
        {planned === undefined ? <p className="text-xs text-ink-3">It was not read.</p> : <Values of={planned} pointer={`${pointer}/planned`} label="State of the target" />}
      </div>
    </div>
  );
}
