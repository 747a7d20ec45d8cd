/**
 * Compares the list with the gateway's, where something may have been missed that left no trace: all
 * incidents that are open, and of the others those that are held. Seldom, page by page, and again
 * for as long as it fails; a doubt that arises meanwhile is for the next time.
 */
import { backoff } from "../feed/backoff";
import type { Clock } from "../feed/clock";
import type { IncidentPage } from "../feed/rest";
import type { Summary } from "../protocol/generated";

export interface ComparisonOptions {
  source: { incidents(cursor?: string, open?: boolean): Promise<IncidentPage> };
  clock: Clock;
  /** Which incidents are held. */
  held(): Iterable<string>;
  /** How many snapshots came so far: what was asked for before one may be older than it. */
  snapshots(): number;
  take(summaries: readonly Summary[]): void;
}

/** How often it is done at most. */
const everyMs = 30_000;

export class Comparison {
  private readonly options: ComparisonOptions;
  private doubted = false;
  /** One is under way, or is due. */
  private busy = false;
  private lastAt = Number.NEGATIVE_INFINITY;
  private failures = 0;

  constructor(options: ComparisonOptions) {
    this.options = options;
  }

  /** Something may have been missed. */
  doubt(): void {
    this.doubted = true;
    if (!this.busy) void this.next();
  }

  private async next(): Promise<void> {
    const { clock, held } = this.options;
    this.busy = this.doubted;
    if (!this.busy) return;
    const early = this.lastAt + everyMs - clock.now();
    if (early > 0) {
      clock.after(early, () => void this.next());
      return;
    }
    this.lastAt = clock.now();
    this.doubted = false;
    try {
      const left = new Set(held());
      await this.compare(left, true);
      if (left.size > 0) await this.compare(left, false);
      this.failures = 0;
      void this.next();
    } catch {
      this.doubted = true;
      this.lastAt = Number.NEGATIVE_INFINITY;
      clock.after(backoff(this.failures++, clock.random()), () => void this.next());
    }
  }

  /** Goes through the gateway's list, to its end or until nothing is left. */
  private async compare(left: Set<string>, open: boolean): Promise<void> {
    const { source, snapshots, take } = this.options;
    const began = snapshots();
    for (let cursor: string | undefined; ; ) {
      const page = await source.incidents(cursor, open || undefined);
      if (snapshots() !== began) {
        this.doubted = true;
        return;
      }
      take(page.incidents);
      for (const { incident_id } of page.incidents) left.delete(incident_id);
      cursor = page.nextCursor;
      if (cursor === undefined || (!open && left.size === 0)) return;
    }
  }
}
