/**
 * Notes that were written while the gateway could not be reached. They are kept in this tab, in the
 * order in which they were written, each with its idempotency key, and sent one after the other once
 * there is a connection. Nothing but notes is ever kept here: a decision that is carried out later
 * than it was made may be wrong by then.
 */
import { type Clock, systemClock } from "../feed/clock";
import { backoff } from "../feed/backoff";
import { ApiError, newIdempotencyKey } from "../feed/rest";

export interface PendingNote {
  key: string;
  incidentId: string;
  text: string;
  /** Why the gateway does not take it. It is not tried again by itself then. */
  refused?: string;
}

export interface OutboxOptions {
  send: (incidentId: string, text: string, key: string) => Promise<void>;
  publish: (notes: readonly PendingNote[]) => void;
  clock?: Clock;
}

export class Outbox {
  private readonly options: OutboxOptions;
  private readonly clock: Clock;
  private notes: readonly PendingNote[] = [];
  private live = false;
  private busy = false;
  private failures = 0;

  constructor(options: OutboxOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
  }

  add(incidentId: string, text: string): void {
    this.set([...this.notes, { key: newIdempotencyKey(), incidentId, text }]);
    void this.flush();
  }

  discard(key: string): void {
    this.set(this.notes.filter((n) => n.key !== key));
  }

  /** Whether the gateway can be reached. */
  connected(live: boolean): void {
    const back = live && !this.live;
    this.live = live;
    if (back) void this.flush();
  }

  private async flush(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    for (let next = this.next(); next !== undefined; next = this.next()) {
      const note = next;
      try {
        await this.options.send(note.incidentId, note.text, note.key); // oxlint-disable-line no-await-in-loop -- in their order
        this.failures = 0;
        this.discard(note.key);
      } catch (error) {
        if (error instanceof ApiError && !error.retryable) {
          this.set(this.notes.map((n) => (n.key === note.key ? { ...n, refused: error.message } : n)));
          continue;
        }
        this.clock.after(backoff(this.failures++, this.clock.random()), () => void this.flush());
        break;
      }
    }
    this.busy = false;
  }

  private next(): PendingNote | undefined {
    return this.live ? this.notes.find((n) => n.refused === undefined) : undefined;
  }

  private set(notes: readonly PendingNote[]): void {
    this.notes = notes;
    this.options.publish(notes);
  }
}
