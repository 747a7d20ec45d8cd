/** A measure, and behind a line for now where it is expected, with its interval. */
import { useId } from "react";

import type { ForecastPoint, Point } from "../protocol/generated";
import { clockTime, measure } from "./format";
import { isTooFar } from "./scale";
import { useSource } from "./sources";

interface Props {
  measured: readonly Point[];
  /** Where they are, and the prediction, in what the provider above names. */
  measuredAt?: string | undefined;
  pointer: string;
  forecast: readonly ForecastPoint[];
  limit: number | undefined;
  /** When the limit is reached, in ms. */
  breachAt: number | undefined;
  unit: string | undefined;
  label: string;
}

const width = 320;
const height = 110;
const inset = 4;

export function ForecastChart({ measured, measuredAt = "", pointer, forecast, limit, breachAt, unit, label }: Props) {
  const source = useSource();
  const titleId = useId();
  const tooFar = isTooFar(limit, [...measured.map(([, v]) => v), ...forecast.map((f) => f.high)]);
  const plot = layOut(measured, forecast, tooFar ? undefined : limit);
  if (plot === undefined) return null;
  const { x, y, from, to } = plot;
  const ahead = forecast.map((f) => ({ at: Date.parse(f.at), ...pick(f) }));
  const last = ahead.at(-1);
  const line = (points: readonly (readonly [number, number])[]) => points.map(([at, v], i) => `${i === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  const band = `${line(ahead.map((f) => [f.at, f.high]))}${line(ahead.toReversed().map((f) => [f.at, f.low])).replace("M", "L")}Z`;
  const said = last === undefined ? label : `${label}: expected ${measure(last.value, unit)} at ${clockTime(last.at)}, between ${measure(last.low, unit)} and ${measure(last.high, unit)}`;
  return (
    <figure className="min-w-0">
      <svg {...source(`${pointer}/forecast/${ahead.length - 1}`)} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={titleId} className="h-28 w-full rounded bg-sunken">
        <title id={titleId}>{said}</title>
        {limit !== undefined && !tooFar && <line x1={0} x2={width} y1={y(limit)} y2={y(limit)} stroke="var(--bad)" strokeWidth={1} strokeDasharray="4 3" vectorEffect="non-scaling-stroke" />}
        {breachAt !== undefined && breachAt >= from && breachAt <= to && <line x1={x(breachAt)} x2={x(breachAt)} y1={0} y2={height} stroke="var(--bad)" strokeWidth={1} vectorEffect="non-scaling-stroke" />}
        <path d={band} fill="var(--warn)" opacity={0.18} />
        <path d={line(measured)} fill="none" stroke="var(--accent)" strokeWidth={1.5} strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
        <path d={line(ahead.map((f) => [f.at, f.value]))} fill="none" stroke="var(--warn)" strokeWidth={1.5} strokeDasharray="5 3" vectorEffect="non-scaling-stroke" />
      </svg>
      <figcaption className="tabular text-2xs text-ink-3">
        <span className="flex justify-between gap-3">
          <span {...source(measured.length > 0 ? `${measuredAt}/0` : `${pointer}/forecast/0/at`)}>{clockTime(from)}</span>
          <span {...source(`${pointer}/forecast/${ahead.length - 1}/at`)}>{clockTime(to)}</span>
        </span>
        <span className="text-accent">measured</span>, <span className="text-warn">expected with its interval</span>
        {limit !== undefined && <span {...source(`${pointer}/limit`)} className="text-bad">, limit {measure(limit, unit)}{tooFar && ", far above"}</span>}
      </figcaption>
    </figure>
  );
}

function pick({ low, value, high }: ForecastPoint) {
  return { low, value, high };
}

function layOut(measured: readonly Point[], forecast: readonly ForecastPoint[], limit: number | undefined) {
  const times = [...measured.map(([at]) => at), ...forecast.map((f) => Date.parse(f.at))];
  if (times.length === 0) return undefined;
  const values = [...measured.map(([, v]) => v), ...forecast.flatMap((f) => [f.low, f.high]), ...(limit === undefined ? [] : [limit])];
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(high - low, Math.abs(high) * 0.1, Number.EPSILON);
  const x = (at: number) => inset + ((at - from) / Math.max(1, to - from)) * (width - 2 * inset);
  const y = (v: number) => height - inset - ((v - low) / span) * (height - 2 * inset);
  return { x, y, from, to };
}
