/** What the figures are made of, and what they leave out. */
import type { ReactNode } from "react";

import { count } from "../../ui/format";
import { Panel } from "../../ui/panel";
import { useFigures } from "./figures";
import { Defined, DefinitionText } from "./defined";
import { Shares } from "./headline";

export function HowSure() {
  const { metrics: m, at } = useFigures();
  return (
    <Panel title="How sure we are" className="break-inside-avoid">
      <Shares />
      <ul className="list-disc space-y-1 border-t border-line py-3 pr-3.5 pl-8 text-xs text-ink-2">
        <Fact>{m.origin === "simulated" ? "All of these incidents were simulated by the sandbox: no real system, and not AWS." : m.origin === "live" ? "All of these incidents are live ones." : "All of these incidents were recorded."} Origins are never mixed.</Fact>
        {m.left_out > 0 && (
          <Fact>
            <span {...at("/left_out")}>
              {count(m.left_out)} {m.left_out === 1 ? "incident" : "incidents"}
            </span>{" "}
            of another origin {m.left_out === 1 ? "was" : "were"} left out.
          </Fact>
        )}
        <Fact>
          <Defined name="estimate">Below twenty incidents there is no average and no share, only what was counted: the smallest and the largest.</Defined>
        </Fact>
        <Fact>
          <Defined name="trend">A trend is only said of more than fifty incidents, and only where chance alone could not have made it.</Defined>
        </Fact>
        {m.ai_calls_unknown_price > 0 && (
          <Fact>
            <span {...at("/ai_calls_unknown_price")}>
              {count(m.ai_calls_unknown_price)} {m.ai_calls_unknown_price === 1 ? "call" : "calls"}
            </span>{" "}
            of models had no known price, and {m.ai_calls_unknown_price === 1 ? "is" : "are"} not in what they cost.
          </Fact>
        )}
        {m.savings !== undefined && <Fact>Rates and baseline are your own. Vigil applies them, and cannot check them.</Fact>}
      </ul>
    </Panel>
  );
}

/** On paper nothing can be unfolded: what the headline figures mean. */
export function PrintedDefinitions() {
  return (
    <section aria-label="What the figures mean" className="hidden space-y-1 text-2xs text-ink-2 print:block">
      {["incidents_prevented", "mttr_seconds", "downtime", "savings", "estimate"].map((name) => (
        <DefinitionText key={name} name={name} />
      ))}
    </section>
  );
}

function Fact({ children }: { children: ReactNode }) {
  return <li>{children}</li>;
}
