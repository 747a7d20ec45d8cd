/**
 * What models are saying right now, piece by piece. It is ephemeral: pieces may be missing, nothing
 * keeps them, and the finished text, which is an event, takes their place.
 *
 * INVARIANT (speech.test.ts "is bounded"): whatever comes, at most maxSpeakers texts of at most
 * maxLength characters are held.
 */
import type { DecodedEvent } from "../protocol/decoder";
import type { Agent, ModelDelta, Origin } from "../protocol/generated";
import type { Schedule } from "./schedule";

/** What one agent's model has said so far of a turn that is not over. */
export interface Speech {
  incidentId: string;
  runId: string;
  agent: Agent;
  turn: number;
  attempt: number;
  /** The end of it where it is longer than is kept. */
  text: string;
  /** Pieces are missing, at the beginning or on the way. */
  gaps: boolean;
  origin: Origin;
}

export type Speeches = ReadonlyMap<string, Speech>;

export function speechKey(incidentId: string, agent: Agent): string {
  return `${incidentId}/${agent}`;
}

const maxLength = 16_000;
const maxSpeakers = 100;

/** Stands where pieces are missing. */
const ellipsis = " … ";

interface Speaker extends Speech {
  next: number;
  over: boolean;
}

export class SpeechStore {
  private readonly speakers = new Map<string, Speaker>();
  private readonly publish: (speeches: Speeches) => void;
  private readonly schedule: Schedule;

  constructor(publish: (speeches: Speeches) => void, schedule: Schedule) {
    this.publish = publish;
    this.schedule = schedule;
  }

  delta(d: ModelDelta): void {
    const key = speechKey(d.incident_id, d.agent);
    let s = this.speakers.get(key);
    if (s === undefined || begins(s, d)) {
      s = { incidentId: d.incident_id, runId: d.run_id, agent: d.agent, turn: d.turn, attempt: d.attempt, text: "", gaps: false, origin: d.origin, next: 0, over: false };
    } else if (s.over || d.run_id !== s.runId || d.turn !== s.turn || d.attempt !== s.attempt || d.index < s.next) {
      return; // late, or there already
    }
    if (d.index > s.next) {
      s.gaps = true;
      s.text += ellipsis;
    }
    s.text += d.text;
    if (s.text.length > maxLength) s.text = s.text.slice(-maxLength);
    s.next = d.index + 1;
    this.speakers.delete(key); // whoever spoke last goes last
    this.speakers.set(key, s);
    if (this.speakers.size > maxSpeakers) this.speakers.delete(this.speakers.keys().next().value ?? "");
    this.schedule(this.flush);
  }

  /**
   * An event says what has become of a turn: the finished text, or none. One that was missed and
   * comes late says nothing of what has begun since.
   */
  event(decoded: DecodedEvent, late = false): void {
    if (!decoded.readable) return;
    const { event: e } = decoded;
    switch (e.type) {
      case "model.called":
        this.end(e.incident_id, e.data.agent, e.data.turn);
        break;
      case "agent.updated":
        if (late) break;
        if (e.data.state !== "analyzing" && e.data.state !== "processing") this.end(e.incident_id, e.data.agent);
        break;
      case "error.raised":
        if (!late && e.data.agent !== undefined) this.end(e.incident_id, e.data.agent);
        break;
      case "incident.continued": // only once nobody speaks any more
        for (const s of this.speakers.values()) if (s.runId === e.data.from_run_id) this.end(s.incidentId, s.agent);
        break;
      case "incident.closed":
      case "incident.aborted":
        for (const s of this.speakers.values()) if (s.incidentId === e.incident_id) this.end(e.incident_id, s.agent);
        break;
    }
  }

  /** What was missed is not known: nothing that was said is known to be unfinished still. */
  clear(): void {
    this.speakers.clear();
    this.schedule(this.flush);
  }

  /** The same of one incident. */
  forget(incidentId: string): void {
    for (const [key, s] of this.speakers) if (s.incidentId === incidentId) this.speakers.delete(key);
    this.schedule(this.flush);
  }

  /** Pieces of the turn that still come are not shown any more. */
  private end(incidentId: string, agent: Agent, turn?: number): void {
    const s = this.speakers.get(speechKey(incidentId, agent));
    if (s === undefined || s.over || (turn !== undefined && turn < s.turn)) return;
    s.over = true;
    s.text = "";
    this.schedule(this.flush);
  }

  private readonly flush = (): void => {
    const speeches = new Map<string, Speech>();
    for (const [key, { next: _n, over, ...speech }] of this.speakers) if (!over) speeches.set(key, speech);
    this.publish(speeches);
  };
}

/** Whether a piece is of something newer than what is there. */
function begins(s: Speaker, d: ModelDelta): boolean {
  if (d.run_id !== s.runId) return d.index === 0 || s.over;
  if (d.turn !== s.turn) return d.turn > s.turn || d.index === 0;
  if (d.attempt !== s.attempt) return d.attempt > s.attempt;
  return s.over && d.index === 0;
}
