/** Incidents bucket by bucket: how many opened, how many of them are resolved, how long that took. */
import { clsx } from "clsx";
import { useId, type ReactNode } from "react";

import { type Bucket, type Span, analyticsPaths, buckets, readSeries } from "../../feed/analytics";
import type { BusinessBucket, BusinessSeries } from "../../protocol/generated";
import { Choices } from "../../ui/choices";
import { count, noData } from "../../ui/format";
import { money } from "../../ui/money";
import { Empty, Panel, ScrollX, Skeleton } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { capital } from "../../ui/words";
import { utcDay } from "./days";
import { useAnswer } from "./figures";
import { seconds } from "./headline";

export function OverTime({ span, bucket, onBucket }: { span: Span; bucket: Bucket; onBucket: (bucket: Bucket) => void }) {
  const path = analyticsPaths.series(span, bucket);
  const answer = useAnswer(path, readSeries);
  const choices = <Choices label="Bucket" options={buckets.map((b) => ({ value: b, text: `By ${b}` }))} value={bucket} onChange={onBucket} className="print:hidden" />;
  return (
    <Panel title="Incidents over time" className="break-inside-avoid" aside={choices}>
      <div className="p-3.5">
        {answer.data !== undefined ? <Charts series={answer.data} path={path} /> : answer.isError ? <p className="text-xs text-bad">{answer.error.message}</p> : <Skeleton className="h-56" />}
      </div>
    </Panel>
  );
}

function Charts({ series, path }: { series: BusinessSeries; path: string }) {
  const points = series.points ?? [];
  if (points.every((p) => p.opened === 0)) return <Empty>No incident opened in this range.</Empty>;
  return (
    <>
      <Counts points={points} path={path} />
      <Times points={points} path={path} />
      <Ends points={points} path={path} />
      <details className="mt-3 text-xs print:hidden">
        <summary className="text-ink-2">The same as a table</summary>
        <Table series={series} path={path} />
      </details>
    </>
  );
}

/** Each bucket is this wide, in the picture's own units. */
const step = 10;
const height = 100;

function Counts({ points, path }: { points: readonly BusinessBucket[]; path: string }) {
  const titleId = useId();
  const [top, index] = highest(points, (p) => p.opened);
  const y = (n: number) => height - (n / Math.max(1, top)) * (height - 2);
  return (
    <figure>
      <figcaption className="mb-1 flex flex-wrap items-baseline justify-between gap-x-4 text-2xs text-ink-2">
        <span>
          Opened, at most <span {...from(querySource(path, `/points/${index}/opened`))} className="tabular font-semibold text-ink">{count(top)}</span>
        </span>
        <Legend entries={[["bg-accent", "resolved"], ["border border-ink-3 bg-hover", "not resolved"]]} />
      </figcaption>
      <svg viewBox={`0 0 ${points.length * step} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={titleId} className="h-28 w-full print:h-16 border-b border-line-strong" {...from(querySource(path, "/points"))}>
        <title id={titleId}>How many incidents opened, and how many of them were resolved</title>
        {points.map((p, i) => (
          <g key={p.from}>
            {p.opened > 0 && <rect x={i * step + 1.5} width={step - 3} y={y(p.opened)} height={height - y(p.opened)} fill="var(--hover)" stroke="var(--ink-3)" strokeWidth={1} vectorEffect="non-scaling-stroke" />}
            {p.resolved > 0 && <rect x={i * step + 1.5} width={step - 3} y={y(p.resolved)} height={height - y(p.resolved)} fill="var(--accent)" />}
          </g>
        ))}
      </svg>
    </figure>
  );
}

function Times({ points, path }: { points: readonly BusinessBucket[]; path: string }) {
  const titleId = useId();
  const [top, index] = highest(points, (p) => p.mttr_seconds.high ?? 0);
  if (top === 0) return <p className="mt-3 text-2xs text-ink-3">None of them was resolved: there is no time to show.</p>;
  const y = (s: number) => height - 4 - (s / top) * (height - 10);
  return (
    <figure className="mt-4">
      <figcaption className="mb-1 flex flex-wrap items-baseline justify-between gap-x-4 text-2xs text-ink-2">
        <span>
          Time to resolve, up to <span {...from(querySource(path, `/points/${index}/mttr_seconds/high`))} className="tabular font-semibold text-ink">{seconds(top)}</span>
        </span>
        <Legend entries={[["bg-accent opacity-45", "range or interval"], ["bg-accent rounded-full!", "middle"]]} />
      </figcaption>
      <svg viewBox={`0 0 ${points.length * step} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={titleId} className="h-24 w-full print:h-14 border-b border-line-strong" {...from(querySource(path, "/points"))}>
        <title id={titleId}>How long it took to resolve the incidents of each bucket: their range, or the interval of the mean</title>
        {points.map(({ from: at, mttr_seconds: e }, i) => {
          const x = i * step + step / 2;
          const middle = e.mean ?? e.median;
          if (e.low === undefined || e.high === undefined) return null;
          return (
            <g key={at} stroke="var(--accent)" strokeLinecap="round">
              <line x1={x} x2={x} y1={y(e.low)} y2={y(e.high)} strokeWidth={3} opacity={0.45} vectorEffect="non-scaling-stroke" />
              {middle !== undefined && <line x1={x} x2={x} y1={y(middle)} y2={y(middle) + 0.001} strokeWidth={7} vectorEffect="non-scaling-stroke" />}
            </g>
          );
        })}
      </svg>
    </figure>
  );
}

/** The first day and the last. */
function Ends({ points, path }: { points: readonly BusinessBucket[]; path: string }) {
  return (
    <p className="tabular mt-1 flex justify-between text-2xs text-ink-3">
      <span {...from(querySource(path, "/points/0/from"))}>{utcDay(points[0]?.from)}</span>
      {points.length > 1 && <span {...from(querySource(path, `/points/${points.length - 1}/from`))}>{utcDay(points.at(-1)?.from)}</span>}
    </p>
  );
}

function Legend({ entries }: { entries: readonly (readonly [colour: string, text: string])[] }) {
  return (
    <span className="flex gap-3">
      {entries.map(([colour, text]) => (
        <span key={text} className="inline-flex items-center gap-1">
          <span aria-hidden className={clsx("size-2 rounded-xs", colour)} />
          {text}
        </span>
      ))}
    </span>
  );
}

function Table({ series, path }: { series: BusinessSeries; path: string }) {
  const { currency } = series;
  const heads = [capital(series.bucket), "Opened", "Resolved", "Remediated", "Time to resolve", ...(currency === undefined ? [] : ["Downtime", "Saved"])];
  const sum = (micros: number | undefined): ReactNode => (micros === undefined || currency === undefined ? noData : money(micros, currency));
  return (
    <ScrollX label="Incidents over time, as a table" className="mt-2">
      <table className="tabular w-full text-right whitespace-nowrap">
        <thead className="text-2xs text-ink-3">
          <tr>
            {heads.map((h, i) => (
              <th key={h} scope="col" className={clsx("px-2 py-1 font-medium", i === 0 && "text-left")}>
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(series.points ?? []).map((p, i) => (
            <tr key={p.from} className="border-t border-line" {...from(querySource(path, `/points/${i}`))}>
              <th scope="row" className="px-2 py-1 text-left font-normal">{utcDay(p.from)}</th>
              <td className="px-2 py-1">{count(p.opened)}</td>
              <td className="px-2 py-1">{count(p.resolved)}</td>
              <td className="px-2 py-1">{count(p.remediated)}</td>
              <td className="px-2 py-1">{p.mttr_seconds.low === undefined || p.mttr_seconds.high === undefined ? noData : p.mttr_seconds.low === p.mttr_seconds.high ? seconds(p.mttr_seconds.low) : `${seconds(p.mttr_seconds.low)} to ${seconds(p.mttr_seconds.high)}`}</td>
              {currency !== undefined && (
                <>
                  <td className="px-2 py-1">{sum(p.downtime_micros)}</td>
                  <td className="px-2 py-1">{sum(p.saved_micros)}</td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

function highest(points: readonly BusinessBucket[], value: (p: BusinessBucket) => number): [top: number, index: number] {
  const values = points.map(value);
  const top = Math.max(0, ...values);
  return [top, Math.max(0, values.indexOf(top))];
}
