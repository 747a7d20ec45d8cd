/** One incident: its head, five ways to look at it, and the replay that all of them follow. */
import { Tabs } from "@base-ui/react/tabs";
import { clsx } from "clsx";
import { Bot, ChartLine, ChartNoAxesGantt, GitFork, MessagesSquare } from "lucide-react";
import { Suspense, lazy, useCallback, useEffect, useEffectEvent, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from "react";

import type { Clock } from "../../feed/clock";
import { systemClock } from "../../feed/clock";
import type { OpenScenario } from "../../feed/scenarios";
import { CitationsProvider, useCitations } from "../../parts/citations";
import { NavigationProvider, incidentPath } from "../../parts/navigation";
import { NowProvider, useNow } from "../../ui/now";
import { Skeleton } from "../../ui/panel";
import { usePrefetch } from "../../ui/prefetch";
import { KeysDialog } from "./keys-dialog";
import { Player } from "./player";
import { ReasoningView } from "./reasoning-view";
import type { Recording } from "./recording";
import { Scrubber } from "./scrubber";
import { stepsOf } from "./steps";
import { PlaceProvider, type SubjectState, SubjectProvider, type ViewName, viewNames } from "./subject";
import { SubjectHeader } from "./subject-header";
import type { Subject } from "./transparency-page";
import { useKeys } from "./use-keys";

const later = {
  decisions: () => import("./decisions-view"),
  confidence: () => import("./confidence-view"),
  communication: () => import("./communication-view"),
  analytics: () => import("./analytics-view"),
};

const DecisionsView = lazy(async () => ({ default: (await later.decisions()).DecisionsView }));
const ConfidenceView = lazy(async () => ({ default: (await later.confidence()).ConfidenceView }));
const CommunicationView = lazy(async () => ({ default: (await later.communication()).CommunicationView }));
const AnalyticsView = lazy(async () => ({ default: (await later.analytics()).AnalyticsView }));

/** Fetches the views that the page does not begin with. */
export async function prefetch(): Promise<void> {
  await Promise.all(Object.values(later).map((load) => load()));
}

const views: Record<ViewName, { text: string; icon: ReactNode; content: (scroller: HTMLElement | null) => ReactNode }> = {
  reasoning: { text: "Reasoning", icon: <Bot aria-hidden className="size-4" />, content: (scroller) => <ReasoningView scroller={scroller} /> },
  decisions: { text: "Decisions", icon: <GitFork aria-hidden className="size-4" />, content: () => <DecisionsView /> },
  confidence: { text: "Confidence", icon: <ChartLine aria-hidden className="size-4" />, content: () => <ConfidenceView /> },
  communication: { text: "Communication", icon: <MessagesSquare aria-hidden className="size-4" />, content: (scroller) => <CommunicationView scroller={scroller} /> },
  analytics: { text: "Analytics", icon: <ChartNoAxesGantt aria-hidden className="size-4" />, content: () => <AnalyticsView /> },
};

interface Props {
  subject: Subject;
  recording: Recording;
  scenario: OpenScenario | undefined;
  view: string | undefined;
  at: string | undefined;
  go: (path: string) => void;
  replace: (path: string) => void;
  temporal?: string | undefined;
  clock?: Clock;
}

/** How long an address waits for the next move of the slider, in ms: browsers limit how often it may change. */
const settled = 200;

export function SubjectPage({ subject, recording, scenario, view: asked, at, go, replace, temporal, clock = systemClock }: Props) {
  const [player] = useState(() => standingAt(recording, at, clock));
  const [help, setHelp] = useState(false);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  useLayoutEffect(() => player.load(recording.pace), [player, recording]);
  useEffect(() => () => player.pause(), [player]);
  const standing = useSyncExternalStore(player.subscribe, player.standing);
  const index = Math.min(standing.index, recording.last);
  const view = viewNames.find((name) => name === asked) ?? "reasoning";
  const steps = useMemo(() => stepsOf(recording.events), [recording]);
  const over = recording.viewAfter(recording.last)?.closed_at !== undefined;
  const live = subject.kind === "incident" && !over;

  const base = subject.kind === "incident" ? `/transparency/incidents/${encodeURIComponent(subject.id)}` : `/transparency/scenarios/${encodeURIComponent(subject.name)}`;
  const path = useCallback((to: number | undefined, name: ViewName) => `${base}?view=${name}${to === undefined ? "" : `&at=${encodeURIComponent(recording.addressOf(to))}`}`, [base, recording]);
  const shownAt = standing.atHead ? undefined : index;
  const here = shownAt === undefined ? undefined : recording.addressOf(shownAt);
  useAddress({ player, recording, clock, at, here, path: standing.playing ? undefined : path(shownAt, view), replace });

  const show = (name: ViewName) => replace(path(shownAt, name));
  const open = useCallback(
    (to: number, name: ViewName = view) => {
      player.pause();
      player.seek(to);
      if (name !== view) replace(path(to, name));
    },
    [player, view, path, replace],
  );
  usePrefetch(true, prefetch);
  useKeys({
    ...Object.fromEntries(viewNames.map((name, i) => [String(i + 1), () => show(name)])),
    ArrowLeft: () => player.step(-1),
    ArrowRight: () => player.step(1),
    " ": () => player.toggle(),
    Home: () => player.seek(0),
    End: () => player.toHead(),
    "?": () => setHelp(true),
  });

  const stood = recording.viewAfter(index) ?? recording.viewAfter(recording.last);
  useEffect(() => {
    document.title = `${stood?.title ?? "Transparency"} explained · Vigil`;
  }, [stood?.title]);
  const known = useMemo(() => new Set((stood?.evidence ?? []).map((e) => e.id)), [stood?.evidence]);
  const navigation = useMemo(() => ({ incidentId: undefined, go: (id: string | undefined) => go(incidentPath(id)) }), [go]);
  const state = useMemo((): SubjectState => ({ recording, steps, scenario, open, path }), [recording, steps, scenario, open, path]);
  if (stood === undefined) return null;
  const place = { index, view: stood, atEnd: index === recording.last };
  // An incident that goes on is looked at now; a replay at the instant that it stands at.
  const now = live && standing.atHead ? undefined : recording.times[index];
  return (
    <SubjectProvider value={state}>
      <PlaceProvider value={place}>
        <NavigationProvider value={navigation}>
          <CitationsProvider known={known}>
            <At time={now}>
              <Tabs.Root value={view} onValueChange={(name) => show(name as ViewName)} className="flex min-h-0 flex-1 flex-col">
                <main id="main" tabIndex={-1} ref={setScroller} className="relative min-h-0 flex-1 overflow-y-auto outline-none" data-testid="explained" data-incident={stood.incident_id} data-run={stood.run_id} data-seq={stood.seq} data-status={stood.status}>
                  <SubjectHeader go={go} temporal={subject.kind === "incident" ? temporal : undefined} figures={scenario?.figures} />
                  <Tabs.List aria-label="Views" className="sticky top-0 z-20 flex gap-0.5 overflow-x-auto border-b border-line bg-canvas px-3 sm:px-5">
                    {viewNames.map((name, i) => (
                      <Tabs.Tab
                        key={name}
                        value={name}
                        data-key={i + 1}
                        aria-keyshortcuts={String(i + 1)}
                        className={clsx(
                          "-mb-px inline-flex h-9 shrink-0 items-center gap-1.5 border-b-2 border-transparent px-2.5 text-xs text-ink-2 hover:text-ink",
                          "after:ml-0.5 after:rounded after:border after:border-line after:px-1 after:text-2xs after:leading-4 after:text-ink-3 after:content-[attr(data-key)] max-md:after:hidden",
                          "data-active:border-accent data-active:font-semibold data-active:text-accent",
                        )}
                      >
                        {views[name].icon}
                        {views[name].text}
                      </Tabs.Tab>
                    ))}
                  </Tabs.List>
                  <Tabs.Panel value={view} className="px-3 py-4 sm:px-5" data-testid={`view-${view}`}>
                    <Suspense fallback={<Skeleton className="h-60 w-full" />}>{views[view].content(scroller)}</Suspense>
                  </Tabs.Panel>
                </main>
                {view !== "reasoning" && <CitedElsewhere onCited={() => show("reasoning")} />}
                <KeysDialog open={help} onOpenChange={setHelp} />
                <Scrubber player={player} standing={standing} live={live} />
              </Tabs.Root>
            </At>
          </CitationsProvider>
        </NavigationProvider>
      </PlaceProvider>
    </SubjectProvider>
  );
}

function standingAt(recording: Recording, at: string | undefined, clock: Clock): Player {
  const player = new Player(clock);
  player.load(recording.pace);
  const index = at === undefined ? undefined : recording.find(at);
  if (index !== undefined) player.seek(index);
  return player;
}

/** Evidence is a step of the reasoning: whoever follows a citation out of another view is taken there. */
function CitedElsewhere({ onCited }: { onCited: () => void }) {
  const { shown } = useCitations();
  const [before] = useState(shown?.times ?? 0);
  const cited = useEffectEvent(onCited);
  const times = shown?.times ?? 0;
  useEffect(() => {
    if (times > before) cited();
  }, [times, before]);
  return null;
}

/** The time that ages are counted to: that of the replay, or now. */
function At({ time, children }: { time: number | undefined; children: ReactNode }) {
  const now = useNow();
  return (
    <NowProvider offsetMs={0} fixed={time ?? now}>
      {children}
    </NowProvider>
  );
}

/**
 * Address and replay follow each other: the replay goes where the address leads, and once it stands,
 * the address is brought up to where it stands.
 */
function useAddress({ player, recording, clock, at, here, path, replace }: AddressProps): void {
  const known = useRef({ at, path });
  useEffect(() => {
    if (at === known.current.at) return;
    const index = at === undefined ? undefined : recording.find(at);
    if (at !== undefined && index === undefined) return; // not read yet
    known.current = { at, path: undefined };
    if (index === undefined) player.toHead();
    else player.seek(index);
  }, [player, recording, at]);
  useEffect(() => {
    if (path === undefined || path === known.current.path) return;
    return clock.after(settled, () => {
      known.current = { at: here, path };
      replace(path);
    });
  }, [here, path, replace, clock]);
}

interface AddressProps {
  player: Player;
  recording: Recording;
  clock: Clock;
  /** The event that the address names. */
  at: string | undefined;
  /** The event that the replay stands at, as an address names it. */
  here: string | undefined;
  /** Where that is; undefined while it plays. */
  path: string | undefined;
  replace: (path: string) => void;
}
