/** A disk on which every call that changes a file is a place to die, just before it and just after it. */
import type { Disk } from '../../src/core/ports.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';

/** Names of calls; those on whole files of a folder, which readers see, have names of their own. */
const CALLS = ['write', 'truncate', 'sync', 'rename', 'remove', 'sync-dir'] as const;
const FOLDER_CALLS = ['publish-file', 'write-published-log', 'prune-file'] as const;
type Call = (typeof CALLS)[number] | (typeof FOLDER_CALLS)[number];

export const DISK_POINTS: readonly string[] = CALLS.flatMap(around);
/** Of folders of whole files, of which only the last ones are kept. */
export const FOLDER_POINTS: readonly string[] = FOLDER_CALLS.flatMap(around);

function around(call: Call): string[] {
  return [`before-disk-${call}`, `after-disk-${call}`];
}

export function mortalDisk(at: (point: string) => void): Disk {
  const mortal = async <R>(calls: readonly Call[], call: () => Promise<R>): Promise<R> => {
    for (const name of calls) at(`before-disk-${name}`);
    const result = await call();
    for (const name of calls) at(`after-disk-${name}`);
    return result;
  };
  return {
    ...nodeDisk,
    write: (path, offset, bytes) =>
      mortal(path.includes('/.published/') ? ['write', 'write-published-log'] : ['write'], () =>
        nodeDisk.write(path, offset, bytes),
      ),
    truncate: (path, size) => mortal(['truncate'], () => nodeDisk.truncate(path, size)),
    sync: (path) => mortal(['sync'], () => nodeDisk.sync(path)),
    rename: (from, to) =>
      mortal(isStaged(to) ? ['rename'] : ['rename', 'publish-file'], () => nodeDisk.rename(from, to)),
    remove: (path) => mortal(isStaged(path) ? ['remove'] : ['remove', 'prune-file'], () => nodeDisk.remove(path)),
    syncDir: (path) => mortal(['sync-dir'], () => nodeDisk.syncDir(path)),
  };
}

function isStaged(path: string): boolean {
  return path.includes('/.staging/');
}
