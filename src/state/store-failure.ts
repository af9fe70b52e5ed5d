/** What is said when the state directory can no longer be written, or holds something else than what was written. */
import { bytesText } from '../core/bytes.ts';
import { MillraceError, messageOf } from '../core/errors.ts';
import { type Room, roomAt, roomText } from '../files/room.ts';

/** Left free on every disk: about what an epoch may stage in memory before it is written. */
const RESERVE_BYTES = 64 * 1024 * 1024;
/** Small disks, such as a container's, cannot spare that. */
const RESERVE_SHARE = 0.1;
/** What a written value takes at worst, beside twice its bytes: a page of the tree is written anew for each. */
const PAGE_BYTES = 4_096;

const KEPT = 'what was committed is kept: the pipeline goes on from its last checkpoint';
const FULL = `make room on that disk, or move the directory to a larger one (--data DIR), and start again; ${KEPT}`;
const FAILED = `check the disk (dmesg, smartctl) before starting again; ${KEPT}`;
const ELSE = `check the space and the health of the disk, then start again; ${KEPT}`;

/** The hint where what was committed is lost. */
export const DAMAGED =
  'put a copy back that is as new as the outputs are, or move it away and begin again with `millrace reset NAME --apply`';

/** By the number that LMDB gives and by the name that Node does. */
const HINTS: Readonly<Record<string, string>> = {
  28: FULL,
  ENOSPC: FULL,
  122: FULL,
  EDQUOT: FULL,
  27: FULL,
  EFBIG: FULL,
  5: FAILED,
  EIO: FAILED,
};

/** LMDB adds numbers of its own, some of which it never set. */
const OF_LMDB = /: Attempting to write page at .*$/s;

export function storeFailure(dir: string, cause: unknown): MillraceError {
  const { code = '' } = (cause ?? {}) as { readonly code?: string | number };
  const reason = messageOf(cause).replace(OF_LMDB, '');
  return new MillraceError('STORE_FAILED', `the state in ${dir} cannot be used: ${reason}${roomText(dir)}`, {
    hint: HINTS[code] ?? ELSE,
    cause,
  });
}

/** What a transaction is about to write. */
export interface Writes {
  readonly puts: number;
  readonly bytes: number;
}

/** The room that there must be before so much is written. */
export function roomNeeded({ puts, bytes }: Writes, { total }: Pick<Room, 'total'>): number {
  return Math.max(Math.min(RESERVE_BYTES, total * RESERVE_SHARE), 2 * bytes + puts * PAGE_BYTES);
}

/**
 * A disk that runs full under LMDB leaves an environment behind that is of no use to this process, and may end it at once:
 * writing stops before.
 * @throws MillraceError STORE_FAILED when there is too little room; nothing is wrong with the state, then
 */
export function assertRoom(dir: string, writes: Writes): void {
  const room = roomAt(dir);
  if (room === undefined) return;
  const needed = roomNeeded(writes, room);
  if (room.free >= needed) return;
  const there = `${bytesText(room.free)} of ${bytesText(room.total)} free`;
  const message = `the disk of ${dir} is nearly full: ${there}, and writing goes on from ${bytesText(needed)} only`;
  throw new MillraceError('STORE_FAILED', message, { hint: FULL });
}
