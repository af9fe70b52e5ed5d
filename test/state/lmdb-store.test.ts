import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';

const CHILD = fileURLToPath(new URL('store-child.ts', import.meta.url));
const TIMEOUT_MS = 60_000;
/** One that has locked itself out does not answer to its own timers. */
const CHILD_TIMEOUT_MS = 30_000;

let dir: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-lmdb-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

async function childJob(job: string, n: number): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', CHILD, dir, job, String(n)], {
    timeout: CHILD_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout);
}

const key = (name: string) => Buffer.from(name);

describe('openLmdbStore', { timeout: TIMEOUT_MS }, () => {
  it('creates missing folders, also with a dot in their name, and keeps what was written', async () => {
    const nested = join(dir, 'a', 'state.v1');
    const store = openLmdbStore(nested);
    await store.write((transaction) => transaction.put('state', key('k'), key('v')));
    await store.close();
    const again = openLmdbStore(nested);
    expect(String(again.get('state', key('k')))).toBe('v');
    await again.close();
  });

  it('names the folder that cannot be used', () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    expect(() => openLmdbStore(file)).toThrow(
      expect.objectContaining({ code: 'STORE_FAILED', message: expect.stringContaining(file) }),
    );
  });

  it.each([
    ['newer', '3', /has format version 3, and this millrace reads version 2/, 'a newer one'],
    ['older', '1', /has format version 1, and this millrace reads version 2/, 'an older one'],
  ])('refuses a folder of a %s format in words', async (_, version, message, hint) => {
    const store = openLmdbStore(dir);
    await store.write((transaction) => transaction.put('meta', key('format'), key(version)));
    await store.close();
    expect(() => openLmdbStore(dir)).toThrowError(
      expect.objectContaining({
        message: expect.stringMatching(message) as string,
        hint: expect.stringContaining(hint) as string,
      }),
    );
  });

  it('grows to many times its first size and keeps values that were read valid', async () => {
    const store = openLmdbStore(dir);
    const value = (i: number) => new Uint8Array(100_000).fill(i);
    await store.write((transaction) => transaction.put('state', key('small'), key('kept')));
    const small = store.get('state', key('small'))!;
    const first = [...Array(10).keys()].map((i) => store.write((t) => t.put('log', key(`a${i}`), value(i))));
    await Promise.all(first);
    const early = store.get('log', key('a1'))!;
    for (let batch = 0; batch < 5; batch++) {
      await store.write((transaction) => {
        for (let i = 0; i < 80; i++) transaction.put('log', key(`b${batch}-${i}`), value(i));
      });
    }
    expect(Buffer.compare(early, value(1))).toBe(0);
    expect(String(Buffer.from(small))).toBe('kept');
    expect([...store.range('log', { from: key('b'), to: key('c') })]).toHaveLength(400);
    await store.close();
  });

  it('iterates over the snapshot of the start of a range, whatever is written meanwhile', async () => {
    const store = openLmdbStore(dir);
    await store.write((transaction) => {
      for (let i = 0; i < 300; i++) transaction.put('state', key(String(i).padStart(3, '0')), new Uint8Array(500));
    });
    let seen = 0;
    for (const [found] of store.range('state', { from: key('0'), to: key('9') })) {
      if (seen++ % 50 === 0) await store.write((t) => t.delete('state', key(String(299 - seen).padStart(3, '0'))));
      expect(found).toHaveLength(3);
    }
    expect(seen).toBe(300);
    await store.close();
  });

  it('refuses a write inside a write, a transaction after its end and a store after its close', async () => {
    const store = openLmdbStore(dir);
    let kept: { put(table: 'state', key: Uint8Array, value: Uint8Array): void } | undefined;
    let nested: Promise<unknown> | undefined;
    await store.write((transaction) => {
      kept = transaction;
      nested = store.write(() => {}).catch(String);
    });
    expect(await nested).toContain('inside the body');
    expect(() => kept?.put('state', key('k'), key('v'))).toThrow('after the body');
    await store.close();
    expect(() => store.get('state', key('k'))).toThrow('closed');
    await expect(store.write(() => {})).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  it('takes back the one body that throws among several that are written together', async () => {
    const store = openLmdbStore(dir);
    const writes = ['a', 'b', 'c'].map((name) =>
      store.write((transaction) => {
        transaction.put('state', key(name), key(name));
        if (name === 'b') throw new Error('taken back');
        return name;
      }),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const left = [...store.range('state', { from: key('a'), to: key('d') })].map(([, value]) =>
      String(Buffer.from(value)),
    );
    expect(left).toEqual(['a', 'c']);
    await store.close();
  });

  it('serves two handles of one process until each is closed', async () => {
    const [one, two] = [openLmdbStore(dir), openLmdbStore(dir)];
    await Promise.all([
      one.write((transaction) => transaction.put('state', key('a'), key('1'))),
      two.write((transaction) => transaction.put('state', key('b'), key('2'))),
    ]);
    expect(String(one.get('state', key('b')))).toBe('2');
    await one.close();
    await two.write((transaction) => transaction.put('state', key('a'), key('3')));
    expect(String(two.get('state', key('a')))).toBe('3');
    await two.close();
  });

  it('is opened again while a write of the same process is under way, and does not wait for it for ever', async () => {
    expect(await childJob('reopen', 50)).toBe(49);
  });

  it('follows a folder that was removed and made anew, and its name through a link', async () => {
    const nested = join(dir, 'state');
    const before = openLmdbStore(nested);
    await before.write((transaction) => transaction.put('state', key('k'), key('before')));
    symlinkSync(nested, join(dir, 'link'));
    const linked = openLmdbStore(join(dir, 'link'));
    await before.close();
    expect(String(linked.get('state', key('k')))).toBe('before');
    rmSync(nested, { recursive: true });
    const after = openLmdbStore(nested);
    expect(after.get('state', key('k'))).toBeUndefined();
    await linked.close();
    await after.write((transaction) => transaction.put('state', key('k'), key('after')));
    expect(String(after.get('state', key('k')))).toBe('after');
    await after.close();
  });

  it('counts a handle that is closed twice once', async () => {
    const [one, two] = [openLmdbStore(dir), openLmdbStore(dir)];
    await Promise.all([one.close(), one.close()]);
    await two.write((transaction) => transaction.put('state', key('k'), key('v')));
    expect(String(two.get('state', key('k')))).toBe('v');
    await two.close();
  });

  it('finishes the writes that run when it is closed', async () => {
    const store = openLmdbStore(dir);
    const writes = [1, 2, 3].map((i) => store.write((t) => t.put('state', key(`k${i}`), key('v'))));
    await store.close();
    await Promise.all(writes);
    const again = openLmdbStore(dir);
    expect([...again.range('state', { from: key('k'), to: key('l') })]).toHaveLength(3);
    await again.close();
  });

  it('lets one process write at a time and shows every process what the others wrote', async () => {
    const store = openLmdbStore(dir);
    const count = () => {
      const bytes = store.get('state', key('counter'));
      return bytes === undefined ? 0 : bytes[1] * 256 + bytes[0];
    };
    expect(count()).toBe(0);
    await Promise.all([childJob('count', 100), childJob('count', 100), childJob('count', 100)]);
    expect(count()).toBe(300);
    await store.close();
  });

  it('gives a commit up that does not settle in time', async () => {
    const store = openLmdbStore(dir, { commitTimeoutMs: 100 });
    const holder = spawn(process.execPath, ['--import', 'tsx', CHILD, dir, 'hold', '20000']);
    children.push(holder);
    await once(holder.stdout, 'data');
    await expect(store.write(() => {})).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('has not settled'),
    });
    expect(() => store.get('state', key('k'))).toThrow('cannot be used');
  });

  it('fails for good when the disk refuses, and keeps what was committed', async () => {
    // A limit on the size of files, in blocks of 1 KiB, stands in for a full disk.
    const command = `ulimit -f 2048; trap '' XFSZ; exec "$0" --import tsx "$1" "$2" fill 100`;
    const { stdout } = await promisify(execFile)('bash', ['-c', command, process.execPath, CHILD, dir]);
    const { written, outcomes } = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{'))!);
    expect(outcomes).toEqual(['STORE_FAILED', 'STORE_FAILED']);
    const store = openLmdbStore(dir);
    expect([...store.range('log', { from: key('k'), to: key('l') })]).toHaveLength(written);
    expect(written).toBeGreaterThan(5);
    await store.close();
  });
});
