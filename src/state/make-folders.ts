/** Folders, made with those above them. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and what is missing above it; returns the first that was missing, if any.
 *
 * Node's own recursive mkdir never ends where the parent is there and yet says that it is not when something is to be made in
 * it, as /proc does.
 */
export function makeFolders(path: string): string | undefined {
  const missing: string[] = [];
  for (let folder = resolve(path); !isFolder(folder); folder = dirname(folder)) {
    missing.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  for (const folder of missing) makeFolder(folder);
  return missing[0];
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (thrown) {
    // Another process was faster.
    if (isFolder(path)) return;
    const isRefused = (thrown as NodeJS.ErrnoException).code === 'ENOENT' && isFolder(dirname(path));
    throw isRefused ? new Error(`no folder can be made in ${dirname(path)}`, { cause: thrown }) : thrown;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
