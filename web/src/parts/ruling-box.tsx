import { Scale } from "lucide-react";

import type { Ruling } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { useSource } from "../ui/sources";
import { autonomyWord, modeWord } from "../ui/words";

/** Who has to agree, and which rule of the policy says so. pointer leads to the ruling. */
export function RulingBox({ ruling: r, pointer }: { ruling: Ruling; pointer: string }) {
  const at = useSource();
  return (
    <section {...at(pointer)} aria-label="What the policy says" data-testid="ruling" data-autonomy={r.autonomy} className="space-y-1 rounded-md border border-line px-3 py-2 text-xs">
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Scale aria-hidden className="size-3.5 shrink-0 text-ink-3" />
        <b className="font-semibold">{autonomyWord(r.autonomy)}.</b>
        {r.freeze !== undefined && <Badge tone="warn">change freeze: {r.freeze}</Badge>}
        {r.tier !== undefined && <Badge>tier {r.tier}</Badge>}
      </p>
      <p className="text-ink-2 [overflow-wrap:anywhere]">
        Rule <b className="font-medium text-ink">{r.rule === "" ? "none" : r.rule}</b>
        {r.reason !== "" && <>: {r.reason}</>}
      </p>
      {r.bounds !== undefined && r.bounds.length > 0 && (
        <div className="text-ink-2">
          Stricter than the rule, because
          <ul className="list-disc pl-4">
            {r.bounds.map((b) => (
              <li key={b} className="[overflow-wrap:anywhere]">
                {b}
              </li>
            ))}
          </ul>
        </div>
      )}
      <p className="text-2xs text-ink-3">
        Mode {modeWord(r.mode).text.toLowerCase()}, policy {r.version === "" ? "of no version" : r.version}
        {r.role !== undefined && r.role !== "approver" && `, approvers need the role ${r.role}`}
      </p>
    </section>
  );
}
