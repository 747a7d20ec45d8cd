import { memo } from "react";

import { AWSPanel } from "./aws-panel";
import { DeliveriesPanel } from "./deliveries-panel";
import { SilencesPanel } from "./silences-panel";
import { BusinessPanel, HealthPanel } from "./system-panels";

/** What the page shows when no incident is chosen. */
export const Overview = memo(function Overview() {
  return (
    <div className="mx-auto max-w-[1100px] space-y-4 p-4 lg:p-5">
      <div>
        <h1 className="text-lg font-semibold">Overview</h1>
        <p className="text-xs text-ink-2 max-lg:hidden">
          Choose an incident on the left, or press <kbd className="rounded border border-line-strong px-1 font-mono text-2xs">j</kbd>.
        </p>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <HealthPanel />
        <BusinessPanel />
        <AWSPanel />
        <div className="min-w-0 space-y-4 lg:col-span-2">
          <SilencesPanel />
          <DeliveriesPanel />
        </div>
      </div>
    </div>
  );
});
