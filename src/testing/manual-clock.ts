/** A clock that moves only when it is told to. */
import type { Clock } from '../core/ports.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * Stands in for the real clock in tests.
 *
 * @example
 * ```ts
 * const clock = new ManualClock(0);
 * let awake = false;
 * void clock.sleep(100).then(() => (awake = true));
 * clock.advance(99); // still asleep
 * clock.advance(1); // awake
 * ```
 */
export class ManualClock implements Clock {
  private time: number;
  private sleepers: Sleeper[] = [];

  /** Stands at `time`, epoch milliseconds. */
  constructor(time: number) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  elapsed(): number {
    return this.time;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const sleeper: Sleeper = {
        at: this.time + ms,
        wake: () => {
          signal?.removeEventListener('abort', aborted);
          resolve();
        },
      };
      const aborted = (): void => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper);
        resolve();
      };
      this.sleepers.push(sleeper);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** Moves time forward and wakes who is due, the earliest first; of several due at once, who fell asleep first. */
  advance(ms: number): void {
    this.time += ms;
    const due = this.sleepers.filter(({ at }) => at <= this.time).sort((a, b) => a.at - b.at);
    this.sleepers = this.sleepers.filter(({ at }) => at > this.time);
    for (const { wake } of due) wake();
  }
}
