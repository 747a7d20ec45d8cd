/** A store of incidents on a gateway and a clock that the test moves. */
import { FakeClock } from "./fake-clock";
import { story, storyNames } from "./golden";
import { ApiError, type EventPage, type IncidentPage } from "../src/feed/rest";
import { decodeEvent } from "../src/protocol/decoder";
import type { IncidentEvent, Snapshot, Summary, View } from "../src/protocol/generated";
import { IncidentStore, type IncidentsState } from "../src/store/incidents";
import { reduce, summaryOf } from "../src/store/reduce";

const all = storyNames.map((name) => story(name));

/** A gateway that has read so many events of each story. */
export class FakeGateway {
  readonly requests: string[] = [];
  readonly has = new Map<string, number>();
  failing: Error | undefined;
  pageSize = 7;

  constructor(have: (events: IncidentEvent[]) => number = (events) => events.length) {
    for (const s of all) this.has.set(s.view.incident_id, have(s.events));
  }

  events = async (id: string, after: number, runId?: string): Promise<EventPage> => {
    this.requests.push(`${id} ${after} ${runId ?? "latest"}`);
    await Promise.resolve();
    if (this.failing !== undefined) throw this.failing;
    const known = this.applied(id);
    if (known.length === 0) throw new ApiError(404, "not_found", "Not found", `there is no incident ${id}`);
    const run = runId ?? (known.at(-1) as IncidentEvent).run_id;
    const ofRun = known.filter((e) => e.run_id === run);
    const from = ofRun.findLastIndex((e) => e.seq > 0 && e.seq <= after) + 1;
    const page = ofRun.slice(from, from + this.pageSize);
    return { events: page.map(decodeEvent), more: from + page.length < ofRun.length };
  };

  incidents = async (): Promise<IncidentPage> => ({ incidents: this.summaries() });

  applied(id: string): IncidentEvent[] {
    return all.find((s) => s.view.incident_id === id)?.events.slice(0, this.has.get(id)) ?? [];
  }

  summaries(): Summary[] {
    return [...this.has.keys()].flatMap((id) => {
      const view = this.applied(id).reduce<View | undefined>(reduce, undefined);
      return view === undefined ? [] : [summaryOf(view)];
    });
  }

  snapshot(epoch = "e"): Snapshot {
    return { type: "snapshot", epoch, offset: 1, incidents: this.summaries() };
  }
}

export function setUp(gateway = new FakeGateway()) {
  const clock = new FakeClock();
  let state: IncidentsState = IncidentStore.empty();
  let published = 0;
  const skipped: string[] = [];
  let flush: (() => void) | undefined;
  const store = new IncidentStore({
    source: gateway,
    clock,
    skipped: (id) => skipped.push(id),
    schedule: (f) => {
      flush = f;
    },
    publish: (s) => {
      state = s;
      published++;
    },
  });
  const settle = async () => {
    for (let i = 0; i < 60; i++) await Promise.resolve();
    flush?.();
    flush = undefined;
  };
  return {
    gateway,
    store,
    clock,
    settle,
    skipped,
    get state() {
      return state;
    },
    get published() {
      return published;
    },
    detail: (id: string) => state.details.get(id),
    async settleAll() {
      for (let i = 0; i < 12; i++) {
        await settle();
        clock.advance(20_000);
      }
      await settle();
    },
  };
}
