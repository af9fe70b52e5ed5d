/** Where the peers of the benches are kept from run to run, beside what npm keeps. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/millrace-bench');

/** The path of a folder that is there whole or not at all: made once, aside, and renamed. */
export function cachedFolder(name: string, make: (part: string) => void): string {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const part = `${folder}.${process.pid}`;
  process.stderr.write(`  making ${name}, once …\n`);
  try {
    mkdirSync(part, { recursive: true });
    make(part);
    renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return folder;
}
