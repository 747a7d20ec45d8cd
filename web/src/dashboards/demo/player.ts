/**
 * Where a presentation is, and how time moves it on. Three minutes are divided over the scenes by how
 * much there is to read; a short story is not drawn out.
 *
 * INVARIANT (player.test.ts): all scenes together never take longer than the budget.
 */
import type { Scene } from "./story";

export const budgetMs = 180_000;
/** Nobody looks at one scene for longer than this, however little else there is. */
const longestMs = 30_000;
/** What a scene takes besides reading: finding one's way in it. In characters. */
const settling = 60;

export interface Player {
  key: string;
  elapsedMs: number;
  playing: boolean;
  speed: 1 | 2;
  /** Scenes that were begun, so that what an open incident adds is not passed over. */
  seen: ReadonlySet<string>;
}

export const start: Player = { key: "", elapsedMs: 0, playing: true, speed: 1, seen: new Set() };

/** How long each scene is shown. */
export function durations(scenes: readonly Scene[]): readonly number[] {
  const weights = scenes.map(weight);
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => Math.min(longestMs, (budgetMs * w) / total));
}

function weight(scene: Scene): number {
  return settling + scene.lines.reduce((sum, l) => sum + l.text.length, 0);
}

export function sceneIndex(player: Player, scenes: readonly Scene[]): number {
  return Math.max(0, scenes.findIndex((s) => s.key === player.key));
}

/** The player with the scenes as they are now: an open incident gets more of them, and its end changes. */
export function follow(player: Player, scenes: readonly Scene[]): Player {
  const at = scenes.findIndex((s) => s.key === player.key);
  const waiting = player.key === "open" || at === -1;
  const next = waiting ? scenes.find((s) => !player.seen.has(s.key)) : undefined;
  if (next !== undefined) return enter(player, next);
  const last = scenes.at(-1);
  return at === -1 && last !== undefined ? enter(player, last) : player;
}

/** Time passes. At the end of the last scene it stands still. */
export function advance(player: Player, scenes: readonly Scene[], ms: number): Player {
  if (!player.playing) return player;
  let now = follow(player, scenes);
  const times = durations(scenes);
  let left = ms * now.speed;
  for (;;) {
    const at = sceneIndex(now, scenes);
    const rest = (times[at] ?? 0) - now.elapsedMs;
    const next = scenes[at + 1];
    if (left < rest) return { ...now, elapsedMs: now.elapsedMs + left };
    if (next === undefined) return { ...now, elapsedMs: times[at] ?? 0 };
    left -= rest;
    now = enter(now, next);
  }
}

/** One scene on or back. Going back within a scene begins it anew. */
export function skip(player: Player, scenes: readonly Scene[], by: 1 | -1): Player {
  const at = sceneIndex(player, scenes);
  const to = by === -1 && player.playing && player.elapsedMs > 2_000 ? at : at + by;
  const scene = scenes[Math.min(scenes.length - 1, Math.max(0, to))];
  return scene === undefined ? player : enter(player, scene);
}

export function enter(player: Player, scene: Scene): Player {
  return { ...player, key: scene.key, elapsedMs: 0, seen: new Set([...player.seen, scene.key]) };
}

/** How many of a scene's lines have been told. Whoever stops it wants to read all of it. */
export function toldLines(player: Player, scene: Scene, durationMs: number): number {
  if (!player.playing) return scene.lines.length;
  const total = weight(scene);
  const read = (player.elapsedMs / Math.max(1, durationMs)) * total;
  let before = 0;
  let n = 0;
  for (const l of scene.lines) {
    if (n > 0 && before > read) break;
    n++;
    before += l.text.length;
  }
  return n;
}

/** Whether everything was shown. */
export function isDone(player: Player, scenes: readonly Scene[]): boolean {
  const times = durations(scenes);
  return sceneIndex(player, scenes) === scenes.length - 1 && player.elapsedMs >= (times.at(-1) ?? 0);
}
