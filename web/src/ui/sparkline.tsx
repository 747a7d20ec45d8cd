/**
 * A series as a small line: the measure around the start of the incident. Drawn as SVG, because each
 * evidence has at most a few hundred points and never changes once it is there.
 */
import { useId, useState, type PointerEvent } from "react";

import type { Point } from "../protocol/generated";
import { clockTime, measure } from "./format";
import { useSource } from "./sources";

interface Props {
  points: readonly Point[];
  unit: string;
  label: string;
  /** Marked by a line: when the trouble began. */
  mark?: number;
}

const width = 240;
const height = 56;
const inset = 3;

/** What the provider above names are the points. */
export function Sparkline({ points, unit, label, mark }: Props) {
  const at = useSource();
  const titleId = useId();
  const [hovered, setHovered] = useState<number>();
  const plot = layOut(points);
  if (plot === undefined) return <p className="py-4 text-center text-2xs text-ink-3">no data</p>;
  const { xs, ys, from, to, low, high } = plot;
  const x = (ms: number) => inset + ((ms - from) / Math.max(1, to - from)) * (width - 2 * inset);
  const path = xs.map((px, i) => `${i === 0 ? "M" : "L"}${px.toFixed(1)} ${(ys[i] ?? 0).toFixed(1)}`).join("");
  const last = points.at(-1)?.[1] ?? 0;
  const [lowest, highest] = [low, high].map((value) => `/${points.findIndex((p) => p[1] === value)}`) as [string, string];
  const hoveredPoint = hovered === undefined ? undefined : points[hovered];
  const move = (e: PointerEvent<SVGSVGElement>) => {
    const box = e.currentTarget.getBoundingClientRect();
    setHovered(nearest(xs, ((e.clientX - box.left) / Math.max(1, box.width)) * width));
  };
  return (
    <figure className="min-w-0">
      <figcaption className="flex items-baseline justify-between gap-2">
        <span className="truncate text-2xs text-ink-2">{label}</span>
        <span {...at(`/${hovered ?? points.length - 1}`)} className="tabular text-2xs text-ink">
          {hoveredPoint === undefined ? measure(last, unit) : `${measure(hoveredPoint[1], unit)} at ${clockTime(hoveredPoint[0])}`}
        </span>
      </figcaption>
      <svg
        {...at([lowest, highest, `/${points.length - 1}`])}
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-labelledby={titleId}
        className="h-14 w-full rounded bg-sunken"
        onPointerMove={move}
        onPointerLeave={() => setHovered(undefined)}
      >
        <title id={titleId}>{`${label}: from ${measure(low, unit)} to ${measure(high, unit)}, last ${measure(last, unit)}`}</title>
        {mark !== undefined && mark >= from && mark <= to && (
          <>
            <rect x={x(mark)} y={0} width={width - x(mark)} height={height} fill="var(--warn)" opacity={0.07} />
            <line x1={x(mark)} x2={x(mark)} y1={0} y2={height} stroke="var(--warn)" strokeWidth={1} strokeDasharray="3 2" vectorEffect="non-scaling-stroke" />
          </>
        )}
        <path d={`${path}L${(xs.at(-1) ?? 0).toFixed(1)} ${height}L${(xs[0] ?? 0).toFixed(1)} ${height}Z`} fill="var(--accent)" opacity={0.1} />
        <path d={path} fill="none" stroke="var(--accent)" strokeWidth={1.5} strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
        {hovered !== undefined && (
          <line x1={xs[hovered]} x2={xs[hovered]} y1={0} y2={height} stroke="var(--ink-3)" strokeWidth={1} vectorEffect="non-scaling-stroke" />
        )}
      </svg>
      <p {...at([lowest, highest])} className="tabular truncate text-2xs text-ink-3">
        {measure(low, unit)} to {measure(high, unit)}
      </p>
    </figure>
  );
}

function layOut(points: readonly Point[]) {
  const times = points.map(([at]) => at);
  const values = points.map(([, value]) => value);
  const [from, to] = [times[0], times.at(-1)];
  if (from === undefined || to === undefined) return undefined;
  const low = Math.min(...values);
  const high = Math.max(...values);
  // A flat line lies in the middle; small ripples of a steady series are not blown up to its full height.
  const span = Math.max(high - low, Math.abs(high) * 0.25, Number.EPSILON);
  const floor = (high + low) / 2 - span / 2;
  const xs = times.map((t) => inset + ((t - from) / Math.max(1, to - from)) * (width - 2 * inset));
  const ys = values.map((v) => height - inset - ((v - floor) / span) * (height - 2 * inset));
  return { xs, ys, from, to, low, high };
}

function nearest(xs: readonly number[], x: number): number {
  let best = 0;
  for (const [i, px] of xs.entries()) if (Math.abs(px - x) < Math.abs((xs[best] ?? 0) - x)) best = i;
  return best;
}
