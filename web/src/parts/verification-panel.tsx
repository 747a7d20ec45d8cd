import { clsx } from "clsx";
import { Activity } from "lucide-react";

import type { Check, Verification } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { measure } from "../ui/format";
import { Empty, Panel, ScrollX } from "../ui/panel";
import { useSource } from "../ui/sources";
import { metricWord, verificationStateWord } from "../ui/words";

/** The telemetry after an action against its state before the incident; earlier: after the action before the one that is carried out now. */
export function VerificationPanel({ verification: v, earlier = false }: { verification: Verification; earlier?: boolean }) {
  const state = verificationStateWord(v.state);
  const checks = v.checks ?? [];
  const at = useSource();
  return (
    <Panel
      title={earlier ? "Verification of the action before" : "Verification"}
      icon={<Activity className="size-4" />}
      testId="verification"
      aside={
        <span data-testid="verification-state" data-state={v.state}>
          <Badge tone={state.tone}>{state.text}</Badge>
        </span>
      }
    >
      {v.detail !== undefined && <p {...at("/verification/detail")} className="px-3.5 pt-2.5 text-xs text-ink-2">{v.detail}</p>}
      {checks.length === 0 ? (
        <Empty>No measure could be compared. Missing data is not success.</Empty>
      ) : (
        <ScrollX label="Measures" className="p-1.5">
          <table className="w-full text-xs">
            <thead>
              <tr className="text-2xs text-ink-3 [&>th]:px-2 [&>th]:py-1 [&>th]:text-right [&>th]:font-normal [&>th:first-child]:text-left">
                <th scope="col">Measure</th>
                <th scope="col">Before</th>
                <th scope="col">Worst</th>
                <th scope="col">Now</th>
                <th scope="col">Good below</th>
                <th scope="col">Good points</th>
              </tr>
            </thead>
            <tbody>
              {checks.map((c, i) => (
                <Row key={`${c.service}/${c.metric}`} check={c} place={i} />
              ))}
            </tbody>
          </table>
        </ScrollX>
      )}
    </Panel>
  );
}

function Row({ check: c, place }: { check: Check; place: number }) {
  const at = useSource();
  const good = c.now <= c.limit;
  return (
    <tr {...at(`/verification/checks/${place}`)} className="tabular border-t border-line [&>td]:px-2 [&>td]:py-1.5 [&>td]:text-right">
      <th scope="row" className="px-2 text-left font-medium">
        {metricWord(c.metric)} <span className="font-normal text-ink-3">{c.service}</span>
      </th>
      <td>{measure(c.baseline, c.unit)}</td>
      <td className="text-ink-2">{measure(c.incident, c.unit)}</td>
      <td className={clsx("font-semibold", good ? "text-good" : "text-bad")}>
        {measure(c.now, c.unit)}
        <span className="sr-only">{good ? ", within the limit" : ", outside the limit"}</span>
      </td>
      <td className="text-ink-2">{measure(c.limit, c.unit)}</td>
      <td>
        <span className="inline-flex items-center justify-end gap-1.5">
          <span aria-hidden className="flex gap-0.5">
            {Array.from({ length: Math.min(c.needed, 12) }, (_, i) => (
              <span key={i} className={clsx("size-1.5 rounded-full", i < c.good ? "bg-good" : "bg-line-strong")} />
            ))}
          </span>
          {Math.min(c.good, c.needed)} of {c.needed}
        </span>
      </td>
    </tr>
  );
}
