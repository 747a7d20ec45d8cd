import type { Estimate } from "../../protocol/generated";
import { noData, percent } from "../../ui/format";

/** An estimate in words that fit a line: the mean with its interval or, of few, the range alone. */
export function estimated(e: Estimate | undefined, show: (value: number) => string): { value: string; detail: string | undefined } {
  if (e === undefined || e.low === undefined || e.high === undefined) return { value: noData, detail: undefined };
  const range = `${show(e.low)} to ${show(e.high)}`;
  if (e.mean === undefined) return { value: range, detail: `all ${e.n}; too few for a mean` };
  return { value: show(e.mean), detail: `${range}${e.level === undefined ? "" : ` (${percent(e.level)})`}, from ${e.n}` };
}
