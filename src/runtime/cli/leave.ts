/** The end of the process, whatever is under way. */
import { setTimeout as sleep } from 'node:timers/promises';
import { writesOfProcess } from '../../state/writes-under-way.ts';

const PATIENCE_MS = 2_000;

/**
 * Ends the process, not in the midst of a write if that can be helped: LMDB's thread would wait for this one to go on, this one for
 * that thread to end, and other processes for both, for ever. A write that does not end is ended with the process, as by `kill -9`.
 */
export async function leave(code: number): Promise<void> {
  process.exitCode = code;
  const isWriting = await Promise.race([writesOfProcess.ended().then(() => false), sleep(PATIENCE_MS, true)]);
  if (isWriting) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}
