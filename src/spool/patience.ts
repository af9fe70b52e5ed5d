/** Waiting for an answer that may never come: for a while, or until nothing is waited for any more. */
import type { Clock } from '../core/ports.ts';

export const OVERDUE: unique symbol = Symbol('overdue');
/** The longest that a timer can be set to. */
const MAX_WAIT_MS = 2 ** 31 - 1;

export class Patience {
  private readonly clock: Clock;
  private readonly waits = new Set<AbortController>();
  private isOver = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** `end` was called. */
  get hasEnded(): boolean {
    return this.isOver;
  }

  /** Ends every wait, now and from now on. */
  end(): void {
    this.isOver = true;
    for (const wait of this.waits) wait.abort();
  }

  /** The answer, or `OVERDUE` after `ms` or at the end. */
  async within<T>(ms: number, answer: Promise<T>): Promise<T | typeof OVERDUE> {
    const wait = this.begin();
    try {
      return await Promise.race([answer, this.clock.sleep(ms, wait.signal).then((): typeof OVERDUE => OVERDUE)]);
    } finally {
      this.waits.delete(wait);
      wait.abort();
    }
  }

  /** The answer, or `OVERDUE` at the end. */
  async toTheEnd<T>(answer: Promise<T>): Promise<T | typeof OVERDUE> {
    for (;;) {
      const found = await this.within(MAX_WAIT_MS, answer);
      if (found !== OVERDUE || this.isOver) return found;
    }
  }

  /** Resolves after `ms`, or at the end. */
  async pause(ms: number): Promise<void> {
    const wait = this.begin();
    await this.clock.sleep(ms, wait.signal);
    this.waits.delete(wait);
  }

  private begin(): AbortController {
    const wait = new AbortController();
    this.waits.add(wait);
    if (this.isOver) wait.abort();
    return wait;
  }
}
