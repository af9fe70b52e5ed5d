/** Ownership of a task: a number that rises with every owner and is checked in every write, and a process to ask for. */
import { MillraceError } from '../core/errors.ts';

export interface Owner {
  readonly number: number;
  /** 0 when the owner has gone in good order. */
  readonly pid: number;
  /** Tells two processes apart that had the same pid one after the other; empty where the system does not say. */
  readonly birth: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

/** What can be asked about processes of this machine. */
export interface ProcessProbe {
  readonly pid: number;
  /** The process's birth mark, empty where unknown, or `undefined` when no such process lives. */
  birth(pid: number): string | undefined;
}

/**
 * The owner after `current`.
 * @throws MillraceError OWNED_ELSEWHERE when the current one lives
 */
export function claim(taskId: string, current: Owner | undefined, probe: ProcessProbe, now: number): Owner {
  if (current !== undefined && current.pid !== 0 && current.pid !== probe.pid) {
    const birth = probe.birth(current.pid);
    if (birth !== undefined && birth === current.birth) {
      throw new MillraceError(
        'OWNED_ELSEWHERE',
        `${taskId} is already run by process ${current.pid}, since ${new Date(current.since).toISOString()}`,
        {
          hint: `stop that process (kill ${current.pid}), or give this one a state directory or group of its own (--data DIR, --group ID)`,
        },
      );
    }
  }
  return { number: (current?.number ?? 0) + 1, pid: probe.pid, birth: probe.birth(probe.pid) ?? '', since: now };
}
