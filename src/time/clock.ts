/** The real clock: the only file that reads it. */
import type { Clock } from '../core/ports.ts';

/** Node lets a timer fire at once that is told to wait for longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      let left = ms;
      let timer: NodeJS.Timeout;
      const wait = (): void => {
        const step = Math.min(left, MAX_TIMER_MS);
        left -= step;
        timer = setTimeout(left > 0 ? wait : done, step);
      };
      wait();
      signal?.addEventListener('abort', done, { once: true });
    });
  },
};
