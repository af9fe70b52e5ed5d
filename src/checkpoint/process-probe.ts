/** Asks the operating system about processes. */
import { readFileSync } from 'node:fs';
import type { ProcessProbe } from './owner.ts';

/** Fields of /proc/PID/stat, counted behind the name in brackets, which may hold spaces: state, and start time. */
const STATE = 0;
const START_TIME = 19;

export const processProbe: ProcessProbe = {
  pid: process.pid,
  birth(pid) {
    try {
      process.kill(pid, 0);
    } catch (thrown) {
      // EPERM: it lives and belongs to somebody else.
      if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
    }
    const fields = statOf(pid);
    // A process that was killed and not yet waited for by its parent: it runs no more.
    if (fields?.[STATE] === 'Z' || fields?.[STATE] === 'X') return undefined;
    return fields?.[START_TIME] ?? '';
  },
};

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
