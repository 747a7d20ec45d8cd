/**
 * Figures made of a sample. A mean is never shown without its interval and how many incidents are
 * behind it; where there are too few, only the smallest and the largest are; where there is none, that.
 */
import { clsx } from "clsx";
import { Minus, TrendingDown, TrendingUp } from "lucide-react";
import type { ReactNode } from "react";

import type { Estimate, Share, Trend } from "../../protocol/generated";
import { count, noData, percent } from "../../ui/format";
import { IntervalBar } from "../../ui/interval-bar";
import { useFigures } from "./figures";

interface Props {
  estimate: Estimate;
  /** To the estimate, in the answer. */
  pointer: string;
  show: (value: number) => string;
}

/** The figure itself: a mean, or how far the values lie apart. */
export function EstimateValue({ estimate: e, pointer, show }: Props) {
  const { at } = useFigures();
  if (e.method === "bca" && e.mean !== undefined) return <span {...at(`${pointer}/mean`)}>{show(e.mean)}</span>;
  if (e.method === "none" || e.low === undefined || e.high === undefined) return <span>{noData}</span>;
  if (e.low === e.high) return <span {...at(`${pointer}/low`)}>{show(e.low)}</span>;
  return (
    <span {...at(pointer)}>
      {show(e.low)} <span className="text-[max(0.6em,0.6875rem)] font-normal text-ink-2">to</span> {show(e.high)}
    </span>
  );
}

/** What the figure rests on, in words. */
export function EstimateGrounds({ estimate: e, pointer, show }: Props) {
  const { at } = useFigures();
  if (e.method === "none") return <p className="text-xs text-ink-3">Nothing was measured in this range.</p>;
  const n = <N n={e.n} pointer={`${pointer}/n`} />;
  if (e.method === "range" || e.low === undefined || e.high === undefined) {
    return (
      <p className="text-xs text-ink-2">
        {e.low === e.high ? "The only value" : "Smallest and largest"} of {n}
        {e.median !== undefined && e.low !== e.high && (
          <>
            , half below <span {...at(`${pointer}/median`)}>{show(e.median)}</span>
          </>
        )}
        . Too few for an average.
      </p>
    );
  }
  return (
    <p className="text-xs text-ink-2">
      On average, of {n}; with{" "}
      <span {...at(pointer)}>
        {e.level === undefined ? "an" : `a ${percent(e.level)}`} interval from {show(e.low)} to {show(e.high)}
      </span>
      .
    </p>
  );
}

export function EstimateBar({ estimate: e, pointer, show, label, max }: Props & { label: string; max?: number }) {
  const { at } = useFigures();
  if (e.low === undefined || e.high === undefined || e.method === "none") return null;
  return <IntervalBar source={at(pointer)} low={e.low} high={e.high} middle={e.mean ?? e.median} min={Math.min(0, e.low)} max={max ?? e.high * 1.15} label={`${label}: from ${show(e.low)} to ${show(e.high)}`} />;
}

/** How often intervals of this kind were right when it was tried. */
export function Coverage({ estimate: e, pointer }: Pick<Props, "estimate" | "pointer">) {
  const { at } = useFigures();
  if (e.coverage === undefined) return null;
  return (
    <p {...at(`${pointer}/coverage`)} className="text-2xs text-ink-3">
      Such intervals held the true mean in {percent(e.coverage)} of simulations at this size.
    </p>
  );
}

export function TrendLine({ trend, pointer, better }: { trend: Trend | undefined; pointer: string; better: "up" | "down" }) {
  const { at } = useFigures();
  if (trend === undefined) return null;
  if (trend.direction === "none") {
    return (
      <p className="flex items-start gap-1 text-xs text-ink-2">
        <Minus aria-hidden className="mt-0.5 size-3.5 shrink-0" />
        No trend: chance alone could have made the difference.
      </p>
    );
  }
  const Icon = trend.direction === "up" ? TrendingUp : TrendingDown;
  return (
    <p {...at(`${pointer}/trend`)} className={clsx("flex items-start gap-1 text-xs", trend.direction === better ? "text-good" : "text-warn")}>
      <Icon aria-hidden className="mt-0.5 size-3.5 shrink-0" />
      <span>
        {signed(trend.change)} in the later half of the incidents ({signed(trend.low)} to {signed(trend.high)})
      </span>
    </p>
  );
}

/** A share with what it is a share of. */
export function ShareFigure({ share, pointer, title, of }: { share: Share; pointer: string; title: ReactNode; of: string }) {
  const { at } = useFigures();
  const whole = share.value !== undefined && share.low !== undefined && share.high !== undefined;
  return (
    <div className="min-w-0 space-y-1.5">
      <h3 className="text-xs text-ink-2">{title}</h3>
      <p className="tabular text-xl font-semibold tracking-tight">
        {share.n === 0 ? (
          noData
        ) : whole ? (
          <span {...at(`${pointer}/value`)}>{percent(share.value ?? 0)}</span>
        ) : (
          <span {...at(pointer)}>
            {count(share.k)} <span className="text-[max(0.6em,0.6875rem)] font-normal text-ink-2">of</span> {count(share.n)}
          </span>
        )}
      </p>
      {whole && <IntervalBar source={at(pointer)} low={share.low ?? 0} high={share.high ?? 1} middle={share.value} min={0} max={1} label={`From ${percent(share.low ?? 0)} to ${percent(share.high ?? 1)}`} />}
      {share.n > 0 && (
        <p className="text-2xs text-ink-3">
          {whole ? (
            <span {...at(pointer)}>
              {count(share.k)} of {count(share.n)} {of}; interval {percent(share.low ?? 0)} to {percent(share.high ?? 1)}
            </span>
          ) : (
            `${of}; too few for a share`
          )}
        </p>
      )}
    </div>
  );
}

function N({ n, pointer }: { n: number; pointer: string }) {
  const { at } = useFigures();
  return (
    <span {...at(pointer)}>
      {count(n)} {n === 1 ? "incident" : "incidents"}
    </span>
  );
}

function signed(share: number): string {
  return `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;
}
