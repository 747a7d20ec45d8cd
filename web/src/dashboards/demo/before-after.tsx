/**
 * What the same incidents would have taken before, by the user's own word, and what they took. Sums, so
 * that it can be said of a few incidents too. Only where there is a baseline.
 */
import { clsx } from "clsx";

import { Panel } from "../../ui/panel";
import { count } from "../../ui/format";
import { money } from "../../ui/money";
import type { SourceProps } from "../../ui/source";
import { EstimateBar, EstimateValue } from "./estimate";
import { useFigures } from "./figures";
import { seconds } from "./headline";

export function BeforeAfter() {
  const { metrics: m, at } = useFigures();
  const { savings: s, currency } = m;
  if (s === undefined || currency === undefined || s.n === 0) return null;
  const most = Math.max(s.baseline_seconds, s.seconds, Number.EPSILON);
  const show = (micros: number) => money(micros, currency);
  return (
    <Panel title="Before and after" className="break-inside-avoid" aside={<span {...at("/savings/n")}>{s.n === 1 ? "one incident remediated" : `the same ${count(s.n)} incidents remediated`}</span>}>
      <div className="space-y-4 p-3.5">
        <Bar label="Before, by your baseline" share={s.baseline_seconds / most} text={seconds(s.baseline_seconds)} source={at("/savings/baseline_seconds")} stated />
        <Bar label="With Vigil, as measured" share={s.seconds / most} text={seconds(s.seconds)} source={at("/savings/seconds")} />
        {s.each_micros.low !== undefined && (
          <div className="space-y-1">
            <div className="flex items-baseline justify-between gap-3 text-xs">
              <span>The difference for each, in money</span>
              <span className="tabular font-semibold">
                <EstimateValue estimate={s.each_micros} pointer="/savings/each_micros" show={show} />
              </span>
            </div>
            <EstimateBar estimate={s.each_micros} pointer="/savings/each_micros" show={show} label="The difference for each incident" />
          </div>
        )}
        <p className="text-xs text-ink-2">
          Time of trouble, all together. The baseline is yours:{" "}
          <span {...at("/savings")}>
            “{s.baseline_source}”, from {count(s.baseline_n)} incidents
          </span>
          . Vigil cannot check it.
        </p>
      </div>
    </Panel>
  );
}

/** Dashed is what somebody said, solid what was measured. */
function Bar({ label, share, text, source, stated = false }: { label: string; share: number; text: string; source: SourceProps; stated?: boolean }) {
  return (
    <div className="space-y-1">
      <div className="flex items-baseline justify-between gap-3 text-xs">
        <span>{label}</span>
        <span {...source} className="tabular font-semibold">
          {text}
        </span>
      </div>
      <div className="h-4 rounded bg-hover">
        <div className={clsx("h-full rounded", stated ? "border border-dashed border-ink-3 bg-line-strong" : "bg-accent")} style={{ width: `${Math.max(1, share * 100)}%` }} />
      </div>
    </div>
  );
}
