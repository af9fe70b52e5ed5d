import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LockHolder, takeLock } from '../../src/files/lock-file.ts';

const holder = (pid: number, birth = 'a'): LockHolder => ({ pid, birth, since: 0 });
const alive = () => true;
const dead = () => false;

describe('a lock', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is refused while its holder lives, with the pid, and free when it was given back', async () => {
    const release = await takeLock(path, holder(1), alive);
    await expect(takeLock(path, holder(2), alive)).rejects.toMatchObject({
      code: 'OWNED_ELSEWHERE',
      message: `${path} is held by process 1, since 1970-01-01T00:00:00.000Z`,
    });
    await release();
    await takeLock(path, holder(2), alive);
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('is taken over from a holder that is dead, and then not given back by that', async () => {
    const release = await takeLock(path, holder(1), alive);
    await takeLock(path, holder(2), dead);
    await release();
    await expect(takeLock(path, holder(3), ({ pid }) => pid === 2)).rejects.toMatchObject({ code: 'OWNED_ELSEWHERE' });
  });

  it('is taken over from a process that had the same pid', async () => {
    await takeLock(path, holder(1, 'before'), alive);
    await takeLock(path, holder(1, 'now'), ({ birth }) => birth === 'now');
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('is free where a crash has left an empty file', async () => {
    writeFileSync(path, '');
    await takeLock(path, holder(1), alive);
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('is taken by one of many that come at once to a dead one', async () => {
    await takeLock(path, holder(1), alive);
    const takes = Array.from({ length: 20 }, (_, i) => takeLock(path, holder(2 + i), ({ pid }) => pid !== 1));
    const taken = (await Promise.allSettled(takes)).filter(({ status }) => status === 'fulfilled');
    expect(taken).toHaveLength(1);
  });

  it('says what is wrong where no lock can be made', async () => {
    await expect(takeLock(join(folder, 'missing', 'lock'), holder(1), alive)).rejects.toMatchObject({
      code: 'STORE_FAILED',
    });
  });
});
