/** The real disk, over node:fs. */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MillraceError, messageOf } from '../core/errors.ts';
import type { Disk } from '../core/ports.ts';

export const nodeDisk: Disk = {
  size: (path) =>
    guarded(path, 'read', async () => {
      const found = await stat(path).catch(ignoreMissing);
      return found?.size;
    }),

  read: (path) => guarded(path, 'read', () => readFile(path)),

  write: (path, offset, bytes) =>
    guarded(path, 'write', async () => {
      const file = await open(path, 'r+').catch((thrown: unknown) => (ignoreMissing(thrown), open(path, 'wx+')));
      await withFile(file, (handle) => writeAll(handle, offset, bytes));
    }),

  truncate: (path, size) => guarded(path, 'truncate', () => truncate(path, size)),

  sync: (path) => guarded(path, 'sync', async () => withFile(await open(path, 'r+'), (handle) => handle.sync())),

  rename: (from, to) => guarded(to, 'rename to', () => rename(from, to)),

  remove: (path) => guarded(path, 'remove', () => rm(path, { force: true })),

  mkdir: (path) =>
    guarded(path, 'make', async () => {
      const first = await mkdir(path, { recursive: true });
      // Each folder that was made is a name in its parent, which has to reach the disk, too.
      for (let made = path; first !== undefined; made = dirname(made)) {
        await syncFolder(dirname(made));
        if (made === first) break;
      }
    }),

  list: (path) => guarded(path, 'list', async () => ((await readdir(path).catch(ignoreMissing)) ?? []).toSorted()),

  syncDir: (path) => guarded(path, 'sync', () => syncFolder(path)),
};

async function writeAll(file: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const result = await file.write(bytes, written, bytes.length - written, offset + written);
    written += result.bytesWritten;
  }
}

async function syncFolder(path: string): Promise<void> {
  await withFile(await open(path, 'r'), (handle) => handle.sync());
}

async function withFile(file: FileHandle, use: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

function ignoreMissing(thrown: unknown): undefined {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  return undefined;
}

const HINTS: Record<string, string> = {
  ENOSPC: 'the disk is full: make room and start again; the pipeline goes on from its last checkpoint',
  EDQUOT: 'the disk quota is used up: make room and start again; the pipeline goes on from its last checkpoint',
  EACCES: 'the user that runs the pipeline may not write there: change the permissions, or choose another folder',
  EPERM: 'the user that runs the pipeline may not write there: change the permissions, or choose another folder',
  EROFS: 'the file system is read-only: choose another folder',
  EISDIR: 'there is a folder of that name: choose another path',
  ENOTDIR: 'a part of the path is a file, not a folder: choose another path',
};

async function guarded<R>(path: string, what: string, call: () => Promise<R>): Promise<R> {
  try {
    return await call();
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    throw new MillraceError('STORE_FAILED', `cannot ${what} ${path}: ${messageOf(thrown)}`, {
      hint: HINTS[code] ?? 'mend it and start again; the pipeline goes on from its last checkpoint',
      cause: thrown,
    });
  }
}
