/** Measures after an action against their state before the incident. */
import { clsx } from "clsx";

import type { Verification } from "../../protocol/generated";
import { measure } from "../../ui/format";
import { useSource } from "../../ui/sources";
import { metricWord } from "../../ui/words";

export function Checks({ verification: v }: { verification: Verification }) {
  const at = useSource();
  const checks = v.checks ?? [];
  return (
    <>
      {v.detail !== undefined && <p {...at("/verification/detail")} className="text-xs text-ink-2">{v.detail}</p>}
      {checks.length === 0 ? (
        <p className="text-xs text-ink-3">No measure could be compared. Missing data is not success.</p>
      ) : (
        <ul className="space-y-1.5">
          {checks.map((c, i) => {
            const good = c.now <= c.limit;
            return (
              <li key={`${c.service}/${c.metric}`} {...at(`/verification/checks/${i}`)} className="tabular flex flex-wrap items-baseline gap-x-3 text-xs">
                <span className="font-medium">
                  {metricWord(c.metric)} <span className="font-normal text-ink-3">{c.service}</span>
                </span>
                <span className={clsx("font-semibold", good ? "text-good" : "text-bad")}>
                  {measure(c.now, c.unit)} now{good ? ", good" : ", not good"}
                </span>
                <span className="text-ink-2">
                  {measure(c.baseline, c.unit)} before, {measure(c.incident, c.unit)} at worst, good below {measure(c.limit, c.unit)}
                </span>
                <span className="text-ink-3">
                  {c.good} good points, {c.needed} needed
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}
