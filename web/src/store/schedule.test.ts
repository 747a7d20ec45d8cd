import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { frameSchedule } from "./schedule";

let frames: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
  vi.stubGlobal("cancelAnimationFrame", () => {});
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("flushes once per frame however often it is asked", () => {
  const schedule = frameSchedule();
  const flush = vi.fn();
  schedule(flush);
  schedule(flush);
  expect(frames).toHaveLength(1);
  frames[0]?.();
  vi.advanceTimersByTime(1_000);
  expect(flush).toHaveBeenCalledTimes(1);
  schedule(flush);
  expect(frames).toHaveLength(2);
});

it("flushes without frames too, as in a hidden tab", () => {
  const schedule = frameSchedule();
  const flush = vi.fn();
  schedule(flush);
  vi.advanceTimersByTime(249);
  expect(flush).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(flush).toHaveBeenCalledTimes(1);
  frames[0]?.();
  expect(flush).toHaveBeenCalledTimes(1);
});

it("flushes several stores in the same frame, once each", () => {
  const schedule = frameSchedule();
  const [one, other] = [vi.fn(), vi.fn()];
  schedule(one);
  schedule(other);
  schedule(one);
  expect(frames).toHaveLength(1);
  frames[0]?.();
  expect(one).toHaveBeenCalledTimes(1);
  expect(other).toHaveBeenCalledTimes(1);
});

it("what is asked for while it flushes waits for the next frame", () => {
  const schedule = frameSchedule();
  const again = vi.fn();
  schedule(() => schedule(again));
  frames[0]?.();
  expect(again).not.toHaveBeenCalled();
  frames[1]?.();
  expect(again).toHaveBeenCalledTimes(1);
});
