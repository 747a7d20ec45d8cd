/** From the low to the high end of a figure on a scale, with its middle marked. */
import type { SourceProps } from "./source";

interface Props {
  low: number;
  high: number;
  middle: number | undefined;
  min: number;
  max: number;
  label: string;
  /** Where the interval is, as its label says it. */
  source: SourceProps;
}

const width = 200;

export function IntervalBar({ low, high, middle, min, max, label, source }: Props) {
  const x = (value: number) => 3 + (Math.min(1, Math.max(0, (value - min) / Math.max(Number.EPSILON, max - min)))) * (width - 6);
  return (
    <svg viewBox={`0 0 ${width} 10`} preserveAspectRatio="none" role="img" aria-label={label} {...source} className="h-2.5 w-full">
      <line x1={3} x2={width - 3} y1={5} y2={5} stroke="var(--line-strong)" strokeWidth={1} vectorEffect="non-scaling-stroke" />
      {min < 0 && <line x1={x(0)} x2={x(0)} y1={0} y2={10} stroke="var(--ink-3)" strokeWidth={1} vectorEffect="non-scaling-stroke" />}
      <line x1={x(low)} x2={x(high)} y1={5} y2={5} stroke="var(--accent)" strokeWidth={4} strokeLinecap="round" opacity={0.45} vectorEffect="non-scaling-stroke" />
      {middle !== undefined && <line x1={x(middle)} x2={x(middle)} y1={5} y2={5.001} stroke="var(--accent)" strokeWidth={9} strokeLinecap="round" vectorEffect="non-scaling-stroke" />}
    </svg>
  );
}
