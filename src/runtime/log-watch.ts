/** Tells when the log cannot be reached, and when it can again: a pipeline that waits should not look like one that hangs. */
import type { Clock } from '../core/ports.ts';
import type { LogClient } from '../log/log-client.ts';

const LOOK_EVERY_MS = 500;

/** Looks until `signal` aborts. */
export async function watchLog(
  log: LogClient,
  clock: Clock,
  onNotice: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let since: number | undefined;
  let isGone = false;
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    const { trouble } = log;
    if (trouble !== undefined && since === undefined) {
      since = clock.elapsed();
      onNotice(`waiting: ${trouble}`);
    } else if (trouble !== undefined) {
      isGone = false;
    } else if (since !== undefined && !isGone) {
      // It may be gone because nobody tries any more: the next look tells.
      isGone = true;
    } else if (since !== undefined) {
      onNotice(`going on after ${((clock.elapsed() - since) / 1000).toFixed(1)} s`);
      since = undefined;
      isGone = false;
    }
  }
}
