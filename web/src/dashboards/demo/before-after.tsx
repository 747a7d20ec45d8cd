/** What an incident took before, by the user's own word, and what it takes now. Only where there is a baseline. */
import { clsx } from "clsx";

import { Panel } from "../../ui/panel";
import { count } from "../../ui/format";
import type { SourceProps } from "../../ui/source";
import { useFigures } from "./figures";
import { seconds } from "./headline";

export function BeforeAfter() {
  const { metrics: m, at } = useFigures();
  const s = m.savings;
  if (s === undefined || s.n === 0) return null;
  const before = s.baseline_seconds / s.n;
  const now = s.seconds / s.n;
  const most = Math.max(before, now);
  return (
    <Panel title="Before and after" className="break-inside-avoid" aside={<span {...at("/savings/n")}>the same {count(s.n)} incidents</span>}>
      <div className="space-y-4 p-3.5">
        <Bar label="Before, by your baseline" share={before / most} text={seconds(before)} source={at("/savings", "share /baseline_seconds /n")} striped />
        <Bar label="With Vigil, as measured" share={now / most} text={seconds(now)} source={at("/savings", "share /seconds /n")} />
        <p className="text-xs text-ink-2">
          Time of trouble, on average for one incident. The baseline is yours:{" "}
          <span {...at("/savings")}>
            “{s.baseline_source}”, from {count(s.baseline_n)} incidents
          </span>
          . Vigil cannot check it.
        </p>
      </div>
    </Panel>
  );
}

/** Striped is what somebody said, solid what was measured. */
function Bar({ label, share, text, source, striped = false }: { label: string; share: number; text: string; source: SourceProps; striped?: boolean }) {
  return (
    <div className="space-y-1">
      <div className="flex items-baseline justify-between gap-3 text-xs">
        <span>{label}</span>
        <span {...source} className="tabular font-semibold">
          {text}
        </span>
      </div>
      <div className="h-4 rounded bg-hover">
        <div className={clsx("h-full rounded", striped ? "border border-dashed border-ink-3 bg-line-strong" : "bg-accent")} style={{ width: `${Math.max(1, share * 100)}%` }} />
      </div>
    </div>
  );
}
