import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeDisk } from '../../src/files/node-disk.ts';
import type { PublishedLine } from '../../src/files/published-log.ts';
import { RollingOutput } from '../../src/files/rolling-output.ts';
import { rowsOf, textFormat } from './text-format.ts';

// Many runs, or many syncs: a machine with much else to do needs more than the five seconds of other tests.
vi.setConfig({ testTimeout: 120_000 });

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-retention-'));
});

afterEach(() => rm(dir, { recursive: true }));

const CHECKPOINTS = 60;
const ROWS = 5;

async function write(): Promise<void> {
  let now = 1_735_689_600_000;
  const clock = { now: () => now++ };
  const options = { dir, prefix: 'rows', rollEveryMs: 0, rollRows: 1, rollBytes: 1, keepFiles: 3 };
  const output = new RollingOutput({ disk: nodeDisk, clock, hold() {}, release() {} }, textFormat('v1'), options);
  await output.recover(undefined);
  for (let epoch = 0; epoch < CHECKPOINTS; epoch++) {
    output.append(Array.from({ length: ROWS }, (_, i) => epoch * ROWS + i));
    await output.publish(await output.seal(epoch, false));
  }
}

async function linesOfLog(): Promise<PublishedLine[]> {
  const text = await readFile(join(dir, '.published', 'rows.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as PublishedLine);
}

/** What a reader sees who lists the folder and then reads what it has listed. */
async function look(): Promise<{ readonly files: number; readonly vanished: readonly string[] }> {
  const names = (await readdir(dir)).filter((name) => !name.startsWith('.'));
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8').catch(() => undefined)));
  const rows = texts.flatMap((text) => (text === undefined ? [] : rowsOf(text)));
  expect(new Set(rows).size).toBe(rows.length);
  expect(rows.length % ROWS).toBe(0);
  return { files: names.length, vanished: names.filter((_, i) => texts[i] === undefined) };
}

describe('a reader on a real disk', () => {
  it('sees whole files and no row twice at any time, and misses only files of which the log says that they were pruned', async () => {
    let isWriting = true;
    const writing = write().finally(() => {
      isWriting = false;
    });
    let looks = 0;
    while (isWriting) {
      const { files, vanished } = await look();
      const pruned = new Set((await linesOfLog()).map((line) => ('pruned' in line ? line.pruned : '')));
      expect(vanished.filter((name) => !pruned.has(name))).toEqual([]);
      expect(files).toBeLessThanOrEqual(4);
      looks++;
    }
    await writing;
    expect(looks).toBeGreaterThan(20);
    expect((await look()).files).toBe(3);
    expect(await linesOfLog()).toHaveLength(2 * CHECKPOINTS - 3);
  });
});
