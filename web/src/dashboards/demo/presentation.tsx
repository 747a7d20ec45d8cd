/**
 * One incident in about three minutes, on the whole screen. Space stops and goes on, the arrows move
 * by scenes, Escape leaves. What is said is written as it is said, in a region that is read aloud.
 */
import { clsx } from "clsx";
import { ChevronLeft, ChevronRight, Maximize, Pause, Play, RotateCcw, X } from "lucide-react";
import { useCallback, useEffect, useMemo, useReducer, type ReactNode } from "react";

import { ThemeButton } from "../../parts/dashboard-nav";
import { Button } from "../../ui/button";
import { Choices } from "../../ui/choices";
import { scenesOf } from "./narration";
import { type Player, advance, durations, enter, follow, isDone, sceneIndex, skip, start, toldLines } from "./player";
import { ScenePicture } from "./scene-picture";
import type { Scene, Story } from "./story";

interface Props {
  story: Story;
  title: string;
  /** What it was made from; on every scene. */
  origin: ReactNode;
  onLeave: () => void;
}

/** How often time is looked at. A browser that slept is not made to catch up. */
const tickMs = 100;
const longestTickMs = 1_000;

type Step = (player: Player) => Player;

export function Presentation({ story, title, origin, onLeave }: Props) {
  const scenes = useMemo(() => scenesOf(story), [story]);
  const [kept, change] = useReducer((p: Player, step: Step) => step(p), scenes, (first) => follow(start, first));
  // An event may have changed the scenes since the last tick: what is shown is always one of them.
  const player = follow(kept, scenes);
  const times = useMemo(() => durations(scenes), [scenes]);
  const at = sceneIndex(player, scenes);
  const scene = scenes[at];
  const done = isDone(player, scenes);
  const running = player.playing && !done;

  useEffect(() => {
    if (!running) return;
    let before = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      const passed = Math.min(longestTickMs, now - before);
      before = now;
      change((p) => advance(p, scenes, passed));
    }, tickMs);
    return () => clearInterval(timer);
  }, [running, scenes]);

  const move = useCallback((by: 1 | -1) => change((p) => skip(follow(p, scenes), scenes, by)), [scenes]);
  const playOrPause = useCallback(() => {
    const first = scenes[0];
    change((p) => (isDone(p, scenes) && first !== undefined ? { ...enter(p, first), playing: true } : { ...p, playing: !p.playing }));
  }, [scenes]);
  useKeys({ playOrPause, move, onLeave });

  useEffect(() => {
    document.title = `${title} · Vigil`;
  }, [title]);

  if (scene === undefined) return null;
  return (
    <main className="flex min-h-dvh flex-col bg-canvas" data-testid="presentation" data-scene={scene.key} data-playing={running}>
      <Progress scenes={scenes} times={times} at={at} elapsedMs={player.elapsedMs} />
      <header className="flex items-start gap-4 px-5 pt-3 text-xs text-ink-2 lg:px-12">
        <div className="min-w-0 flex-1 space-y-1.5">
          <h1 className="pt-1.5 text-sm font-semibold text-ink [overflow-wrap:anywhere]">{title}</h1>
          <div className="flex flex-wrap items-center gap-2">{origin}</div>
        </div>
        <div className="flex items-center gap-1">
          <ThemeButton />
          <Button kind="ghost" onClick={onLeave} title="Leave the presentation (Escape)">
            <X aria-hidden className="size-4" />
            <span className="max-sm:sr-only">Leave</span>
          </Button>
        </div>
      </header>
      <Stage scene={scene} shown={done ? scene.lines.length : toldLines(player, scene, times[at] ?? 0)} follows={running} />
      <footer className="sticky bottom-0 flex flex-wrap items-center justify-center gap-2 border-t border-line bg-surface px-4 py-2">
        <Button kind="ghost" onClick={() => move(-1)} disabled={at === 0 && player.elapsedMs === 0} title="The scene before (left arrow)">
          <ChevronLeft aria-hidden className="size-4" />
          <span className="max-sm:sr-only">Back</span>
        </Button>
        <Button kind="primary" onClick={playOrPause} title="Space" className="w-28">
          {done ? <RotateCcw aria-hidden className="size-4" /> : running ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
          {done ? "From the start" : running ? "Pause" : "Go on"}
        </Button>
        <Button kind="ghost" onClick={() => move(1)} disabled={at === scenes.length - 1} title="The next scene (right arrow)">
          <span className="max-sm:sr-only">Next</span>
          <ChevronRight aria-hidden className="size-4" />
        </Button>
        <Choices
          label="Speed"
          options={[
            { value: "normal", text: "Normal" },
            { value: "double", text: "Twice as fast" },
          ]}
          value={player.speed === 2 ? "double" : "normal"}
          onChange={(value) => change((p) => ({ ...p, speed: value === "double" ? 2 : 1 }))}
        />
        <Button kind="ghost" onClick={() => void document.documentElement.requestFullscreen?.()} title="Use the whole screen" className="max-sm:hidden">
          <Maximize aria-hidden className="size-4" />
          <span className="sr-only">Use the whole screen</span>
        </Button>
      </footer>
    </main>
  );
}

function Stage({ scene, shown, follows }: { scene: Scene; shown: number; follows: boolean }) {
  const { picture } = scene;
  return (
    <section aria-label={scene.title} className={clsx("mx-auto grid w-full max-w-6xl flex-1 content-center gap-x-12 gap-y-6 px-5 py-6 lg:px-12", picture !== undefined && "lg:grid-cols-[3fr_2fr]")}>
      <div aria-live="polite" aria-relevant="additions text" className={clsx("min-w-0", picture === undefined && "mx-auto w-full max-w-3xl")}>
        <h2 className="text-2xl font-semibold tracking-tight lg:text-3xl">{scene.title}</h2>
        <ul className="mt-5 space-y-3 text-base leading-relaxed lg:text-lg" data-testid="narration">
          {scene.lines.slice(0, shown).map((l, i) => (
            <li key={`${scene.key}/${i}`} ref={follows && i === shown - 1 ? reveal : undefined} {...l.source} className={clsx("max-w-prose scroll-mb-20 [overflow-wrap:anywhere]", i === shown - 1 ? "text-ink" : "text-ink-2")}>
              {l.text}
            </li>
          ))}
        </ul>
      </div>
      {picture !== undefined && (
        <div className="min-w-0 self-center">
          <ScenePicture picture={picture} />
        </div>
      )}
    </section>
  );
}

/** On a small screen what is being said stays in sight. Whoever stopped it scrolls by hand. */
function reveal(line: HTMLLIElement | null): void {
  line?.scrollIntoView({ block: "nearest" });
}

/** A stretch for each scene, as long as it takes. */
function Progress({ scenes, times, at, elapsedMs }: { scenes: readonly Scene[]; times: readonly number[]; at: number; elapsedMs: number }) {
  const total = times.reduce((sum, t) => sum + t, 0);
  const passed = times.slice(0, at).reduce((sum, t) => sum + t, 0) + elapsedMs;
  return (
    <div role="progressbar" aria-label="Presentation" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round((passed / Math.max(1, total)) * 100)} aria-valuetext={scenes[at]?.title} className="flex gap-1 p-1.5">
      {scenes.map((s, i) => (
        <span key={s.key} className="h-1.5 overflow-hidden rounded-full bg-line-strong" style={{ flexGrow: times[i] ?? 1 }}>
          <span className="block h-full bg-accent" style={{ width: `${i < at ? 100 : i > at ? 0 : (elapsedMs / Math.max(1, times[i] ?? 1)) * 100}%` }} />
        </span>
      ))}
    </div>
  );
}

function useKeys({ playOrPause, move, onLeave }: { playOrPause: () => void; move: (by: 1 | -1) => void; onLeave: () => void }) {
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (e.metaKey || e.ctrlKey || e.altKey || e.defaultPrevented) return;
      // Space on a button presses that button.
      if (e.key === " " && e.target instanceof HTMLButtonElement) return;
      const run = { " ": playOrPause, ArrowLeft: () => move(-1), ArrowRight: () => move(1), Escape: onLeave }[e.key];
      if (run === undefined) return;
      e.preventDefault();
      run();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [playOrPause, move, onLeave]);
}
