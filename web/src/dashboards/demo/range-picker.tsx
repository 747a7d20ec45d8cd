/** Which incidents are counted. The address says it, so that a link shows the same. */
import { useState, type FormEvent } from "react";

import { Button } from "../../ui/button";
import { Choices } from "../../ui/choices";
import { fieldClass } from "../../ui/field";
import { type Preset, type Range, daysOf, isDay, presets } from "./range";

const texts: Record<Preset | "custom", string> = { week: "Seven days", month: "Thirty days", quarter: "Ninety days", all: "All", custom: "From … to …" };

interface Props {
  range: Range;
  now: number;
  onRange: (range: Range) => void;
}

export function RangePicker({ range, now, onRange }: Props) {
  const [custom, setCustom] = useState(range.preset === undefined);
  const pick = (value: Preset | "custom") => {
    setCustom(value === "custom");
    if (value !== "custom") onRange({ preset: value });
  };
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2 print:hidden">
      <Choices label="Range" options={[...presets, "custom" as const].map((value) => ({ value, text: texts[value] }))} value={custom ? "custom" : (range.preset ?? "custom")} onChange={pick} />
      {custom && <Days key={JSON.stringify(range)} range={range} now={now} onRange={onRange} />}
    </div>
  );
}

function Days({ range, now, onRange }: Props) {
  const [days, setDays] = useState(() => daysOf(range, now));
  const wrong = !isDay(days.first) || !isDay(days.last) ? "Both days are needed." : days.first > days.last ? "The first day is after the last." : undefined;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (wrong === undefined) onRange({ preset: undefined, ...days });
  };
  return (
    <form onSubmit={submit} className="flex flex-wrap items-center gap-1.5 text-xs">
      <input type="date" aria-label="First day" value={days.first} max={days.last} onChange={(e) => setDays({ ...days, first: e.target.value })} className={`${fieldClass} w-36!`} />
      <span className="text-ink-3">to</span>
      <input type="date" aria-label="Last day" value={days.last} min={days.first} onChange={(e) => setDays({ ...days, last: e.target.value })} className={`${fieldClass} w-36!`} />
      <Button type="submit" disabled={wrong !== undefined} title={wrong}>
        Count these
      </Button>
      <span className="text-2xs text-ink-3">Days of UTC</span>
    </form>
  );
}
