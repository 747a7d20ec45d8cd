/** Confidence over time, and beneath each move of it what moved it. */
import { clsx } from "clsx";
import { ArrowDownRight, ArrowUpRight, CornerDownRight } from "lucide-react";
import { useMemo, useState } from "react";

import { Cites } from "../../parts/citations";
import { percent } from "../../ui/format";
import { Moment } from "../../ui/now";
import { Empty, Panel } from "../../ui/panel";
import { type ConfidenceSeries, type Move, confidenceOf } from "./confidence";
import { ConfidenceChart, type Look, lookOf, moveKey } from "./confidence-chart";
import { usePlace, useSource, useSubject } from "./subject";

/** How many of the hypotheses are drawn, unless somebody asks for more: the likeliest. */
const few = 3;

type Drawn = ConfidenceSeries & { look: Look };

export function ConfidenceView() {
  const { recording } = useSubject();
  const { index } = usePlace();
  // Of the whole recording, so that a line keeps its colour while the replay runs.
  const all = useMemo(() => confidenceOf(recording.events).map((s, i): Drawn => ({ ...s, look: lookOf(i) })), [recording]);
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [selected, setSelected] = useState<string>();
  const until = useMemo(() => all.map((s) => ({ ...s, moves: s.moves.filter((m) => m.index <= index) })).filter((s) => s.moves.length > 0), [all, index]);
  const likely = useMemo(() => new Set(until.filter((s) => s.kind === "hypothesis").toSorted((a, b) => (b.moves.at(-1)?.value ?? 0) - (a.moves.at(-1)?.value ?? 0)).slice(0, few).map((s) => s.key)), [until]);
  const isShown = (s: Drawn) => chosen.get(s.key) ?? (s.kind !== "hypothesis" || likely.has(s.key));
  const drawn = until.filter(isShown);
  const moves = drawn.flatMap((s) => s.moves.map((move) => ({ series: s, move }))).toSorted((a, b) => a.move.index - b.move.index);
  if (all.length === 0 || until.length === 0) return <Empty>Nobody has said how sure they are yet: no data.</Empty>;
  return (
    <div className="mx-auto max-w-6xl space-y-4">
      <Panel title="Confidence over time" testId="confidence">
        <div className="space-y-3 p-3.5">
          <ConfidenceChart series={drawn} selected={selected} onSelect={setSelected} />
          <ul className="flex flex-wrap gap-x-1 gap-y-1" aria-label="Lines">
            {until.map((s) => (
              <li key={s.key}>
                <Legend series={s} shown={isShown(s)} onToggle={() => setChosen((before) => new Map(before).set(s.key, !isShown(s)))} />
              </li>
            ))}
          </ul>
          <p className="max-w-prose text-2xs text-ink-3">
            Confidence is computed: a diagnosis from the strength of the evidence cited for and against it, a forecast from its own errors, a decision from the weighted votes. What a model thinks of itself is drawn hollow, and never used.
          </p>
        </div>
      </Panel>
      <Panel title="What moved it">
        <ol className="divide-y divide-line">
          {moves.map(({ series, move }) => (
            <MoveItem key={moveKey(series.key, move.index)} series={series} move={move} selected={moveKey(series.key, move.index) === selected} onSelect={setSelected} />
          ))}
        </ol>
      </Panel>
    </div>
  );
}

function Legend({ series: s, shown, onToggle }: { series: Drawn; shown: boolean; onToggle: () => void }) {
  const { recording } = useSubject();
  const source = useSource();
  const last = s.moves.at(-1);
  return (
    <button type="button" aria-pressed={shown} onClick={onToggle} className={clsx("inline-flex items-center gap-1.5 rounded-md border border-line px-2 py-1 text-2xs hover:bg-hover", !shown && "text-ink-3 line-through")}>
      <svg aria-hidden className="h-2 w-6">
        <line x1={0} x2={24} y1={4} y2={4} stroke={shown ? s.look.colour : "var(--line-strong)"} strokeWidth={2} strokeDasharray={s.look.dash} />
      </svg>
      {s.label}
      {last !== undefined && (
        <b {...source(recording.events[last.index]?.event.id ?? "", last.pointer)} className="tabular font-semibold">
          {percent(last.value)}
        </b>
      )}
    </button>
  );
}

function MoveItem({ series: s, move: m, selected, onSelect }: { series: Drawn; move: Move; selected: boolean; onSelect: (key: string | undefined) => void }) {
  const { recording, steps, open, path } = useSubject();
  const source = useSource();
  const event = recording.events[m.index]?.event;
  const before = s.moves[s.moves.indexOf(m) - 1];
  if (event === undefined) return null;
  const key = moveKey(s.key, m.index);
  const up = m.before === undefined || m.value > m.before;
  const since = m.since.flatMap((i) => {
    const d = recording.events[i];
    return d?.readable === true && d.event.type === "evidence.collected" ? [d.event.data.evidence.id] : [];
  });
  return (
    <li {...source(event.id, "/data")} data-testid="move" data-series={s.key} onPointerEnter={() => onSelect(key)} onPointerLeave={() => onSelect(undefined)} className={clsx("space-y-1 px-3.5 py-2", selected && "bg-accent-soft")}>
      <p className="flex flex-wrap items-baseline gap-x-2.5 gap-y-0.5 text-xs">
        <Moment at={event.at} className="tabular text-2xs text-ink-3" source={source(event.id, "/at")} />
        <span aria-hidden className="size-2 self-center rounded-full" style={{ background: s.look.colour }} />
        <b className="font-semibold">{s.label}</b>
        <span className="tabular inline-flex items-baseline gap-1">
          {before !== undefined && (
            <span {...source(recording.events[before.index]?.event.id ?? "", before.pointer)} className="text-ink-3">
              {percent(before.value)}
            </span>
          )}
          {up ? <ArrowUpRight aria-label={m.before === undefined ? "begins at" : "rises to"} className="size-3.5 self-center text-ink-3" /> : <ArrowDownRight aria-label="falls to" className="size-3.5 self-center text-warn" />}
          <b {...source(event.id, m.pointer)} className="font-semibold">
            {percent(m.value)}
          </b>
        </span>
        <a
          href={path(m.index, "reasoning")}
          onClick={(e) => {
            if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
            e.preventDefault();
            open(m.index, "reasoning");
          }}
          className="ml-auto text-2xs text-accent underline underline-offset-2"
        >
          Show the step
        </a>
      </p>
      <p className="flex flex-wrap items-baseline gap-x-1.5 gap-y-0.5 text-xs text-ink-2">
        <CornerDownRight aria-hidden className="size-3.5 self-center text-ink-3" />
        <span className="[overflow-wrap:anywhere]">{m.cause ?? steps[m.index]?.title}</span>
        <Cites ids={[...new Set(m.cites)]} label="rests on" />
        {m.cites.length === 0 && <Cites ids={since} label="evidence that came before" />}
      </p>
    </li>
  );
}
