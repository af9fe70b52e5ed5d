/** Tries a disk before LMDB writes to it. */
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { assertRoom, storeFailure, type Writes } from './store-failure.ts';

const LEAST_BYTES = 4_096;
const MOST_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(MOST_BYTES);

/**
 * What a full disk, a quota that is used up or a disk that has failed refuses, it refuses here, where it does no harm: a write
 * that fails within LMDB makes its environment useless, and may end the process. Nothing is left on the disk: the bytes are
 * taken back before they get there.
 */
export class DiskProbe {
  private readonly dir: string;
  /** A file without a name, so that none is left behind. */
  private file: number | undefined;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** @throws MillraceError STORE_FAILED when so much cannot be written; nothing is wrong with the state, then */
  check(writes: Writes): void {
    assertRoom(this.dir, writes);
    const bytes = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, writes.bytes));
    try {
      this.file ??= this.open();
      const written = writeSync(this.file, ZEROS, 0, bytes, 0);
      ftruncateSync(this.file, 0);
      if (written < bytes) throw new Error(`the disk took ${written} of ${bytes} bytes and no more`);
    } catch (thrown) {
      throw storeFailure(this.dir, thrown);
    }
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  private open(): number {
    const path = join(this.dir, `probe-${process.pid}`);
    const file = openSync(path, 'w');
    unlinkSync(path);
    return file;
  }
}
