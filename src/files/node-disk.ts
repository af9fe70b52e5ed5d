/** The real disk, over node:fs. */
import { constants, type FileHandle, mkdir, open, readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MillraceError, messageOf } from '../core/errors.ts';
import type { Disk } from '../core/ports.ts';
import { roomText } from './room.ts';

export const nodeDisk: Disk = {
  size: (path) =>
    guarded(path, 'read', async () => {
      const found = await stat(path).catch(ignoreMissing);
      if (found?.isDirectory()) throw Object.assign(new Error('EISDIR: it is a folder'), { code: 'EISDIR' });
      return found?.size;
    }),

  read: (path, start = 0, end) =>
    guarded(path, 'read', async () =>
      withFile(await open(path, 'r'), async (file) => {
        const size = (await file.stat()).size;
        return readAll(file, start, Math.min(end ?? size, size));
      }),
    ),

  write: (path, offset, bytes) =>
    guarded(path, 'write', async () => {
      const file = (await open(path, 'r+').catch(ignoreMissing)) ?? (await open(path, 'wx+'));
      await withFile(file, (opened) => writeAll(opened, offset, bytes));
    }),

  truncate: (path, size) => guarded(path, 'truncate', () => truncate(path, size)),

  // Contents and size: times of access and change may be lost.
  sync: (path) => guarded(path, 'sync', async () => withFile(await open(path, 'r+'), (file) => file.datasync())),

  rename: (from, to) => guarded(to, 'rename to', () => rename(from, to)),

  remove: (path) => guarded(path, 'remove', () => rm(path, { force: true })),

  mkdir: (path) =>
    guarded(path, 'make', async () => {
      const missing = await missingFolders(path);
      for (const folder of missing) await makeFolder(folder);
      // Each folder is a name in its parent, which has to reach the disk, too; also where the folder is there from a run
      // that was cut off before its name was durable.
      for (const folder of missing.length > 0 ? missing : [path]) await syncFolder(dirname(folder));
    }),

  list: (path) => guarded(path, 'list', async () => ((await readdir(path).catch(ignoreMissing)) ?? []).toSorted()),

  syncDir: (path) => guarded(path, 'sync', () => syncFolder(path)),
};

/** The folder and those above it that are not there, outermost first. */
async function missingFolders(path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = path; !(await isFolder(folder)); folder = dirname(folder)) {
    missing.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  return missing;
}

/** Node's own recursive mkdir never ends in a folder such as /proc, which says that it is not there itself. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (thrown) {
    // Another process was faster.
    if (await isFolder(path)) return;
    const isRefused = (thrown as NodeJS.ErrnoException).code === 'ENOENT' && (await isFolder(dirname(path)));
    throw isRefused ? Object.assign(new Error(`no folder can be made in ${dirname(path)}`), { code: 'EPERM' }) : thrown;
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

async function writeAll(file: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const result = await file.write(bytes, written, bytes.length - written, offset + written);
    if (result.bytesWritten === 0) throw new Error(`the disk took ${written} of ${bytes.length} bytes and no more`);
    written += result.bytesWritten;
  }
}

async function readAll(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.max(0, end - start));
  let read = 0;
  while (read < bytes.length) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, start + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

async function syncFolder(path: string): Promise<void> {
  await withFile(await open(path, constants.O_RDONLY | constants.O_DIRECTORY), (file) => file.sync());
}

async function withFile<R>(file: FileHandle, use: (file: FileHandle) => Promise<R>): Promise<R> {
  try {
    return await use(file);
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
  EFBIG: 'files may not become so large here: raise the limit (ulimit -f) and start again, from the last checkpoint',
  EACCES: 'the user that runs the pipeline may not write there: change the permissions, or choose another folder',
  EPERM: 'the user that runs the pipeline may not write there: change the permissions, or choose another folder',
  EROFS: 'the file system is read-only: choose another folder',
  EISDIR: 'there is a folder of that name: choose another path',
  ENOTDIR: 'a part of the path is a file, not a folder: choose another path',
  EEXIST: 'a part of the path is a file, not a folder: choose another path',
  ENOENT: 'it was removed or moved while the pipeline used it: put it back and start again',
  EMFILE: 'the process has too many open files: raise its limit (ulimit -n) and start again',
  EIO: 'the disk failed: check it before starting again; the pipeline goes on from its last checkpoint',
};

const ROOM_MATTERS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

async function guarded<R>(path: string, what: string, call: () => Promise<R>): Promise<R> {
  try {
    return await call();
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    const room = ROOM_MATTERS.has(code) ? roomText(path) : '';
    throw new MillraceError('STORE_FAILED', `cannot ${what} ${path}: ${messageOf(thrown)}${room}`, {
      hint: HINTS[code] ?? 'mend it and start again; the pipeline goes on from its last checkpoint',
      cause: thrown,
    });
  }
}
