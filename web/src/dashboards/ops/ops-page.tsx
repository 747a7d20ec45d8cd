/** Live operations: the list of incidents, one incident, and Vigil itself. */
import { clsx } from "clsx";
import { Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useVigilState } from "../../store/react";
import { NowProvider } from "../../ui/now";
import { standingWord } from "../../ui/words";
import { Announcer } from "./announcer";
import { ConnectionBanner } from "../../parts/connection-badge";
import { IncidentLoading, OverviewLoading } from "./incident-loading";
import { IncidentList } from "./incident-list";
import type { Command } from "./commands";
import { type Shortcut, useShortcuts } from "./keyboard";
import { KillBanner } from "./kill-switch";
import { type Filter, isOver, sections } from "./list-model";
import { NavigationProvider, incidentPath } from "../../parts/navigation";
import { type Place, PlacesProvider } from "./places";
import { usePrefetch } from "../../ui/prefetch";
import { loadFaults } from "./demo-controls";
import { TopBar } from "./top-bar";
import { useRefetchOnReturn } from "./use-refetch";

const later = {
  overview: () => import("./overview"),
  detail: () => import("./incident-detail"),
  ofDetail: async () => (await later.detail()).prefetch(),
  faults: loadFaults,
  drawer: () => import("./system-drawer"),
  help: () => import("./help-dialog"),
  palette: () => import("./command-palette"),
};

const Overview = lazy(async () => ({ default: (await later.overview()).Overview }));
const IncidentDetail = lazy(async () => ({ default: (await later.detail()).IncidentDetail }));
const SystemDrawer = lazy(async () => ({ default: (await later.drawer()).SystemDrawer }));
const HelpDialog = lazy(async () => ({ default: (await later.help()).HelpDialog }));
const CommandPalette = lazy(async () => ({ default: (await later.palette()).CommandPalette }));

/** Fetches what the page does not show at once, so that it is there when somebody asks for it. */
export async function prefetch(): Promise<void> {
  await Promise.all(Object.values(later).map((load) => load()));
}

/** True from the first time on that something was asked for: what closes slides out, and is not torn away. */
function useEver(asked: boolean): boolean {
  const [ever, setEver] = useState(asked);
  if (asked && !ever) setEver(true);
  return ever;
}

export interface OpsPageProps {
  incidentId: string | undefined;
  /** The event that the address leads to. */
  eventId?: string | undefined;
  /** Goes to a path, of this dashboard or of another. */
  go: (path: string) => void;
  dev: boolean;
  /** Whether the gateway has a sandbox. */
  sandbox?: boolean | undefined;
  /** Stops the clock, for pictures and tests. */
  now?: number;
}

export function OpsPage({ incidentId, eventId, go: goTo, dev, sandbox = false, now }: OpsPageProps) {
  const go = useCallback((id: string | undefined) => goTo(incidentPath(id)), [goTo]);
  const { summaries, known } = useVigilState((s) => s.incidents);
  const offsetMs = useVigilState((s) => s.connection.clockOffsetMs);
  const shown = useVigilState((s) => (incidentId === undefined ? s.incidents.known : (s.incidents.details.get(incidentId)?.load ?? "loading") !== "loading"));
  const [filter, setFilter] = useState<Filter>({ text: "", show: "all" });
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
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
    return { incidentId, go: leave, goTo };
  }, [incidentId, go, goTo]);
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
    requestAnimationFrame(() => document.querySelector('[data-testid="incident-list"] [aria-current="page"]')?.scrollIntoView({ block: "nearest" }));
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
  const ever = { help: useEver(help), drawer: useEver(place !== undefined), palette: useEver(palette) };
  useRefetchOnReturn();
  usePrefetch(shown, prefetch);
  useShortcuts((key) => commands[key]());
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.key.toLowerCase() !== "k" || !(e.metaKey || e.ctrlKey) || e.shiftKey || e.altKey) return;
      e.preventDefault();
      setPalette(true);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const openHelp = useCallback(() => setHelp(true), []);
  const openPalette = useCallback(() => setPalette(true), []);
  const run = (command: Command) => {
    setPalette(false);
    switch (command.do) {
      case "go":
        setPlace(undefined);
        goTo(command.path);
        return;
      case "place":
        setPlace(command.place);
        return;
      case "help":
        setHelp(true);
        return;
      case "filter":
        // The palette gives the focus back when it has closed.
        setTimeout(() => searchRef.current?.focus());
        return;
      case "press": {
        const button = mainRef.current?.querySelector<HTMLButtonElement>(`[data-action="${command.action}"]`);
        if (command.action === "approve") setTimeout(() => button?.focus());
        else button?.click();
      }
    }
  };

  return (
    <NavigationProvider value={navigation}>
      <PlacesProvider value={setPlace}>
        <NowProvider offsetMs={offsetMs} fixed={now}>
          <div className="relative flex h-dvh flex-col overflow-hidden">
            <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-surface focus:p-2">
              Skip to the incident
            </a>
            <TopBar counts={counts} dev={dev} sandbox={sandbox} go={goTo} onHelp={openHelp} onPalette={openPalette} />
            <KillBanner />
            <ConnectionBanner />
            {/* On a narrow screen: one incident, or the list with the overview below it. */}
            <div className={clsx("relative flex min-h-0 flex-1", incidentId === undefined && "max-lg:block max-lg:overflow-y-auto")}>
              <div className={clsx("w-full shrink-0 border-line bg-surface lg:block lg:w-80 lg:border-r", incidentId !== undefined && "hidden")}>
                <IncidentList sections={listed} filter={filter} onFilter={setFilter} selected={incidentId} searchRef={searchRef} />
              </div>
              <main key={incidentId} id="main" ref={mainRef} tabIndex={-1} className={clsx("relative min-w-0 flex-1 outline-none", incidentId === undefined ? "lg:overflow-y-auto" : "overflow-y-auto")}>
                <Suspense fallback={incidentId === undefined ? <OverviewLoading /> : <IncidentLoading />}>
                  {incidentId === undefined ? <Overview /> : <IncidentDetail id={incidentId} eventId={eventId} />}
                </Suspense>
              </main>
            </div>
          </div>
          <Suspense>
            {ever.help && <HelpDialog open={help} onOpenChange={setHelp} />}
            {ever.drawer && <SystemDrawer place={place} onPlace={setPlace} />}
            {ever.palette && <CommandPalette open={palette} onOpenChange={setPalette} run={run} />}
          </Suspense>
          <Announcer summaries={summaries} known={known} />
        </NowProvider>
      </PlacesProvider>
    </NavigationProvider>
  );
}
