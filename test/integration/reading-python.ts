/** For tests of files that Python reads back; they are skipped where its readers are not to be had. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach } from 'vitest';
import { type LakehousePython, lakehousePython } from '../../scripts/lakehouse/python.ts';

const INSTALL_MS = 300_000;
const OUTPUT_BYTES = 256 * 1024 * 1024;

export interface ReadingPython {
  /** A folder of the test's own. */
  readonly dir: string;
  /** What the script prints, which is one document of JSON. */
  read(script: string, paths: readonly string[]): unknown;
}

/** To be called once a file, outside the tests. */
export function readingPython(): ReadingPython {
  let python: LakehousePython;
  let dir = '';

  beforeAll(() => {
    python = lakehousePython();
  }, INSTALL_MS);

  beforeEach((context) => {
    context.skip(python.missing !== '', python.missing);
    dir = mkdtempSync(join(tmpdir(), 'millrace-columns-'));
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  return {
    get dir() {
      return dir;
    },
    read(script, paths) {
      const args = ['-c', script, ...paths];
      return JSON.parse(execFileSync(python.python, args, { encoding: 'utf8', maxBuffer: OUTPUT_BYTES }));
    },
  };
}
