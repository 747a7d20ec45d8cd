/** Live operations: the list of incidents, one incident, and Vigil itself. */
import { clsx } from "clsx";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useVigilState } from "../../store/react";
import { NowProvider } from "../../ui/now";
import { standingWord } from "../../ui/words";
import { Announcer } from "./announcer";
import { ConnectionBanner } from "../../parts/connection-badge";
import { HelpDialog } from "./help-dialog";
import { IncidentDetail } from "./incident-detail";
import { IncidentList } from "./incident-list";
import { type Shortcut, useShortcuts } from "./keyboard";
import { KillBanner } from "./kill-switch";
import { type Filter, isOver, sections } from "./list-model";
import { NavigationProvider, incidentPath } from "../../parts/navigation";
import { Overview } from "./overview";
import { type Place, PlacesProvider } from "./places";
import { SystemDrawer } from "./system-drawer";
import { TopBar } from "./top-bar";
import { useRefetchOnReturn } from "./use-refetch";

export interface OpsPageProps {
  incidentId: string | undefined;
  /** The event that the address leads to. */
  eventId?: string | undefined;
  /** Goes to a path, of this dashboard or of another. */
  go: (path: string) => void;
  dev: boolean;
  /** Stops the clock, for pictures and tests. */
  now?: number;
}

export function OpsPage({ incidentId, go: goTo, dev, now }: OpsPageProps) {
  const go = useCallback((id: string | undefined) => goTo(incidentPath(id)), [goTo]);
  const { summaries, known } = useVigilState((s) => s.incidents);
  const offsetMs = useVigilState((s) => s.connection.clockOffsetMs);
  const [filter, setFilter] = useState<Filter>({ text: "", show: "all" });
  const [help, setHelp] = useState(false);
  const [place, setPlace] = useState<Place>();
  const searchRef = useRef<HTMLInputElement>(null);
  const mainRef = useRef<HTMLElement>(null);
  const listed = useMemo(() => sections(summaries.values(), filter), [summaries, filter]);
  const counts = useMemo(() => {
    if (!known) return undefined;
    const open = [...summaries.values()].filter((s) => !isOver(s));
    return { open: open.length, needsHuman: open.filter((s) => s.needs_human).length };
  }, [summaries, known]);
  const navigation = useMemo(() => {
    // Whoever follows a link out of the drawer wants to see where it leads.
    const leave = (id: string | undefined) => {
      setPlace(undefined);
      go(id);
    };
    return { incidentId, go: leave };
  }, [incidentId, go]);
  const selected = incidentId === undefined ? undefined : summaries.get(incidentId);

  useEffect(() => {
    const needing = counts === undefined || counts.needsHuman === 0 ? "" : `(${counts.needsHuman}) `;
    document.title = `${needing}${selected === undefined ? "Operations" : `${selected.title}, ${standingWord(selected).text.toLowerCase()}`} · Vigil`;
  }, [counts, selected]);

  const move = (by: 1 | -1) => {
    const order = [...listed.open, ...listed.over].map((s) => s.incident_id);
    const at = incidentId === undefined ? -1 : order.indexOf(incidentId);
    const next = order[at === -1 ? (by === 1 ? 0 : order.length - 1) : Math.min(order.length - 1, Math.max(0, at + by))];
    if (next === undefined) return;
    go(next);
    requestAnimationFrame(() => document.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest" }));
  };
  const commands: Record<Shortcut, () => void> = {
    j: () => move(1),
    k: () => move(-1),
    a: () => mainRef.current?.querySelector<HTMLButtonElement>('[data-action="approve"]')?.focus(),
    "/": () => searchRef.current?.focus(),
    s: () => setPlace({ tab: "vigil" }),
    d: () => setPlace({ tab: "deliveries" }),
    m: () => setPlace({ tab: "silences" }),
    c: () => setPlace({ tab: "controls" }),
    l: () => setPlace({ tab: "leases" }),
    o: () => go(undefined),
    "?": () => setHelp(true),
  };
  useRefetchOnReturn();
  useShortcuts((key) => commands[key]());

  return (
    <NavigationProvider value={navigation}>
      <PlacesProvider value={setPlace}>
        <NowProvider offsetMs={offsetMs} fixed={now}>
          <div className="flex h-dvh flex-col">
            <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-surface focus:p-2">
              Skip to the incident
            </a>
            <TopBar counts={counts} dev={dev} go={goTo} onHelp={() => setHelp(true)} />
            <KillBanner />
            <ConnectionBanner />
            {/* On a narrow screen: one incident, or the list with the overview below it. */}
            <div className={clsx("flex min-h-0 flex-1", incidentId === undefined && "max-lg:block max-lg:overflow-y-auto")}>
              <div className={clsx("w-full shrink-0 border-line bg-surface lg:block lg:w-80 lg:border-r", incidentId !== undefined && "hidden")}>
                <IncidentList sections={listed} filter={filter} onFilter={setFilter} selected={incidentId} searchRef={searchRef} />
              </div>
              <main key={incidentId} id="main" ref={mainRef} tabIndex={-1} className={clsx("min-w-0 flex-1 outline-none", incidentId === undefined ? "lg:overflow-y-auto" : "overflow-y-auto")}>
                {incidentId === undefined ? <Overview /> : <IncidentDetail id={incidentId} />}
              </main>
            </div>
          </div>
          <HelpDialog open={help} onOpenChange={setHelp} />
          <SystemDrawer place={place} onPlace={setPlace} />
          <Announcer summaries={summaries} known={known} />
        </NowProvider>
      </PlacesProvider>
    </NavigationProvider>
  );
}
