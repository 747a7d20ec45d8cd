/** The service graph, callers above what they call. */
import { useMemo } from "react";

import type { Edge } from "../protocol/generated";
import { ScrollX } from "../ui/panel";
import { useSource } from "../ui/sources";
import type { Tone } from "../ui/words";

const node = { width: 108, height: 32, gapX: 14, gapY: 28 };

interface Placed {
  name: string;
  x: number;
  y: number;
}

/** How a service is affected, in a word. */
export interface Standing {
  text: string;
  tone: Tone;
}

const colours: Record<Tone, { fill: string; line: string }> = {
  neutral: { fill: "var(--surface)", line: "var(--ink-3)" },
  accent: { fill: "var(--accent-soft)", line: "var(--accent)" },
  good: { fill: "var(--good-soft)", line: "var(--good)" },
  warn: { fill: "var(--warn-soft)", line: "var(--warn)" },
  bad: { fill: "var(--bad-soft)", line: "var(--bad)" },
};

/** pointer leads to the edges. */
export function ServiceGraph({ edges, pointer, standing }: { edges: readonly Edge[]; pointer: string; standing?: ReadonlyMap<string, Standing> }) {
  const at = useSource();
  const graph = useMemo(() => place(edges), [edges]);
  if (graph.nodes.size === 0) return <p className="text-xs text-ink-3">no edges</p>;
  return (
    <ScrollX label="Service graph" className="rounded-md bg-sunken p-3">
      <svg
        {...at(pointer)}
        width={graph.width}
        height={graph.height}
        role="img"
        aria-label={[...edges.map((e) => `${e.from} calls ${e.to}`), ...Array.from(standing ?? [], ([name, s]) => `${name}: ${s.text}`)].join(", ")}
        className="mx-auto block"
      >
        {edges.map((e) => {
          const from = graph.nodes.get(e.from);
          const to = graph.nodes.get(e.to);
          if (from === undefined || to === undefined) return null;
          const [x1, y1, x2, y2] = [from.x + node.width / 2, from.y + node.height, to.x + node.width / 2, to.y];
          const bend = Math.max(10, (y2 - y1) / 2);
          return <path key={`${e.from}/${e.to}`} d={`M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`} fill="none" stroke="var(--line-strong)" strokeWidth={1.25} />;
        })}
        {Array.from(graph.nodes.values(), (n) => (
          <Node key={n.name} at={n} standing={standing?.get(n.name)} />
        ))}
      </svg>
    </ScrollX>
  );
}

function Node({ at: n, standing: s }: { at: Placed; standing: Standing | undefined }) {
  const colour = s === undefined ? undefined : colours[s.tone];
  return (
    <g>
      <rect x={n.x} y={n.y} width={node.width} height={node.height} rx={5} fill={colour?.fill ?? "var(--surface)"} stroke={colour?.line ?? "var(--line-strong)"} strokeWidth={s === undefined ? 1 : 1.5} strokeDasharray={s?.tone === "neutral" ? "4 3" : undefined} />
      <text x={n.x + node.width / 2} y={n.y + (s === undefined ? 20 : 14)} textAnchor="middle" fontSize={11} fill="var(--ink)">
        {n.name.length > 15 ? `${n.name.slice(0, 14)}…` : n.name}
        <title>{n.name}</title>
      </text>
      {s !== undefined && (
        <text x={n.x + node.width / 2} y={n.y + 26} textAnchor="middle" fontSize={10} fontWeight={600} fill={s.tone === "neutral" ? "var(--ink-2)" : colour?.line}>
          {s.text}
        </text>
      )}
    </g>
  );
}

/** One row per longest distance from a service that nobody calls. A cycle's edge back is not followed. */
export function layers(edges: readonly Edge[]): string[][] {
  const calls = new Map<string, string[]>();
  const called = new Set<string>();
  for (const { from, to } of edges) {
    calls.set(from, [...(calls.get(from) ?? []), to]);
    if (!calls.has(to)) calls.set(to, []);
    called.add(to);
  }
  const depth = new Map<string, number>();
  const visit = (name: string, at: number, path: Set<string>) => {
    if (path.has(name) || (depth.get(name) ?? -1) >= at) return;
    depth.set(name, at);
    const onward = new Set(path).add(name);
    for (const next of calls.get(name) ?? []) visit(next, at + 1, onward);
  };
  for (const name of calls.keys()) if (!called.has(name)) visit(name, 0, new Set());
  for (const name of calls.keys()) if (!depth.has(name)) visit(name, 0, new Set());
  const rows: string[][] = [];
  for (const [name, at] of depth) (rows[at] ??= []).push(name);
  return rows.filter((row) => row !== undefined);
}

function place(edges: readonly Edge[]): { nodes: Map<string, Placed>; width: number; height: number } {
  const rows = layers(edges);
  const widest = Math.max(0, ...rows.map((r) => r.length));
  const rowWidth = (n: number) => n * node.width + Math.max(0, n - 1) * node.gapX;
  const width = rowWidth(widest);
  const nodes = new Map<string, Placed>();
  for (const [i, row] of rows.entries()) {
    const left = (width - rowWidth(row.length)) / 2;
    for (const [j, name] of row.entries()) nodes.set(name, { name, x: left + j * (node.width + node.gapX), y: i * (node.height + node.gapY) });
  }
  return { nodes, width, height: Math.max(0, rows.length * (node.height + node.gapY) - node.gapY) };
}
