/** The time and the timers, so that tests decide when anything happens. */
export interface Clock {
  now(): number;
  /** Calls run after ms; the result cancels it. */
  after(ms: number, run: () => void): () => void;
  /** A number in [0, 1), for jitter. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const id = setTimeout(run, ms);
    return () => clearTimeout(id);
  },
  random: () => Math.random(),
};
