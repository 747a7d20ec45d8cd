/**
 * How long to wait before the n-th attempt in a row (from 0): half of it is fixed and half is
 * chance, so that a thousand browsers do not come back in the same instant; doubling from 0.5 s and
 * never more than 8 s: ten seconds after the gateway is back, every dashboard shows what is.
 */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(8_000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
