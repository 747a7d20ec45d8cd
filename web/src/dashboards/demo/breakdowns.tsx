/** Where the minutes go, and which tier the money: rows on one scale. */
import type { ReactNode } from "react";

import { IntervalBar } from "../../ui/interval-bar";
import { count } from "../../ui/format";
import { money } from "../../ui/money";
import { Empty, Panel } from "../../ui/panel";
import { capital } from "../../ui/words";
import { Defined } from "./defined";
import { EstimateValue } from "./estimate";
import { useFigures } from "./figures";
import { seconds } from "./headline";

export function PhaseTimes() {
  const { metrics: m, at } = useFigures();
  const all = (m.phases ?? []).map((p, i) => ({ ...p, pointer: `/phases/${i}/seconds` })).filter((p) => p.seconds.method !== "none");
  const most = Math.max(...all.map((p) => p.seconds.high ?? 0));
  return (
    <Panel title="Where the minutes go" className="break-inside-avoid" aside={<Defined name="phases">incidents that were resolved</Defined>}>
      {all.length === 0 ? (
        <Empty>No incident was resolved in this range.</Empty>
      ) : (
        <ul className="space-y-2.5 p-3.5">
          {all.map(({ phase, seconds: e, pointer }) => (
            <Row key={phase} label={capital(phase)} value={<EstimateValue estimate={e} pointer={pointer} show={seconds} />} note={<span {...at(`${pointer}/n`)}>n = {count(e.n)}</span>}>
              <IntervalBar source={at(pointer)} low={e.low ?? 0} high={e.high ?? 0} middle={e.mean ?? e.median} min={0} max={most} label={`${capital(phase)}: from ${seconds(e.low ?? 0)} to ${seconds(e.high ?? 0)}`} />
            </Row>
          ))}
        </ul>
      )}
    </Panel>
  );
}

export function TierCosts() {
  const { metrics: m, at } = useFigures();
  const { downtime, currency } = m;
  const tiers = downtime?.tiers ?? [];
  if (downtime === undefined || currency === undefined || tiers.length === 0) return null;
  const most = Math.max(...tiers.map((t) => t.total_micros), 1);
  return (
    <Panel title="Cost by tier" className="break-inside-avoid">
      <ul className="space-y-2.5 p-3.5">
        {tiers.map((t, i) => (
          <Row
            key={t.tier}
            label={<span {...at(`/downtime/tiers/${i}/tier`)}>{capital(t.tier)}</span>}
            value={<span {...at(`/downtime/tiers/${i}/total_micros`)}>{money(t.total_micros, currency)}</span>}
            note={
              <span {...at(`/downtime/tiers/${i}`)}>
                n = {count(t.n)}, {seconds(t.seconds)}
              </span>
            }
          >
            <span className="block h-2 overflow-hidden rounded-full bg-hover">
              <span className="block h-full rounded-full bg-accent" style={{ width: `${(t.total_micros / most) * 100}%` }} />
            </span>
          </Row>
        ))}
      </ul>
    </Panel>
  );
}

function Row({ label, value, note, children }: { label: ReactNode; value: ReactNode; note: ReactNode; children: ReactNode }) {
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-baseline gap-x-3 text-xs">
      <span className="truncate">{label}</span>
      <span className="tabular font-semibold">{value}</span>
      <span className="self-center">{children}</span>
      <span className="tabular text-2xs text-ink-3">{note}</span>
    </li>
  );
}
