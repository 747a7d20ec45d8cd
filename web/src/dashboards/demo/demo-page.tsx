/** What happened, what it cost, what was saved, and how sure we are; and one incident presented. */
import { useCallback } from "react";

import { type Subject, demoPath } from "./addresses";
import { ExecutivePage } from "./executive-page";
import { PresentIncident, PresentScenario } from "./present";

export interface DemoPageProps {
  /** What is presented. A scenario has no live connection: there is no VigilProvider then. */
  present: Subject | undefined;
  /** Which incidents are counted, as the address says it. */
  range: string | undefined;
  go: (path: string) => void;
  /** Stops the clock, for pictures and tests. */
  now?: number;
}

export function DemoPage({ present, range, go, now }: DemoPageProps) {
  const leave = useCallback(() => go(demoPath), [go]);
  if (present === undefined) return <ExecutivePage range={range} go={go} now={now} />;
  if (present.kind === "scenario") return <PresentScenario key={present.name} name={present.name} onLeave={leave} />;
  return <PresentIncident key={present.id} id={present.id} onLeave={leave} />;
}
