/** Asks the operating system about processes. */
import { readFileSync } from 'node:fs';
import type { ProcessProbe } from './owner.ts';

/** Field 22 of /proc/PID/stat is the start time; the name in field 2 may hold spaces, so count behind its bracket. */
const START_TIME_BEHIND_NAME = 19;

export const processProbe: ProcessProbe = {
  pid: process.pid,
  birth(pid) {
    try {
      process.kill(pid, 0);
    } catch (thrown) {
      // EPERM: it lives and belongs to somebody else.
      if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
    }
    return startTime(pid);
  },
};

function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_BEHIND_NAME];
  } catch {
    return '';
  }
}
