/** A limit that is as far away as this, as often as large as the largest value, would flatten what there is to see. */
const farTimes = 3;

/** Whether a chart that shows its limit would show little else. */
export function isTooFar(limit: number | undefined, values: readonly number[]): boolean {
  return limit !== undefined && limit > farTimes * Math.max(0, ...values);
}
