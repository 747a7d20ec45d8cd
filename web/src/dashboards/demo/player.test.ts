import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Player, advance, budgetMs, durations, follow, isDone, sceneIndex, skip, start, toldLines } from "./player";
import type { Scene } from "./story";

function scene(key: string, ...lines: string[]): Scene {
  return { key, title: key, lines: lines.map((text) => ({ text, source: { "data-source": "s" } })) };
}

const scenes = [scene("a", "x".repeat(100), "y".repeat(100)), scene("b", "x".repeat(50)), scene("c", "x")];
const some = fc.uniqueArray(fc.record({ key: fc.string({ minLength: 1 }), lengths: fc.array(fc.nat(400), { minLength: 1, maxLength: 8 }) }), { minLength: 1, maxLength: 12, selector: (s) => s.key });
const made = some.map((all) => all.map((s) => scene(s.key, ...s.lengths.map((n) => "x".repeat(n)))));

describe("three minutes", () => {
  it("are never exceeded, and each scene has some of them", () => {
    fc.assert(
      fc.property(made, (all) => {
        const times = durations(all);
        expect(times.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(budgetMs + 1);
        for (const t of times) expect(t).toBeGreaterThan(0);
      }),
    );
  });

  it("give more time to what takes longer to read", () => {
    const [a = 0, b = 0] = durations([...scenes, ...Array.from({ length: 9 }, (_, i) => scene(`more ${i}`, "x".repeat(100)))]);
    expect(a).toBeGreaterThan(b);
  });

  it("end at the end, however time passes, and at double speed in half the time", () => {
    fc.assert(
      fc.property(made, fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 40 }), fc.constantFrom(1 as const, 2 as const), (all, steps, speed) => {
        let player: Player = follow({ ...start, speed }, all);
        let passed = 0;
        for (const ms of steps) {
          player = advance(player, all, ms);
          passed += ms;
        }
        const total = durations(all).reduce((a, b) => a + b, 0);
        // To the millisecond, whatever was rounded on the way.
        if (Math.abs(passed * speed - total) > 1) expect(isDone(player, all)).toBe(passed * speed > total);
        player = advance(player, all, budgetMs + 1);
        expect(isDone(player, all)).toBe(true);
      }),
    );
  });
});

describe("moving by hand", () => {
  it("goes scene by scene, and not past the ends", () => {
    let player = follow({ ...start, playing: false }, scenes);
    for (const [by, key] of [[1, "b"], [1, "c"], [1, "c"], [-1, "b"], [-1, "a"], [-1, "a"]] as const) {
      player = skip(player, scenes, by);
      expect(player.key).toBe(key);
    }
  });

  it("back begins the scene anew where it has gone on for a while", () => {
    const later = advance(skip(follow(start, scenes), scenes, 1), scenes, 3_000);
    expect(skip(later, scenes, -1)).toMatchObject({ key: "b", elapsedMs: 0 });
  });

  it("time stands still when paused, and everything of the scene is there", () => {
    const paused = { ...follow(start, scenes), playing: false };
    expect(advance(paused, scenes, 60_000)).toBe(paused);
    expect(toldLines(paused, scenes[0] as Scene, 1000)).toBe(2);
    expect(toldLines({ ...paused, playing: true }, scenes[0] as Scene, 1000)).toBe(1);
  });
});

describe("an incident that goes on", () => {
  const open = [scene("a", "x"), scene("open", "x")];

  it("what is added at the end is shown, not passed over", () => {
    const waiting = advance(follow(start, open), open, budgetMs);
    expect(waiting.key).toBe("open");
    const more = [scene("a", "x"), scene("b", "x"), scene("c", "x"), scene("open", "x")];
    const then = follow(waiting, more);
    expect(then.key).toBe("b");
    expect(sceneIndex(advance(then, more, budgetMs), more)).toBe(3);
  });

  it("its end takes the place of 'not over'", () => {
    const waiting = advance(follow(start, open), open, budgetMs);
    expect(follow(waiting, [scene("a", "x"), scene("certainty", "x")]).key).toBe("certainty");
  });
});
