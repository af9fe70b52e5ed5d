import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';

describe('a state directory whose file is damaged', () => {
  let dir: string;
  let file: string;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'millrace-damaged-'));
    file = join(dir, 'data.mdb');
    const store = openLmdbStore(dir);
    for (let i = 0; i < 50; i++) {
      await store.write((transaction) => transaction.put('state', Buffer.from(`k${i}`), Buffer.alloc(2_000, i)));
    }
    await store.close();
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('is opened when it is whole', async () => {
    const store = openLmdbStore(dir);
    expect(store.get('state', Buffer.from('k7'))?.length).toBe(2_000);
    await store.close();
  });

  it.each<[string, () => void]>([
    ['cut off', () => truncateSync(file, 9_000)],
    ['cut off in its head', () => truncateSync(file, 5_000)],
    ['overwritten with zeros', () => writeFileSync(file, Buffer.alloc(20_000))],
    ['overwritten at its head', () => writeFileSync(file, readFileSync(file).fill('x', 0, 8_192))],
    ['another file', () => writeFileSync(file, '{"this":"is no database"}')],
  ])('is refused in words when it is %s', (_, damage) => {
    damage();
    expect(() => openLmdbStore(dir)).toThrow(
      expect.objectContaining({ code: 'STORE_FAILED', exitCode: 3, message: expect.stringContaining('is damaged') }),
    );
  });
});
