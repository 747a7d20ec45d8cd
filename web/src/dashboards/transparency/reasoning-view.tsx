/** The reasoning step by step, up to the event that the replay stands at. */
import { useMemo, useState } from "react";

import { useCitations } from "../../parts/citations";
import { Choices } from "../../ui/choices";
import { Empty } from "../../ui/panel";
import { LongList } from "./long-list";
import { StepCard } from "./step-card";
import { type Step, type StepKind, stepKinds } from "./steps";
import { usePlace, useSubject } from "./subject";

type Shown = StepKind | "all";

export function ReasoningView({ scroller }: { scroller: HTMLElement | null }) {
  const { steps } = useSubject();
  const { index, atEnd } = usePlace();
  const [kind, setKind] = useState<Shown>("all");
  const [every, setEvery] = useState(false);
  const until = useMemo(() => steps.slice(0, index + 1), [steps, index]);
  const asked = useAsked(until);
  const shown = useMemo(() => until.filter((s) => keyOf(s) === asked?.key || ((kind === "all" || s.kind === kind) && (every || !s.minor || s.index === index))), [until, kind, every, index, asked?.key]);
  const current = shown.at(-1);
  const present = useMemo(() => new Set(until.map((s) => s.kind)), [until]);
  return (
    <div className="mx-auto max-w-4xl space-y-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1.5">
        <Choices
          label="Which steps"
          options={[{ value: "all" as Shown, text: "All" }, ...stepKinds.filter((k) => present.has(k.kind) || k.kind === kind).map((k) => ({ value: k.kind as Shown, text: k.text }))]}
          value={kind}
          onChange={setKind}
        />
        <Choices
          label="How many steps"
          options={[
            { value: "story", text: "What matters" },
            { value: "every", text: "Every event" },
          ]}
          value={every ? "every" : "story"}
          onChange={(value) => setEvery(value === "every")}
          className="ml-auto"
        />
      </div>
      {shown.length === 0 ? (
        <Empty>No step of this kind yet.</Empty>
      ) : (
        <LongList label="Steps" items={shown} keyOf={keyOf} render={(s) => <StepCard step={s} current={s.index === current?.index} />} scroller={scroller} about={170} current={current === undefined ? undefined : keyOf(current)} fromTop={atEnd} asked={asked} />
      )}
    </div>
  );
}

function keyOf(s: Step): string {
  return s.decoded.event.id;
}

/** The step that collected the evidence that somebody asked for. */
function useAsked(steps: readonly Step[]): { key: string; times: number } | undefined {
  const { shown: cited } = useCitations();
  const step = steps.find((s) => s.decoded.readable && s.decoded.event.type === "evidence.collected" && s.decoded.event.data.evidence.id === cited?.id);
  return cited === undefined || step === undefined ? undefined : { key: keyOf(step), times: cited.times };
}
