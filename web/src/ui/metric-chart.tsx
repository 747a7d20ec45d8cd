/**
 * One measure, large: its line, what was normal for it, where it left that, what is
 * forecast with its interval and limit, and what happened along it. Values are read with the pointer
 * or the arrow keys; the same is there as a table.
 */
import { clsx } from "clsx";
import { useState, type KeyboardEvent, type PointerEvent } from "react";

import type { Anomaly, ForecastPoint, Point } from "../protocol/generated";
import { clockTime, measure } from "./format";
import { isTooFar } from "./scale";
import { from as comesFrom } from "./source";
import { useSource } from "./sources";

export interface ChartMark {
  at: number;
  letter: string;
  text: string;
  tone: "warn" | "accent" | "good" | "bad";
  source: string;
}

interface Props {
  label: string;
  unit: string | undefined;
  points: readonly Point[];
  /** Where they are, in what the provider above names. */
  pointer: string;
  /** What was measured of it after an action, and the source of each. */
  after: readonly Point[];
  afterSources: readonly string[];
  /** How it left what was normal. */
  anomaly: Anomaly | undefined;
  forecast: readonly ForecastPoint[];
  limit: number | undefined;
  marks: readonly ChartMark[];
}

const width = 640;
const height = 160;
const inset = 6;

/** How long before the first point something may have happened and still be drawn. */
const lead = 0.25;

const lineColours: Record<ChartMark["tone"], string> = { warn: "var(--warn)", accent: "var(--accent)", good: "var(--good)", bad: "var(--bad)" };
const letterColours: Record<ChartMark["tone"], string> = { warn: "bg-warn-soft text-warn", accent: "bg-accent-soft text-accent", good: "bg-good-soft text-good", bad: "bg-bad-soft text-bad" };

export function MetricChart({ label, unit, points, pointer, after, afterSources, anomaly, forecast, limit, marks }: Props) {
  const source = useSource();
  const [read, setRead] = useState<number>();
  const ahead = forecast.map(({ at, low, value, high }) => ({ at: Date.parse(at), low, value, high }));
  const tooFar = isTooFar(limit, [...[...points, ...after].map(([, v]) => v), ...ahead.map((f) => f.high)]);
  const away = anomaly === undefined ? undefined : outside(points, anomaly);
  const plot = layOut([...points, ...after], ahead, tooFar ? undefined : limit, marks);
  if (plot === undefined) return null;
  const { x, y, start, end } = plot;
  const line = (all: readonly (readonly [number, number])[]) => all.map(([at, v], i) => `${i === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  const band = `${line(ahead.map((f) => [f.at, f.high]))}${line(ahead.toReversed().map((f) => [f.at, f.low])).replace("M", "L")}Z`;
  const measured = [
    ...points.map(([at, value], i) => ({ at, said: measure(value, unit), source: source(`${pointer}/points/${i}`) })),
    ...after.map(([at, value], i) => ({ at, said: measure(value, unit), source: comesFrom(afterSources[i] ?? "") })),
  ];
  const values = [...measured, ...ahead.map((f, i) => ({ at: f.at, said: `expected ${measure(f.value, unit)}, between ${measure(f.low, unit)} and ${measure(f.high, unit)}`, source: source(`/prediction/forecast/${i}`) }))];
  const at = read === undefined ? undefined : values[Math.min(read, values.length - 1)];
  const last = measured.at(-1);
  const final = values.reduce((a, b) => (b.at > a.at ? b : a), values[0] ?? { at: end, source: {} });
  const told = at ?? last;
  const said = told === undefined ? "no data" : `${at === undefined ? "last " : ""}${told.said} at ${clockTime(told.at)}`;
  const follow = (e: PointerEvent<HTMLElement>) => {
    const box = e.currentTarget.getBoundingClientRect();
    setRead(nearest(values, start + ((e.clientX - box.left) / Math.max(1, box.width)) * (end - start)));
  };
  const keys = (e: KeyboardEvent) => {
    const now = read ?? points.length - 1;
    const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: values.length - 1, PageDown: now - 10, PageUp: now + 10 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    setRead(Math.min(values.length - 1, Math.max(0, to)));
  };
  const late = marks.filter((m) => m.at > end);
  const shown = marks.filter((m) => m.at >= start && m.at <= end);
  return (
    <figure className="min-w-0 space-y-1" data-testid="metric-chart">
      <figcaption className="flex flex-wrap items-baseline justify-between gap-x-3">
        <span className="text-xs font-medium">{label}</span>
        <span {...told?.source} className="tabular text-2xs text-ink-2">{said}</span>
      </figcaption>
      <div
        {...told?.source}
        role="slider"
        tabIndex={0}
        aria-label={`Values of ${label}`}
        aria-valuemin={0}
        aria-valuemax={values.length - 1}
        aria-valuenow={read ?? points.length - 1}
        aria-valuetext={said}
        onPointerMove={follow}
        onPointerLeave={() => setRead(undefined)}
        onBlur={() => setRead(undefined)}
        onKeyDown={keys}
        className="relative rounded bg-sunken"
      >
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden className="block h-36 w-full">
          {anomaly !== undefined && <rect x={0} width={width} y={y(anomaly.high)} height={Math.max(1, y(anomaly.low) - y(anomaly.high))} fill="var(--good)" opacity={0.12} />}
          {away !== undefined && <rect x={x(away.from)} width={Math.max(2, x(away.to) - x(away.from))} y={0} height={height} fill="var(--bad)" opacity={0.09} />}
          {limit !== undefined && !tooFar && <line x1={0} x2={width} y1={y(limit)} y2={y(limit)} stroke="var(--bad)" strokeDasharray="6 4" vectorEffect="non-scaling-stroke" />}
          {ahead.length > 0 && <path d={band} fill="var(--warn)" opacity={0.2} />}
          {shown.map((m) => (
            <line key={`${m.letter}${m.at}`} x1={x(m.at)} x2={x(m.at)} y1={0} y2={height} stroke={lineColours[m.tone]} strokeDasharray={m.tone === "warn" ? "3 2" : undefined} vectorEffect="non-scaling-stroke" />
          ))}
          <path d={line(points)} fill="none" stroke="var(--accent)" strokeWidth={1.75} strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
          {after.length > 0 && <path d={line(after)} fill="none" stroke="var(--good)" strokeWidth={1.75} strokeLinejoin="round" vectorEffect="non-scaling-stroke" />}
          {after.map(([time, value]) => (
            <line key={time} x1={x(time)} x2={x(time)} y1={y(value)} y2={y(value)} stroke="var(--good)" strokeWidth={6} strokeLinecap="round" vectorEffect="non-scaling-stroke" />
          ))}
          {ahead.length > 0 && <path d={line(ahead.map((f) => [f.at, f.value]))} fill="none" stroke="var(--warn)" strokeWidth={1.75} strokeDasharray="5 3" vectorEffect="non-scaling-stroke" />}
          {at !== undefined && <line x1={x(at.at)} x2={x(at.at)} y1={0} y2={height} stroke="var(--ink-3)" vectorEffect="non-scaling-stroke" />}
        </svg>
        {shown.map((m) => (
          <span key={`${m.letter}${m.at}`} aria-hidden className={clsx("absolute top-0.5 grid h-3.5 min-w-3.5 -translate-x-1/2 place-items-center rounded-sm text-[9px] leading-none font-semibold", letterColours[m.tone])} style={{ left: `${(x(m.at) / width) * 100}%` }}>
            {m.letter}
          </span>
        ))}
        {late.length > 0 && (
          <span aria-hidden title="After what is drawn here" className="absolute top-0.5 right-0.5 rounded-sm bg-hover px-1 text-[9px] leading-3.5 font-semibold text-ink-2">
            {late.map((m) => m.letter).join(" ")} →
          </span>
        )}
      </div>
      <p className="tabular flex justify-between text-2xs text-ink-3">
        <span {...values[0]?.source}>{clockTime(values[0]?.at ?? start)}</span>
        <span {...final.source}>{clockTime(final.at)}</span>
      </p>
      <ul className="flex flex-wrap gap-x-3 gap-y-0.5 text-2xs text-ink-2">
        {anomaly !== undefined && (
          <li {...source(`${pointer}/anomaly`)}>
            normal: {measure(anomaly.low, unit)} to {measure(anomaly.high, unit)}
          </li>
        )}
        {anomaly !== undefined && (
          <li {...source(`${pointer}/anomaly`)} className="text-bad">
            went to {measure(anomaly.level, unit)} from {clockTime(Date.parse(anomaly.onset))} on{anomaly.over === true && "; is back"}
          </li>
        )}
        {ahead.length > 0 && <li className="text-warn">dashed: expected, with its interval</li>}
        {after.length > 0 && <li className="text-good">green, dotted: measured after the action</li>}
        {limit !== undefined && <li {...source("/prediction/limit")} className="text-bad">limit {measure(limit, unit)}{tooFar && ", far above"}</li>}
      </ul>
      <details className="text-2xs">
        <summary className="text-ink-3">As a table</summary>
        <table className="tabular mt-1 w-full max-w-md">
          <thead className="text-left text-ink-3">
            <tr>
              <th scope="col" className="font-normal">
                Time
              </th>
              <th scope="col" className="font-normal">
                {label}
              </th>
            </tr>
          </thead>
          <tbody>
            {values.map((v) => (
              <tr key={`${v.at}${v.said}`} {...v.source}>
                <td className="pr-4">{clockTime(v.at)}</td>
                <td>{v.said}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** The letters of the marks in words, once for all charts below one another. */
export function MarkLegend({ marks }: { marks: readonly ChartMark[] }) {
  if (marks.length === 0) return null;
  return (
    <ol className="flex flex-wrap gap-x-4 gap-y-1 text-2xs text-ink-2" aria-label="What is marked in the charts">
      {marks.map((m) => (
        <li key={`${m.letter}${m.at}`} className="flex items-center gap-1.5" {...comesFrom(m.source)}>
          <span className={clsx("grid h-3.5 min-w-3.5 place-items-center rounded-sm text-[9px] font-semibold", letterColours[m.tone])}>{m.letter}</span>
          <span>
            {m.text} <span className="tabular text-ink-3">{clockTime(m.at)}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}

/** The time in which it was not normal. */
function outside(points: readonly Point[], { onset, low, high }: Anomaly): { from: number; to: number } {
  const from = Date.parse(onset);
  const last = points.findLast(([at, value]) => at >= from && (value < low || value > high));
  return { from, to: last?.[0] ?? from };
}

interface Ahead {
  at: number;
  low: number;
  high: number;
}

function layOut(points: readonly Point[], ahead: readonly Ahead[], limit: number | undefined, marks: readonly ChartMark[]) {
  const times = [...points.map(([at]) => at), ...ahead.map((f) => f.at)];
  if (times.length === 0) return undefined;
  const [first, final] = [Math.min(...times), Math.max(...times)];
  const room = (final - first) * lead;
  // What happened just outside of what was measured belongs on the chart; what happened long after does not squeeze it.
  const near = marks.map((m) => m.at).filter((at) => at >= first - room && at <= final + 2 * room);
  const [start, end] = [Math.min(first, ...near), Math.max(final, ...near)];
  const values = [...points.map(([, v]) => v), ...ahead.flatMap((f) => [f.low, f.high]), ...(limit === undefined ? [] : [limit])];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(high - low, Math.abs(high) * 0.1, Number.EPSILON);
  const x = (at: number) => inset + ((at - start) / Math.max(1, end - start)) * (width - 2 * inset);
  const y = (v: number) => height - inset - ((v - low) / span) * (height - 2 * inset - 14);
  return { x, y, start, end };
}

function nearest(values: readonly { at: number }[], at: number): number {
  let best = 0;
  for (const [i, v] of values.entries()) if (Math.abs(v.at - at) < Math.abs((values[best]?.at ?? 0) - at)) best = i;
  return best;
}
