/** The decision as a tree: what was taken stands out, what was not stays visible. */
import { clsx } from "clsx";
import { Check } from "lucide-react";
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";

import { toneText } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Meter } from "../../ui/meter";
import { Empty } from "../../ui/panel";
import { from } from "../../ui/source";
import { type Stage, type Tree, type TreeNode, stages, treeOf } from "./decision-tree";
import { StepCard } from "./step-card";
import { usePlace, useSubject } from "./subject";

const stageNames: Record<Stage, { text: string; nothing: string }> = {
  evidence: { text: "Evidence", nothing: "No evidence yet" },
  hypotheses: { text: "What it means", nothing: "No hypothesis yet" },
  options: { text: "What could be done", nothing: "No option yet" },
  permission: { text: "Who lets it be done", nothing: "Nobody was asked yet" },
  action: { text: "What was done", nothing: "Nothing yet" },
  outcome: { text: "What came of it", nothing: "Not over yet" },
};

export function DecisionsView() {
  const { recording, steps } = useSubject();
  const { index } = usePlace();
  const tree = useMemo(() => treeOf(recording.events.slice(0, index + 1)), [recording, index]);
  const [selected, setSelected] = useState<string>();
  const chosen = tree.nodes.find((n) => n.id === selected);
  const step = chosen === undefined ? undefined : steps[chosen.index];
  if (tree.nodes.length === 0) return <Empty>Nothing was found or decided yet.</Empty>;
  return (
    <div className="mx-auto max-w-[100rem] space-y-4">
      <p className="flex flex-wrap items-center gap-x-4 gap-y-1 text-2xs text-ink-3">
        <Sample className="stroke-accent" width={2.5} text="the way that was taken" />
        <Sample className="stroke-line-strong" width={1.5} text="not taken" />
        <Sample className="stroke-bad" width={1.5} dashed text="speaks against" />
        <span>Choose a box to see what it rests on.</span>
      </p>
      <Drawing tree={tree} selected={selected} onSelect={(id) => setSelected((s) => (s === id ? undefined : id))} />
      {step !== undefined && (
        <section aria-label="The chosen box" className="mx-auto max-w-4xl" data-testid="tree-detail">
          <StepCard step={step} current={false} />
        </section>
      )}
    </div>
  );
}

function Sample({ className, width, dashed = false, text }: { className: string; width: number; dashed?: boolean; text: string }) {
  return (
    <span className="inline-flex items-center gap-1.5 max-lg:hidden">
      <svg aria-hidden className="h-2 w-7">
        <line x1={0} x2={28} y1={4} y2={4} className={className} strokeWidth={width} strokeDasharray={dashed ? "4 3" : undefined} />
      </svg>
      {text}
    </span>
  );
}

/** With more evidence than this, what nobody cites is folded away at first. */
const plenty = 8;

interface Line {
  key: string;
  d: string;
  kind: Tree["edges"][number]["kind"];
  taken: boolean;
  lit: boolean;
}

function Drawing({ tree, selected, onSelect }: { tree: Tree; selected: string | undefined; onSelect: (id: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [over, setOver] = useState<string>();
  const lit = over ?? selected;
  const [uncited, setUncited] = useState(false);
  const columns = useMemo(() => {
    const joined = new Set(tree.edges.map((e) => e.from));
    return stages.map((stage) => {
      const all = inOrder(stage, tree.nodes.filter((n) => n.stage === stage));
      const cited = stage === "evidence" && all.length > plenty && !uncited ? all.filter((n) => joined.has(n.id)) : all;
      return { stage, nodes: cited, folded: cited.length < all.length };
    });
  }, [tree, uncited]);
  const measure = useCallback(() => {
    const at = box.current?.getBoundingClientRect();
    if (box.current === null || at === undefined) return;
    const place = new Map<string, DOMRect>();
    for (const el of box.current.querySelectorAll<HTMLElement>("[data-node]")) place.set(el.dataset.node ?? "", el.getBoundingClientRect());
    setLines(
      tree.edges.flatMap((e) => {
        const [a, b] = [place.get(e.from), place.get(e.to)];
        if (a === undefined || b === undefined) return [];
        return [{ key: `${e.from}→${e.to}`, d: curve(a, b, at), kind: e.kind, taken: e.taken, lit: e.from === lit || e.to === lit }];
      }),
    );
  }, [tree, lit]);
  useLayoutEffect(() => {
    measure();
    if (box.current === null || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [measure]);
  const linked = useMemo(() => new Set(lit === undefined ? [] : tree.edges.flatMap((e) => (e.from === lit ? [e.to] : e.to === lit ? [e.from] : []))), [tree, lit]);
  return (
    <div ref={box} className="relative" data-testid="tree">
      <svg aria-hidden className="pointer-events-none absolute inset-0 h-full w-full overflow-visible max-lg:hidden">
        {lines
          .toSorted((a, b) => Number(a.taken) - Number(b.taken))
          .map((l) => (
            <path
              key={l.key}
              d={l.d}
              fill="none"
              stroke={l.kind === "against" ? "var(--bad)" : l.taken || l.lit ? "var(--accent)" : "var(--line-strong)"}
              strokeWidth={l.taken ? 2.5 : 1.5}
              strokeDasharray={l.kind === "against" ? "4 3" : undefined}
              opacity={l.lit ? 1 : lit !== undefined ? 0.12 : l.taken ? 0.85 : l.kind === "against" ? 0.3 : 0.6}
            />
          ))}
      </svg>
      <ol className="relative grid gap-x-10 gap-y-4 lg:grid-cols-6" aria-label="Decision tree">
        {columns.map(({ stage, nodes, folded }) => (
          <li key={stage} className="min-w-0" data-stage={stage}>
            <h2 className="mb-2 text-2xs font-semibold text-ink-3">{stageNames[stage].text}</h2>
            {nodes.length === 0 ? (
              !folded && <p className="rounded-md border border-dashed border-line px-2.5 py-2 text-2xs text-ink-3">{stageNames[stage].nothing}</p>
            ) : (
              <ul className="space-y-2.5 max-lg:border-l-2 max-lg:border-line max-lg:pl-3">
                {nodes.map((n) => (
                  <li key={n.id}>
                    <Node node={n} selected={n.id === selected} faint={lit !== undefined && n.id !== lit && !linked.has(n.id)} onSelect={() => onSelect(n.id)} onOver={setOver} onWalk={(key) => walk(key, n.id, columns, box.current)} />
                  </li>
                ))}
              </ul>
            )}
            {stage === "evidence" && (folded || uncited) && (
              <Button kind="ghost" className="mt-2 w-full" aria-expanded={uncited} onClick={() => setUncited(!uncited)}>
                {uncited ? "Leave out what nobody cites" : "What nobody cites, too"}
              </Button>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

interface NodeProps {
  node: TreeNode;
  selected: boolean;
  faint: boolean;
  onSelect: () => void;
  onOver: (id: string | undefined) => void;
  onWalk: (key: string) => void;
}

function Node({ node: n, selected, faint, onSelect, onOver, onWalk }: NodeProps) {
  const { recording } = useSubject();
  const sourceAt = (index: number, pointer: string) => recording.sourceOf(recording.events[index]?.event.id ?? "", pointer);
  return (
    <button
      type="button"
      {...from([sourceAt(n.index, n.pointer), ...n.also.map((i) => sourceAt(i, ""))].join(" "))}
      data-node={n.id}
      data-taken={n.taken}
      aria-pressed={selected}
      onClick={onSelect}
      onPointerEnter={() => onOver(n.id)}
      onPointerLeave={() => onOver(undefined)}
      onFocus={() => onOver(n.id)}
      onBlur={() => onOver(undefined)}
      onKeyDown={(e) => {
        if (!e.key.startsWith("Arrow")) return;
        e.preventDefault(); // the arrows are the tree's here, not the replay's
        onWalk(e.key);
      }}
      className={clsx(
        "block w-full rounded-md border px-2.5 py-1.5 text-left transition-opacity",
        n.taken ? "border-2 border-accent bg-surface" : "border-line-strong bg-canvas",
        selected && "ring-3 ring-accent-soft",
        faint && "opacity-45",
      )}
    >
      <span className="flex items-center gap-1 text-2xs text-ink-3">
        <span className="min-w-0 flex-1 truncate">{n.label}</span>
        {n.taken && (
          <span className="inline-flex items-center gap-0.5 text-accent">
            <Check aria-hidden className="size-3" strokeWidth={3} />
            <span className="sr-only">on the way that was taken</span>
          </span>
        )}
      </span>
      <span className={clsx("line-clamp-3 text-xs [overflow-wrap:anywhere]", n.taken ? "font-semibold" : "font-medium text-ink-2")}>{n.title}</span>
      {n.score !== undefined && <Meter source={n.scoreAt && from(sourceAt(n.scoreAt.index, n.scoreAt.pointer))} value={n.score} label={`Score of ${n.title}`} className="mt-0.5 w-full" />}
      {n.note !== undefined && <span className={clsx("mt-0.5 line-clamp-3 text-2xs [overflow-wrap:anywhere]", n.tone === "neutral" || n.tone === "accent" ? "text-ink-3" : toneText[n.tone])}>{n.note}</span>}
    </button>
  );
}

/** What was taken comes first, then what scores highest; what was done keeps the order in which it was. */
function inOrder(stage: Stage, nodes: readonly TreeNode[]): TreeNode[] {
  if (stage === "permission" || stage === "action" || stage === "outcome") return nodes.toSorted((a, b) => a.index - b.index);
  if (stage === "evidence") return nodes.toSorted((a, b) => Number(b.taken) - Number(a.taken) || a.index - b.index);
  return nodes.toSorted((a, b) => Number(b.taken) - Number(a.taken) || (b.score ?? 0) - (a.score ?? 0));
}

/** From the right of one box to the left of another; within a column, along its left side. */
function curve(a: DOMRect, b: DOMRect, at: DOMRect): string {
  const [y1, y2] = [a.top - at.top + a.height / 2, b.top - at.top + b.height / 2];
  if (Math.abs(a.left - b.left) < 4) {
    const x = a.left - at.left;
    return `M${x} ${y1}C${x - 22} ${y1} ${x - 22} ${y2} ${x} ${y2}`;
  }
  const [x1, x2] = [a.right - at.left, b.left - at.left];
  const bend = Math.max(14, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** Arrow keys go from box to box: along a column, and to the next that has any. */
function walk(key: string, here: string, columns: readonly { nodes: readonly TreeNode[] }[], box: HTMLElement | null): void {
  const filled = columns.filter((c) => c.nodes.length > 0);
  const column = filled.findIndex((c) => c.nodes.some((n) => n.id === here));
  const row = filled[column]?.nodes.findIndex((n) => n.id === here) ?? -1;
  const ways: Record<string, TreeNode | undefined> = {
    ArrowUp: filled[column]?.nodes[row - 1],
    ArrowDown: filled[column]?.nodes[row + 1],
    ArrowLeft: nearest(filled[column - 1]?.nodes, row),
    ArrowRight: nearest(filled[column + 1]?.nodes, row),
  };
  const goal = ways[key];
  if (goal !== undefined) box?.querySelector<HTMLElement>(`[data-node="${CSS.escape(goal.id)}"]`)?.focus();
}

function nearest(nodes: readonly TreeNode[] | undefined, row: number): TreeNode | undefined {
  return nodes?.find((n) => n.taken) ?? nodes?.[Math.min(row, nodes.length - 1)];
}
