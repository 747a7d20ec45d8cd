/**
 * Where in a recording we are, and the playing of it. Without a place of its own it stands at the
 * head, which moves while the incident goes on; whoever moves it stays where they are until they
 * go back to the head.
 */
import { type Clock, systemClock } from "../../feed/clock";
import type { Pace } from "./pace";

export const speeds = [1, 4] as const;
export type Speed = (typeof speeds)[number];

export interface Standing {
  /** The event that the page is shown at. */
  index: number;
  /** At the head, and moving with it. */
  atHead: boolean;
  playing: boolean;
  speed: Speed;
  /** The event that is waited for, where the wait for it is shortened. */
  shortened: number | undefined;
}

export class Player {
  private readonly clock: Clock;
  private pace: Pace | undefined;
  private place: number | undefined;
  private playing = false;
  private speed: Speed = 1;
  private cancel: () => void = () => {};
  private readonly listeners = new Set<() => void>();
  private current: Standing = { index: 0, atHead: true, playing: false, speed: 1, shortened: undefined };

  constructor(clock: Clock = systemClock) {
    this.clock = clock;
  }

  readonly subscribe = (run: () => void): (() => void) => {
    this.listeners.add(run);
    return () => this.listeners.delete(run);
  };

  readonly standing = (): Standing => this.current;

  /** The recording became longer, or another. */
  load(pace: Pace): void {
    if (pace === this.pace) return;
    this.pace = pace;
    if (this.place !== undefined) this.place = Math.min(this.place, this.last);
    this.changed();
  }

  seek(index: number): void {
    this.place = Math.max(0, Math.min(this.last, index));
    this.wait();
    this.changed();
  }

  step(by: 1 | -1): void {
    this.stop();
    this.seek(this.index + by);
  }

  /** To what is newest, whatever comes. */
  toHead(): void {
    this.stop();
    this.place = undefined;
    this.changed();
  }

  setSpeed(speed: Speed): void {
    this.speed = speed;
    this.wait();
    this.changed();
  }

  /** From the beginning where there is nothing left to play. */
  play(): void {
    if (this.pace === undefined || this.pace.at.length === 0) return;
    this.place = this.index >= this.last ? 0 : this.index;
    this.playing = true;
    this.wait();
    this.changed();
  }

  pause(): void {
    this.stop();
    this.changed();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  private get last(): number {
    return Math.max(0, (this.pace?.at.length ?? 0) - 1);
  }

  private get index(): number {
    return this.place ?? this.last;
  }

  private stop(): void {
    this.playing = false;
    this.cancel();
  }

  /** Until the next event comes. */
  private wait(): void {
    this.cancel();
    if (!this.playing || this.pace === undefined) return;
    if (this.index >= this.last) {
      this.playing = false;
      return;
    }
    const { at } = this.pace;
    this.cancel = this.clock.after(((at[this.index + 1] ?? 0) - (at[this.index] ?? 0)) / this.speed, () => this.seek(this.index + 1));
  }

  private changed(): void {
    const { index, playing } = this;
    const shortened = playing && this.pace?.isShortened(index + 1) === true ? index + 1 : undefined;
    this.current = { index, atHead: this.place === undefined, playing, speed: this.speed, shortened };
    for (const run of this.listeners) run();
  }
}
