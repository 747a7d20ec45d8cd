/** How sure everybody was, over the replay's time: waits that it shortens are short here too, and marked. */
import { clsx } from "clsx";

import { Moment } from "../../ui/now";
import { capital } from "../../ui/words";
import type { ConfidenceSeries } from "./confidence";
import { bandsOf } from "./marks";
import { usePlace, useSource, useSubject } from "./subject";

export interface Look {
  colour: string;
  dash: string | undefined;
}

const colours = ["var(--accent)", "var(--high)", "var(--low)", "var(--critical)", "var(--good)", "var(--medium)", "var(--ink-2)"];
const dashes = [undefined, "6 3", "2 3", "8 3 2 3"];

/** Lines differ in their colour, and in how they are drawn. */
export function lookOf(place: number): Look {
  return { colour: colours[place % colours.length] ?? "var(--ink)", dash: dashes[place % dashes.length] };
}

interface Props {
  series: readonly (ConfidenceSeries & { look: Look })[];
  /** The move that is looked at: series and event. */
  selected: string | undefined;
  onSelect: (key: string | undefined) => void;
}

export function moveKey(series: string, index: number): string {
  return `${series}@${index}`;
}

export function ConfidenceChart({ series, selected, onSelect }: Props) {
  const { recording, open } = useSubject();
  const { index } = usePlace();
  const source = useSource();
  const { pace } = recording;
  const total = Math.max(1, pace.total);
  const x = (i: number) => ((pace.at[i] ?? 0) / total) * 100;
  const [first, last] = [recording.events[0]?.event, recording.events[recording.last]?.event];
  return (
    <figure className="min-w-0" aria-label="Confidence over time">
      <div className="flex">
        <div aria-hidden className="flex w-14 shrink-0 flex-col justify-between py-1 pr-2 text-right text-2xs text-ink-3">
          <span>certain</span>
          <span>even</span>
          <span>no idea</span>
        </div>
        <div className="relative h-72 min-w-0 flex-1 rounded-md border border-line bg-sunken" data-testid="confidence-chart">
          <div className="absolute inset-x-3 inset-y-2">
            <svg aria-hidden className="absolute inset-0 h-full w-full overflow-visible" viewBox="0 0 100 100" preserveAspectRatio="none">
              {bandsOf(recording).map((b) => (
                <rect key={`${b.phase}/${b.from}`} x={(b.from / total) * 100} y={0} width={((b.to - b.from) / total) * 100} height={100} fill="var(--hover)" opacity={b.odd ? 0 : 0.7}>
                  <title>{capital(b.phase)}</title>
                </rect>
              ))}
              <line x1={0} x2={100} y1={50} y2={50} stroke="var(--line-strong)" strokeDasharray="3 4" vectorEffect="non-scaling-stroke" />
              {recording.events.map((d, i) => pace.isShortened(i) && <line key={d.event.id} x1={(x(i - 1) + x(i)) / 2} x2={(x(i - 1) + x(i)) / 2} y1={94} y2={100} stroke="var(--ink-3)" strokeWidth={3} strokeDasharray="1 2" vectorEffect="non-scaling-stroke" />)}
              {series.map((s) => (
                <path key={s.key} d={stepped(s, x, x(index))} fill="none" stroke={s.look.colour} strokeWidth={2} strokeDasharray={s.look.dash} vectorEffect="non-scaling-stroke" />
              ))}
              <line x1={x(index)} x2={x(index)} y1={0} y2={100} stroke="var(--accent)" strokeWidth={1} vectorEffect="non-scaling-stroke" />
            </svg>
            {series.flatMap((s) =>
              s.moves.map((m) => {
                const key = moveKey(s.key, m.index);
                return (
                  <button
                    key={key}
                    type="button"
                    onClick={() => open(m.index)}
                    onPointerEnter={() => onSelect(key)}
                    onPointerLeave={() => onSelect(undefined)}
                    onFocus={() => onSelect(key)}
                    onBlur={() => onSelect(undefined)}
                    aria-label={`${s.label}: ${m.cause ?? "moved"}`}
                    {...source(recording.events[m.index]?.event.id ?? "", "/data")}
                    className="absolute grid size-5 -translate-x-1/2 -translate-y-1/2 place-items-center rounded-full"
                    style={{ left: `${x(m.index)}%`, top: `${y(m.value)}%` }}
                  >
                    <span className={clsx("block rounded-full border-2 bg-surface", key === selected ? "size-3.5" : "size-2.5")} style={{ borderColor: s.look.colour, background: s.kind === "self" ? undefined : s.look.colour }} />
                  </button>
                );
              }),
            )}
          </div>
        </div>
      </div>
      {first !== undefined && last !== undefined && (
        <figcaption className="tabular mt-1 flex justify-between gap-3 pl-14 text-2xs text-ink-3">
          <span {...source(first.id, "/at")}>
            <Moment at={first.at} />
          </span>
          <span>Long waits are shortened, where marked at the foot</span>
          <span {...source(last.id, "/at")}>
            <Moment at={last.at} />
          </span>
        </figcaption>
      )}
    </figure>
  );
}

function y(value: number): number {
  return (1 - Math.min(1, Math.max(0, value))) * 100;
}

/** A confidence holds until it moves. */
function stepped(s: ConfidenceSeries, x: (i: number) => number, end: number): string {
  let path = "";
  for (const m of s.moves) path += path === "" ? `M${x(m.index)} ${y(m.value)}` : `H${x(m.index)}V${y(m.value)}`;
  return path === "" ? "" : `${path}H${Math.max(end, x(s.moves.at(-1)?.index ?? 0))}`;
}
