/**
 * How time passes in a replay. Most incidents are seconds of work between long waits: at recorded
 * speed nobody would watch them, and on a line drawn to scale nobody could tell the work apart. So a
 * wait that is longer than `longest` counts as that long, here and wherever time is drawn, and whoever
 * shows it says so.
 */

/** A wait longer than this is shortened to it, in ms. */
export const longest = 3_000;
/** Events of the same instant come one after the other, this far apart in ms, so that each is seen. */
export const shortest = 60;

export interface Pace {
  /** When each event comes, in ms of the replay at recorded speed. The first comes at 0. */
  readonly at: readonly number[];
  readonly total: number;
  /** Whether the wait before an event is shortened. */
  isShortened(index: number): boolean;
  /** The last event that has come at a time of the replay. */
  eventAt(ms: number): number;
}

/** times are those of the events, in order, in ms since 1970. */
export function paceOf(times: readonly number[]): Pace {
  const at: number[] = [];
  for (const [i, time] of times.entries()) {
    const before = times[i - 1];
    at.push(before === undefined ? 0 : (at[i - 1] ?? 0) + Math.min(longest, Math.max(shortest, time - before)));
  }
  return {
    at,
    total: at.at(-1) ?? 0,
    isShortened: (index) => (times[index] ?? 0) - (times[index - 1] ?? times[index] ?? 0) > longest,
    eventAt(ms) {
      let low = 0;
      let high = at.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((at[middle] ?? 0) <= ms) low = middle;
        else high = middle - 1;
      }
      return low;
    },
  };
}
