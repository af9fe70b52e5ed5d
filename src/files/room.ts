/** How much room there is on a disk, for those who must stop before it is full and those who say why they have stopped. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { bytesText } from '../core/bytes.ts';

export interface Room {
  /** Bytes that this user can still write. */
  readonly free: number;
  readonly total: number;
}

/** Of the file system that holds the path, or would; `undefined` where it does not tell. */
export function roomAt(path: string): Room | undefined {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, blocks, bsize } = statfsSync(at);
      return blocks === 0 ? undefined : { free: bavail * bsize, total: blocks * bsize };
    } catch {
      // A file that is not there yet has its room where its folder is.
      if (dirname(at) === at) return undefined;
    }
  }
}

/** ` (3.1 MiB of 8.0 MiB free)`, or nothing. */
export function roomText(path: string): string {
  const room = roomAt(path);
  return room === undefined ? '' : ` (${bytesText(room.free)} of ${bytesText(room.total)} free)`;
}
