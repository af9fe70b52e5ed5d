/** Tells what a run waits for that should come to its end and does not move: it should not look like one that hangs. */
import type { Clock } from '../core/ports.ts';
import type { RunStatus } from './run-options.ts';

const LOOK_EVERY_MS = 10_000;

/** Looks until `signal` aborts. Of a log that is away others tell; a live run that nobody stops may wait for records. */
export async function watchStandstill(
  look: () => RunStatus,
  clock: Clock,
  onNotice: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let since = clock.elapsed();
  let before = '';
  for (;;) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    const status = look();
    const now = positionOf(status);
    if (now !== before) since = clock.elapsed();
    else if (status.waitingFor === undefined && isToEnd(status)) {
      const seconds = Math.round((clock.elapsed() - since) / 1_000);
      onNotice(`nothing has moved for ${seconds} s: waiting for ${waitedFor(status)}`);
    }
    before = now;
  }
}

function isToEnd({ mode, state }: RunStatus): boolean {
  return mode !== 'live' || state !== 'running';
}

/** Changes with everything that a run does. */
function positionOf({ state, partitions, nodes, lastCheckpoint, creditUsed }: RunStatus): string {
  const read = partitions.map(({ position }) => position);
  const done = nodes.map(({ counts }) => [counts.in, counts.pending, counts.emitted]);
  return JSON.stringify([state, read, done, lastCheckpoint?.epoch, creditUsed]);
}

/** `orders[1] (300 records to read), enrichAsync (12 records)` */
export function waitedFor({ state, partitions, nodes, creditUsed }: RunStatus): string {
  const steps = nodes
    .filter(({ counts }) => counts.pending > 0)
    .map(({ id, counts }) => `${id} (${counts.pending} records)`);
  const unread = partitions
    .filter(({ lag }) => lag > 0 && state === 'running')
    .map(({ topic, partition, lag, paused }) => {
      return `${topic}[${partition}] (${lag} records to read${paused ? ', behind which others have to come' : ''})`;
    });
  const all = [...steps, ...unread];
  if (creditUsed > 0) all.push(`${creditUsed} bytes under way to the sinks`);
  if (all.length > 0) return all.join(', ');
  return state === 'running' ? 'the generator' : 'the last checkpoint';
}
