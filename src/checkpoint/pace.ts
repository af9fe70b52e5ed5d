/** How long a pipeline waits between two checkpoints. */

/** Milliseconds from the end of a checkpoint to the barrier of the next. The same twice: a fixed pace. */
export interface Pace {
  readonly least: number;
  readonly most: number;
}

/** What results wait for while the pipeline keeps up, and what a checkpoint is paid over while it does not. */
export const DEFAULT_PACE: Pace = { least: 50, most: 200 };
/** Checkpoints take at most a third of the time, until the pause comes to its most. */
const PAUSE_PER_DURATION = 2;

/**
 * Records that wait in the log in great number are late already, and get through sooner with few checkpoints. A pipeline that keeps up
 * lets results be seen soon; where checkpoints take long (a slow disk, a busy broker), there are fewer of them.
 */
export function pauseMs(
  { least, most }: Pace,
  last: { readonly durationMs: number; readonly isBehind: boolean },
): number {
  if (last.isBehind) return most;
  return Math.min(most, Math.max(least, PAUSE_PER_DURATION * last.durationMs));
}
