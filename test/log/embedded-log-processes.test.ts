import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { numbered, shown, shownBatch } from './records.ts';

const CHILD = fileURLToPath(new URL('append-child.ts', import.meta.url));
const TIMEOUT_MS = 60_000;
const APPENDS = 60;

async function appendFrom(dir: string, name: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    CHILD,
    dir,
    name,
    String(APPENDS),
  ]);
  return JSON.parse(stdout);
}

/** Reads one partition to `end` while others append to it. */
async function follow(log: EmbeddedLog, partition: number, end: number): Promise<unknown[]> {
  const found: unknown[] = [];
  let lastTime = 0;
  for (let offset = 0; offset < end; ) {
    const [answer] = await log.fetch([{ topic: 'shared', partition, offset }], { maxBytes: 100_000, maxWaitMs: 5_000 });
    const { batch } = answer;
    if (batch === undefined) throw new Error(`nothing came behind offset ${offset} of ${end}`);
    expect(batch.offsets[0]).toBe(offset);
    expect(batch.timestamps[0]).toBeGreaterThanOrEqual(lastTime);
    lastTime = batch.timestamps[batch.length - 1];
    found.push(...shownBatch(batch));
    offset = answer.nextOffset;
  }
  return found;
}

describe('EmbeddedLog in several processes', { timeout: TIMEOUT_MS }, () => {
  it('gives each record of three appending processes one offset, and a fourth sees them as they come', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-processes-'));
    const store = openLmdbStore(dir);
    const log = new EmbeddedLog(store, systemClock);
    await log.createTopics([{ topic: 'shared', partitions: 2 }]);
    const names = ['a', 'b', 'c'];
    const reading = Promise.all([follow(log, 0, 3 * 3 * APPENDS), follow(log, 1, 3 * APPENDS)]);
    const [bases, found] = await Promise.all([Promise.all(names.map((name) => appendFrom(dir, name))), reading]);
    names.forEach((name, process) => {
      for (let i = 0; i < APPENDS; i++) {
        const [first, second] = [bases[process][i * 2], bases[process][i * 2 + 1]];
        expect(found[0].slice(first, first + 3)).toEqual(numbered(3, `${name}-${i}-`).map(shown));
        expect(found[1].slice(second, second + 1)).toEqual(numbered(1, `${name}-${i}-`).map(shown));
      }
    });
    expect(await log.offsets('shared', 'latest')).toEqual([9 * APPENDS, 3 * APPENDS]);
    await store.close();
    rmSync(dir, { recursive: true });
  });
});
