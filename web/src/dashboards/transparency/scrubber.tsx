/** Replays the incident: to an instant by the slider, event by event by its buttons, or by itself. */
import { clsx } from "clsx";
import { ChevronFirst, ChevronLast, Pause, Play, Radio, SkipBack, SkipForward } from "lucide-react";
import type { KeyboardEvent, ReactNode } from "react";

import { buttonClass } from "../../ui/button";
import { duration } from "../../ui/format";
import { Moment } from "../../ui/now";
import { from } from "../../ui/source";
import { capital } from "../../ui/words";
import { bandsOf, markOf } from "./marks";
import { type Player, type Speed, type Standing, speeds } from "./player";
import { usePlace, useSource, useSubject } from "./subject";

interface Props {
  player: Player;
  standing: Standing;
  /** The incident goes on: the head is now. */
  live: boolean;
}

export function Scrubber({ player, standing, live }: Props) {
  const { recording, steps } = useSubject();
  const { index } = usePlace();
  const source = useSource();
  const event = recording.events[index]?.event;
  if (event === undefined) return null;
  return (
    <section aria-label="Replay" className="border-t border-line bg-surface px-3 pt-1.5 pb-2" data-testid="scrubber" data-index={index} data-playing={standing.playing}>
      <div className="mx-auto flex max-w-[100rem] flex-wrap items-center gap-x-3 gap-y-1 md:flex-nowrap">
        <div className="flex items-center gap-0.5">
          <Control label="To the first event (Home)" onClick={() => player.seek(0)} icon={<ChevronFirst aria-hidden className="size-4" />} className="max-sm:hidden" />
          <Control label="One event back (←)" onClick={() => player.step(-1)} icon={<SkipBack aria-hidden className="size-4" />} />
          <button
            type="button"
            onClick={() => player.toggle()}
            title={standing.playing ? "Pause (Space)" : "Play (Space)"}
            className="grid size-9 place-items-center rounded-full bg-accent text-accent-ink hover:brightness-110"
          >
            {standing.playing ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4 translate-x-px" />}
            <span className="sr-only">{standing.playing ? "Pause" : "Play"}</span>
          </button>
          <Control label="One event on (→)" onClick={() => player.step(1)} icon={<SkipForward aria-hidden className="size-4" />} />
          <Control label="To the end (End)" onClick={() => player.toHead()} icon={<ChevronLast aria-hidden className="size-4" />} className="max-sm:hidden" />
        </div>
        <SpeedChoice value={standing.speed} onChange={(speed) => player.setSpeed(speed)} />
        <div className="order-last w-full min-w-0 md:order-none md:w-auto md:flex-1">
          <Track player={player} />
        </div>
        <p className="ml-auto flex items-baseline gap-2 text-xs whitespace-nowrap">
          <Position />
          <span {...source(event.id, "/at")} className="tabular font-medium">
            <Moment at={event.at} />
          </span>
        </p>
        {live && (
          <button
            type="button"
            onClick={() => player.toHead()}
            aria-pressed={standing.atHead}
            className={clsx(buttonClass(standing.atHead ? "ghost" : "primary"), standing.atHead && "text-good!")}
          >
            <Radio aria-hidden className="size-3.5" />
            {standing.atHead ? "Live" : "Back to live"}
          </button>
        )}
      </div>
      <p className="mx-auto mt-0.5 flex max-w-[100rem] items-baseline gap-2 text-2xs text-ink-2">
        <span {...source(event.id, "/data")} aria-live={standing.playing ? "off" : "polite"} className="min-w-0 flex-1 truncate" data-testid="now-showing">
          {steps[index]?.title}
        </span>
        <Shortened standing={standing} />
      </p>
    </section>
  );
}

/** The event's number among those of its run. */
function Position() {
  const { recording } = useSubject();
  const { index } = usePlace();
  const source = useSource();
  const event = recording.events[index]?.event;
  const last = recording.events.findLast((d) => d.event.seq !== 0)?.event;
  if (event === undefined || last === undefined) return null;
  return (
    <span className="tabular text-2xs text-ink-3" data-testid="position">
      {event.seq === 0 ? (
        "added later"
      ) : (
        <>
          {event.run_id !== last.run_id && "earlier run, "}
          <span {...source(event.id, "/seq")}>{event.seq}</span>
          {event.run_id === last.run_id && (
            <>
              {" of "}
              <span {...source(last.id, "/seq")}>{last.seq}</span>
            </>
          )}
        </>
      )}
    </span>
  );
}

function Control({ label, icon, onClick, className }: { label: string; icon: ReactNode; onClick: () => void; className?: string }) {
  return (
    <button type="button" onClick={onClick} title={label} className={buttonClass("ghost", clsx("px-1.5!", className))}>
      {icon}
      <span className="sr-only">{label}</span>
    </button>
  );
}

const speedWords: Record<Speed, string> = { 1: "1×", 4: "4×" };

function SpeedChoice({ value, onChange }: { value: Speed; onChange: (speed: Speed) => void }) {
  return (
    <div role="group" aria-label="Speed of the replay" className="flex rounded-md border border-line-strong p-px">
      {speeds.map((speed) => (
        <button
          key={speed}
          type="button"
          aria-pressed={speed === value}
          onClick={() => onChange(speed)}
          // The speed is the control's own name, not a figure of the incident.
          aria-label={speed === 1 ? "As fast as it was" : "Four times as fast"}
          title={speed === 1 ? "As fast as it was" : "Four times as fast"}
          data-speed={speedWords[speed]}
          className={clsx("tabular h-6 min-w-8 rounded-[5px] px-1.5 text-2xs font-medium before:content-[attr(data-speed)]", speed === value ? "bg-accent-soft text-accent" : "text-ink-2 hover:bg-hover")}
        />
      ))}
    </div>
  );
}

/** Said while it happens: what one sees is not how long it took. */
function Shortened({ standing }: { standing: Standing }) {
  const { recording } = useSubject();
  const to = standing.shortened;
  if (to === undefined) return <span className="shrink-0 text-ink-3 max-md:hidden">Long waits are shortened</span>;
  const [a, b] = [recording.events[to - 1]?.event, recording.events[to]?.event];
  if (a === undefined || b === undefined) return null;
  return (
    <span {...from(`${recording.sourceOf(a.id, "/at")} ${recording.sourceOf(b.id, "/at")}`, "span")} className="tabular shrink-0 font-medium text-warn" data-testid="shortened">
      Wait of {duration(Date.parse(b.at) - Date.parse(a.at))} shortened
    </span>
  );
}

/** The width of the slider's thumb in px: what is drawn beneath begins and ends at its middle. */
const thumb = 14;

function Track({ player }: { player: Player }) {
  const { recording, steps } = useSubject();
  const { index } = usePlace();
  const source = useSource();
  const { pace } = recording;
  const total = Math.max(1, pace.total);
  const x = (ms: number) => `${(ms / total) * 100}%`;
  const onKeyDown = (e: KeyboardEvent) => {
    const by = e.key === "ArrowLeft" || e.key === "ArrowDown" ? -1 : e.key === "ArrowRight" || e.key === "ArrowUp" ? 1 : undefined;
    if (by === undefined) return;
    e.preventDefault();
    player.step(by);
  };
  return (
    <div className="relative h-8">
      <svg aria-hidden className="pointer-events-none absolute inset-y-0 h-full" style={{ left: thumb / 2, width: `calc(100% - ${thumb}px)`, overflow: "visible" }}>
        <rect x={0} y={13} width="100%" height={6} rx={3} fill="var(--hover)" />
        {bandsOf(recording).map((b) => (
          <rect key={`${b.phase}/${b.from}`} x={x(b.from)} y={13} width={`${(Math.max(0, b.to - b.from) / total) * 100}%`} height={6} fill="var(--line-strong)" opacity={b.odd ? 0.55 : 0.95}>
            <title>{capital(b.phase)}</title>
          </rect>
        ))}
        <rect x={0} y={13} width={x(pace.at[index] ?? 0)} height={6} rx={3} fill="var(--accent)" opacity={0.75} />
        {steps.map((s) => {
          const mark = markOf(s);
          return <rect key={s.index} x={x(pace.at[s.index] ?? 0)} y={mark.tall ? 3 : 8} width={mark.tall ? 2 : 1} height={mark.tall ? 26 : 16} transform="translate(-1 0)" fill={mark.colour} opacity={s.index > index ? 0.45 : 1} />;
        })}
      </svg>
      <input
        type="range"
        min={0}
        max={total}
        step={1}
        value={pace.at[index] ?? 0}
        onChange={(e) => player.seek(pace.eventAt(Number(e.target.value)))}
        onKeyDown={onKeyDown}
        aria-label="Instant of the replay"
        aria-valuetext={steps[index]?.title}
        {...source(recording.events[index]?.event.id ?? "", "/data")}
        className={clsx(
          "absolute inset-0 h-full w-full cursor-pointer appearance-none bg-transparent",
          "[&::-webkit-slider-thumb]:size-3.5 [&::-webkit-slider-thumb]:appearance-none [&::-webkit-slider-thumb]:rounded-full [&::-webkit-slider-thumb]:border-2 [&::-webkit-slider-thumb]:border-surface [&::-webkit-slider-thumb]:bg-accent",
          "[&::-moz-range-thumb]:size-3.5 [&::-moz-range-thumb]:box-border [&::-moz-range-thumb]:rounded-full [&::-moz-range-thumb]:border-2 [&::-moz-range-thumb]:border-surface [&::-moz-range-thumb]:bg-accent",
        )}
      />
    </div>
  );
}
