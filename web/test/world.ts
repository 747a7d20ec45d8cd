/**
 * Incidents as they truly are, and a gateway that tells of them: what the property test of the store
 * holds a tab against. It knows no client. Everything that it answers is a copy, as over a network.
 */
import { ApiError, type EventPage, type IncidentPage } from "../src/feed/rest";
import { decodeEvent, decodeSummary } from "../src/protocol/decoder";
import type { IncidentEvent, ModelDelta, Provenance, Snapshot, Summary, View } from "../src/protocol/generated";
import { reduce, summaryOf } from "../src/store/reduce";
import { wire } from "./golden";

export interface Truth {
  events: IncidentEvent[];
  view: View | undefined;
  /** What the workflow itself knows: it never hears of what carries no number. */
  own: View | undefined;
  run: string;
  seq: number;
  turn: number;
}

/** What may happen to an incident. */
export const happenings = ["status", "alert", "resolvedAlert", "mention", "note", "severity", "agent", "model", "review", "edit", "invented", "close", "continue", "abort", "again"] as const;
export type Happening = (typeof happenings)[number];

/** How many closed incidents a snapshot has, and how much a page. */
const closedShown = 1;
const pageOfIncidents = 2;

const workflow: Provenance = { origin: "live", service: "workflow" };

export class World {
  readonly incidents = new Map<string, Truth>();
  /** Events of this epoch: the one at index i has offset i + 1. */
  stream: IncidentEvent[] = [];
  private epochs = 1;
  private time = Date.parse("2026-11-23T14:00:00Z");
  private runs = 0;
  private edits = 0;
  private readonly pageSize: number;

  constructor(pageSize: number) {
    this.pageSize = pageSize;
  }

  get epoch(): string {
    return `epoch-${this.epochs}`;
  }

  /** Lets something happen to the n-th incident, or opens it. The event, unless it cannot happen now. */
  happen(n: number, what: Happening): IncidentEvent | undefined {
    const id = `inc-${n}`;
    const truth = this.incidents.get(id);
    if (truth?.view === undefined) return this.begin(id, { type: "incident.opened", data: opened(id) });
    const over = truth.view.closed_at !== undefined;
    switch (what) {
      case "review":
        return this.say(truth, { type: "cause.reviewed", data: { by: `dana-${this.runs}-${truth.events.length}`, correct: truth.events.length % 2 === 0 } }, 0);
      case "edit":
        return this.say(truth, { type: "review.edited", data: { by: "noor", version: ++this.edits + 1, lines: [{ section: "Summary", text: `edit ${this.edits}`, cites: [] }] } }, 0);
      case "again":
        return over && truth.view.status === "aborted" ? this.begin(id, { type: "incident.opened", data: opened(id) }) : undefined;
      case "abort":
        return over ? undefined : this.say(truth, { type: "incident.aborted", data: { reason: "terminated" } }, 0);
    }
    if (over) return undefined;
    switch (what) {
      case "status": {
        const needs_human = truth.seq % 3 === 0;
        return this.say(truth, { type: "incident.status_changed", data: { status: needs_human ? "needs_human" : "investigating", needs_human } });
      }
      case "alert":
        return this.say(truth, received(truth.seq % 4, "firing"));
      case "resolvedAlert":
        return this.say(truth, received(truth.seq % 3, "resolved"));
      case "mention":
        return this.say(truth, { type: "alerts.mentioned", data: { alerts: [{ member: `m-${truth.seq % 5}`, status: "firing", severity: "low", inbox_id: 1, silenced: truth.seq % 2 === 0 }] } });
      case "note":
        return this.say(truth, { type: "incident.noted", data: { by: "dana", text: `note ${truth.seq}` } });
      case "severity":
        return this.say(truth, { type: "incident.severity_changed", data: { from: truth.view.severity, to: truth.seq % 2 === 0 ? "low" : "critical", by: "dana" } });
      case "agent":
        return this.say(truth, { type: "agent.updated", data: { agent: "diagnosis", state: "analyzing", evidence_count: truth.seq } });
      case "model":
        return this.say(truth, { type: "model.called", data: { agent: "diagnosis", turn: ++truth.turn, stop_reason: "end_turn" } });
      case "invented":
        return this.say(truth, { type: "agent.invented", data: { of: "a newer version" } });
      case "close":
        return this.say(truth, { type: "incident.closed", data: { status: "resolved", outcome: "recovered", reason: "over" } });
      case "continue":
        return this.begin(id, { type: "incident.continued", data: { from_run_id: truth.run, view: truth.own } });
    }
    return undefined;
  }

  /** A piece of what a model says on the way to its next call. */
  delta(n: number, index: number): ModelDelta | undefined {
    const truth = this.incidents.get(`inc-${n}`);
    if (truth?.view === undefined || truth.view.closed_at !== undefined) return undefined;
    return { type: "model.delta", incident_id: truth.view.incident_id, run_id: truth.run, agent: "diagnosis", turn: truth.turn + 1, attempt: 1, index, text: `piece ${index}`, origin: "live" };
  }

  /** The stream is made anew; what happened is kept elsewhere. */
  remake(): void {
    this.epochs++;
    this.stream = [];
  }

  /** All is as it was some events ago, and goes on from there another way. */
  restore(back: number): void {
    const lost = this.stream.slice(Math.max(0, this.stream.length - back));
    this.remake();
    for (const event of lost.toReversed()) {
      const truth = this.incidents.get(event.incident_id);
      truth?.events.pop();
    }
    for (const [id, { events }] of this.incidents) this.retell(id, events);
  }

  snapshot(): Snapshot {
    const all = this.listed();
    const closed = all.filter((s) => s.closed_at !== undefined).sort((a, b) => Date.parse(b.closed_at ?? "") - Date.parse(a.closed_at ?? ""));
    const incidents = [...all.filter((s) => s.closed_at === undefined), ...closed.slice(0, closedShown)];
    return { type: "snapshot", epoch: this.epoch, offset: this.stream.length, incidents };
  }

  events(id: string, after: number, runId?: string): EventPage {
    const all = this.incidents.get(id)?.events ?? [];
    const run = runId ?? all.findLast((e) => e.seq === 1)?.run_id;
    if (run === undefined) throw new ApiError(404, "not_found", "Not found", `there is no incident ${id}`);
    const ofRun = all.filter((e) => e.run_id === run);
    const from = ofRun.findLastIndex((e) => e.seq > 0 && e.seq <= after) + 1;
    // A page ends with a numbered event, so that the next goes on from it.
    let to = Math.min(ofRun.length, from + this.pageSize);
    while (to < ofRun.length && ofRun[to - 1]?.seq === 0) to++;
    return { events: wire(ofRun.slice(from, to)).map(decodeEvent), more: to < ofRun.length };
  }

  page(cursor?: string, open = false): IncidentPage {
    const all = this.listed().filter((s) => !open || s.closed_at === undefined);
    const from = cursor === undefined ? 0 : all.findIndex((s) => before(s) < cursor);
    const incidents = from === -1 ? [] : all.slice(from, from + pageOfIncidents);
    const last = incidents.at(-1);
    return { incidents: wire(incidents).map(decodeSummary), nextCursor: last === undefined || last === all.at(-1) ? undefined : before(last) };
  }

  private listed(): Summary[] {
    return [...this.incidents.values()].flatMap(({ view }) => (view === undefined ? [] : [summaryOf(view)])).sort((a, b) => (before(a) < before(b) ? 1 : -1));
  }

  private begin(id: string, what: { type: string; data: unknown }): IncidentEvent {
    let truth = this.incidents.get(id);
    if (truth === undefined) this.incidents.set(id, (truth = { events: [], view: undefined, own: undefined, run: "", seq: 0, turn: 0 }));
    truth.run = `run-${++this.runs}`;
    truth.seq = 0;
    return this.say(truth, what, undefined, id);
  }

  private say(truth: Truth, what: { type: string; data: unknown }, seq = ++truth.seq, id = truth.view?.incident_id ?? ""): IncidentEvent {
    this.time += 1_000;
    const event = wire({
      ...what,
      id: `${truth.run}/${seq === 0 ? `x${this.time}` : seq}`,
      incident_id: id,
      run_id: truth.run,
      seq,
      epoch: this.epoch,
      offset: this.stream.length + 1,
      at: new Date(this.time).toISOString(),
      provenance: workflow,
    }) as IncidentEvent;
    this.stream.push(event);
    truth.events.push(event);
    this.add(truth, event);
    return event;
  }

  private add(truth: Truth, event: IncidentEvent): void {
    if (isInvented(event)) {
      // It changes nothing that is looked at here; who can read it has seen that it happened.
      const seen = { seq: event.seq, updated_at: event.at };
      truth.view = truth.view && { ...truth.view, ...seen };
      truth.own = truth.own && { ...truth.own, ...seen };
      return;
    }
    truth.view = reduce(truth.view, event);
    if (event.seq !== 0) truth.own = reduce(truth.own, event);
  }

  private retell(id: string, events: IncidentEvent[]): void {
    if (events.length === 0) {
      this.incidents.delete(id);
      return;
    }
    const numbered = events.findLast((e) => e.seq > 0) as IncidentEvent;
    const truth: Truth = { events, view: undefined, own: undefined, run: numbered.run_id, seq: numbered.seq, turn: 0 };
    for (const event of events) {
      this.add(truth, event);
      if (event.type === "model.called") truth.turn = event.data.turn;
    }
    this.incidents.set(id, truth);
  }
}

/** Whether the gateway is newer than the page, which cannot read this event. */
export function isInvented(event: IncidentEvent | undefined): boolean {
  return (event?.type as string | undefined) === "agent.invented";
}

/** Where an incident is in the list, newest first. */
function before(s: Summary): string {
  return `${s.opened_at} ${s.incident_id}`;
}

function opened(id: string) {
  return { title: `Trouble ${id}`, service: "checkout", severity: "high", source: "test", started_at: "2026-11-23T13:59:00Z" };
}

function received(member: number, status: "firing" | "resolved") {
  const alert = { source: "test", correlation_key: "k", fingerprint: `f-${member}`, member: `m-${member}`, status, title: "slow", ...(member === 1 && { silenced_by: "s-1" }) };
  return { type: "alert.received", data: { alert } };
}
