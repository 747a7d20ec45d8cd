/**
 * Everything that is live in a tab, wired together: feed → incidents → one zustand store that
 * React (or anything else) subscribes to. One per tab.
 */
import { type StoreApi, createStore } from "zustand/vanilla";

import { type Connection, Feed, type FeedOptions } from "../feed/feed";
import type { Rest } from "../feed/rest";
import type { AWSServicesEvent, BusinessMetricsEvent, Controls, SystemEvent, SystemHealthEvent } from "../protocol/generated";
import { hear } from "./aws-services";
import { IncidentStore, type IncidentsState } from "./incidents";
import { type Schedule, frameSchedule } from "./schedule";
import { Outbox, type PendingNote } from "./outbox";
import { type Speeches, SpeechStore } from "./speech";

export interface SystemState {
  health?: SystemHealthEvent;
  business?: BusinessMetricsEvent;
  /** The latest of each worker. */
  aws?: readonly AWSServicesEvent[];
  /** How far Vigil may go now, as far as is known. */
  controls?: Controls;
}

export interface VigilState {
  incidents: IncidentsState;
  system: SystemState;
  connection: Connection;
  /** What models are saying now, by speechKey. */
  speeches: Speeches;
  /** Notes that are not with the gateway yet. */
  pendingNotes: readonly PendingNote[];
}

export interface VigilOptions extends Omit<FeedOptions, "sink" | "onConnection"> {
  rest: Rest;
  schedule?: Schedule;
}

export class Vigil {
  readonly state: StoreApi<VigilState>;
  readonly incidents: IncidentStore;
  readonly rest: Rest;
  readonly outbox: Outbox;
  private readonly feed: Feed;
  private readonly speech: SpeechStore;

  constructor({ rest, schedule = frameSchedule(), ...feedOptions }: VigilOptions) {
    this.rest = rest;
    this.state = createStore<VigilState>(() => ({
      incidents: IncidentStore.empty(),
      system: {},
      speeches: new Map(),
      pendingNotes: [],
      connection: { state: "connecting", attempts: 0, since: Date.now(), clockOffsetMs: 0, malformed: 0 },
    }));
    this.incidents = new IncidentStore({
      source: rest,
      schedule,
      clock: feedOptions.clock,
      publish: (incidents) => this.state.setState({ incidents }),
      late: (event) => this.speech.event(event, true),
      skipped: (id) => this.speech.forget(id),
    });
    this.outbox = new Outbox({
      send: (id, text, key) => rest.note(id, text, key),
      publish: (pendingNotes) => this.state.setState({ pendingNotes }),
      clock: feedOptions.clock,
    });
    this.speech = new SpeechStore((speeches) => this.state.setState({ speeches }), schedule);
    this.feed = new Feed({
      ...feedOptions,
      onConnection: (connection) => {
        this.state.setState({ connection });
        this.outbox.connected(connection.state === "live");
      },
      sink: {
        snapshot: (snapshot) => {
          this.incidents.snapshot(snapshot);
          this.speech.clear();
        },
        event: (event) => {
          this.incidents.event(event);
          this.speech.event(event);
        },
        delta: (delta) => this.speech.delta(delta),
        system: (event) => this.system(event),
        verify: () => {
          this.incidents.verify();
          this.speech.clear();
        },
      },
    });
  }

  start(): void {
    this.feed.start();
  }

  stop(): void {
    this.feed.stop();
  }

  reconnect(): void {
    this.feed.retry();
  }

  /** Controls that were read or set over the API rather than heard of. */
  learnControls(controls: Controls): void {
    this.state.setState(({ system }) => ({ system: { ...system, controls: newer(system.controls, controls) } }));
  }

  private system(event: SystemEvent): void {
    this.state.setState(({ system }) => ({ system: { ...system, ...systemPart(event, system) } }));
  }
}

function systemPart(event: SystemEvent, before: SystemState): SystemState {
  switch (event.type) {
    case "system.health":
      return { health: event };
    case "business.metrics":
      return { business: event };
    case "aws.services":
      return { aws: hear(before.aws ?? [], event) };
    case "controls.changed":
      return { controls: newer(before.controls, event.data) };
  }
}

/** An answer may be overtaken on its way by an event that says more. Revisions begin anew where the store of them was made anew; times do not. */
function newer(have: Controls | undefined, next: Controls): Controls {
  if (have === undefined || (next.revision ?? 0) >= (have.revision ?? 0)) return next;
  return Date.parse(next.at ?? "") > Date.parse(have.at ?? "") ? next : have;
}
