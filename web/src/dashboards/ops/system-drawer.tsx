import { Dialog } from "@base-ui/react/dialog";
import { Tabs } from "@base-ui/react/tabs";
import { X } from "lucide-react";
import { useState, type ReactNode } from "react";

import { useVigilState } from "../../store/react";
import { buttonClass } from "../../ui/button";
import { count } from "../../ui/format";
import { from, systemSource } from "../../ui/source";
import { AuditPanel } from "./audit-panel";
import { AWSPanel } from "./aws-panel";
import { ControlsPanel } from "./controls-panel";
import { DeliveriesPanel } from "./deliveries-panel";
import { LeasesPanel } from "./leases-panel";
import type { Place } from "./places";
import { RulesPanel } from "./rules-panel";
import { silencesActive } from "./silence-words";
import { SilencesPanel } from "./silences-panel";
import { SourcesPanel } from "./sources-panel";
import { BusinessPanel, HealthPanel } from "./system-panels";

const titles: Record<Place["tab"], string> = { vigil: "Vigil", controls: "Controls", leases: "Leases", deliveries: "Deliveries", silences: "Silences", sources: "Sources and rules", audit: "Audit" };

/** Vigil itself, beside whatever is on the page. */
export function SystemDrawer({ place, onPlace }: { place: Place | undefined; onPlace: (place: Place | undefined) => void }) {
  const [shown, setShown] = useState<Place>({ tab: "vigil" });
  // What it showed last stays in it while it closes.
  if (place !== undefined && place !== shown) setShown(place);
  return (
    <Dialog.Root open={place !== undefined} onOpenChange={(open) => onPlace(open ? shown : undefined)}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup className="fixed inset-y-0 right-0 z-50 w-[min(50rem,100vw)] overflow-y-auto border-l border-line-strong bg-canvas p-4 shadow-2xl">
          <Tabs.Root value={shown.tab} onValueChange={(tab) => onPlace({ tab: tab as Place["tab"] })}>
            <div className="mb-3 flex items-start gap-2">
              <Dialog.Title className="sr-only">System</Dialog.Title>
              <Tabs.List className="flex flex-1 flex-wrap gap-1" aria-label="System">
                {(Object.keys(titles) as Place["tab"][]).map((tab) => (
                  <Tab key={tab} tab={tab} />
                ))}
              </Tabs.List>
              <Dialog.Close className={buttonClass("ghost", "px-1.5!")}>
                <X aria-hidden className="size-4" />
                <span className="sr-only">Close</span>
              </Dialog.Close>
            </div>
            <Part tab="vigil">
              <HealthPanel />
              <BusinessPanel />
              <AWSPanel />
            </Part>
            <Part tab="controls">
              <ControlsPanel />
            </Part>
            <Part tab="leases">
              <LeasesPanel />
            </Part>
            <Part tab="deliveries">
              <DeliveriesPanel key={shown.tab === "deliveries" ? shown.source : undefined} source={shown.tab === "deliveries" ? shown.source : undefined} />
            </Part>
            <Part tab="silences">
              <SilencesPanel pointed={shown.tab === "silences" ? shown.silence : undefined} />
            </Part>
            <Part tab="sources">
              <SourcesPanel />
              <RulesPanel />
            </Part>
            <Part tab="audit">
              <AuditPanel />
            </Part>
          </Tabs.Root>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Tab({ tab }: { tab: Place["tab"] }) {
  const health = useVigilState((s) => s.system.health);
  const [n = 0, field] = tab === "deliveries" ? [health?.data.inbox_quarantined, "/inbox_quarantined"] : tab === "silences" ? [silencesActive(health?.data), "/silences_active"] : [];
  return (
    <Tabs.Tab
      value={tab}
      data-testid={`system-${tab}`}
      className="h-8 rounded-md px-2.5 text-xs font-medium text-ink-2 hover:bg-hover data-active:bg-accent-soft data-active:text-accent data-active:underline data-active:decoration-2 data-active:underline-offset-4"
    >
      {titles[tab]}
      {health !== undefined && n > 0 && <span className="tabular ml-1.5 font-semibold" {...from(systemSource(health, field))}>{count(n)}</span>}
    </Tabs.Tab>
  );
}

function Part({ tab, children }: { tab: Place["tab"]; children: ReactNode }) {
  return (
    <Tabs.Panel value={tab} className="space-y-4">
      {children}
    </Tabs.Panel>
  );
}
