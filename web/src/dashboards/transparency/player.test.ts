import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { FakeClock } from "../../../test/fake-clock";
import { longest, paceOf, shortest } from "./pace";
import { Player } from "./player";

/** Events at 0 s, 1 s, 1 s, 3 s and 13 minutes later. */
const pace = paceOf([0, 1_000, 1_000, 3_000, 783_000]);

function setUp() {
  const clock = new FakeClock();
  const player = new Player(clock);
  player.load(pace);
  return { clock, player, index: () => player.standing().index };
}

describe("the pace", () => {
  it("is the recorded one, but for long waits and for what happened at once", () => {
    expect(pace.at).toEqual([0, 1_000, 1_000 + shortest, 3_000 + shortest, 3_000 + shortest + longest]);
    expect([1, 2, 3, 4].map(pace.isShortened)).toEqual([false, false, false, true]);
  });

  it("finds the last event that has come", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 300_000 }), (gaps, ms) => {
        let t = 0;
        const p = paceOf(gaps.map((g) => (t += g)));
        expect(p.eventAt(ms)).toBe(p.at.findLastIndex((at) => at <= ms));
      }),
    );
  });
});

describe("the player", () => {
  it("stands at the head, and moves with it", () => {
    const { player, index } = setUp();
    expect(player.standing()).toMatchObject({ index: 4, atHead: true, playing: false });
    player.load(paceOf([0, 1, 2, 3, 4, 5]));
    expect(index()).toBe(5);
  });

  it("stays where somebody moved it, until they go back", () => {
    const { player, index } = setUp();
    player.seek(1);
    player.load(paceOf([0, 1, 2, 3, 4, 5]));
    expect(player.standing()).toMatchObject({ index: 1, atHead: false });
    player.toHead();
    expect(index()).toBe(5);
  });

  it("plays event by event at the recorded pace, says which wait it shortens, and stops at the end", () => {
    const { clock, player, index } = setUp();
    player.play();
    expect(index()).toBe(0);
    clock.advance(999);
    expect(index()).toBe(0);
    clock.advance(1);
    expect(index()).toBe(1);
    clock.advance(shortest);
    expect(index()).toBe(2);
    clock.advance(2_000);
    expect(player.standing()).toMatchObject({ index: 3, playing: true, shortened: 4 });
    clock.advance(longest);
    expect(player.standing()).toMatchObject({ index: 4, playing: false, shortened: undefined });
    expect(clock.pending).toBe(0);
  });

  it("plays four times as fast, and takes a new speed up at once", () => {
    const { clock, player, index } = setUp();
    player.setSpeed(4);
    player.play();
    clock.advance(250);
    expect(index()).toBe(1);
    player.setSpeed(1);
    clock.advance(shortest / 4);
    expect(index()).toBe(1);
    clock.advance(shortest);
    expect(index()).toBe(2);
  });

  it("pauses, goes on from there, and steps both ways without leaving the recording", () => {
    const { clock, player, index } = setUp();
    player.play();
    clock.advance(1_000);
    player.toggle();
    clock.advance(60_000);
    expect(index()).toBe(1);
    player.step(-1);
    player.step(-1);
    expect(index()).toBe(0);
    player.toggle();
    clock.advance(1_000);
    expect(index()).toBe(1);
    player.step(1);
    expect(player.standing()).toMatchObject({ index: 2, playing: false });
  });

  it("going to an instant while it plays, it goes on from there", () => {
    const { clock, player, index } = setUp();
    player.play();
    player.seek(3);
    clock.advance(longest);
    expect(index()).toBe(4);
  });

  it("has nothing to play where there is nothing", () => {
    const player = new Player(new FakeClock());
    player.play();
    expect(player.standing().playing).toBe(false);
  });
});
