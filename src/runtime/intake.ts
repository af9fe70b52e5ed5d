/** A bound on what a source takes in: so many records in a stretch of time, and then none until the next. */
import type { IntakeLimit } from '../core/operator.ts';
import type { Clock } from '../core/ports.ts';

export class Intake {
  private readonly clock: Clock;
  private readonly limit: IntakeLimit | undefined;
  private endsAt = Number.NEGATIVE_INFINITY;
  private left = 0;

  constructor(limit: IntakeLimit | undefined, clock: Clock) {
    this.limit = limit;
    this.clock = clock;
  }

  /** Resolves to how many records may be taken now: at least one, unless `signal` has aborted. */
  async room(signal: AbortSignal): Promise<number> {
    if (this.limit === undefined) return Number.POSITIVE_INFINITY;
    while (!signal.aborted) {
      const now = this.clock.elapsed();
      if (now >= this.endsAt) {
        this.endsAt = now + this.limit.everyMs;
        this.left = this.limit.records;
      }
      if (this.left > 0) return this.left;
      await this.clock.sleep(this.endsAt - now, signal);
    }
    return 0;
  }

  take(records: number): void {
    this.left -= records;
  }
}
