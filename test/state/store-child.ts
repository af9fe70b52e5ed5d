/** A process of its own on a store: `store-child.ts DIR JOB NUMBER`, its answer one line of JSON. */
import { setImmediate } from 'node:timers/promises';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import type { StateStore } from '../../src/state/state-store.ts';

const COUNTER = Buffer.from('counter');
const CHUNK_BYTES = 64 * 1024;

type Job = (store: StateStore, n: number) => Promise<unknown>;

const jobs: Record<string, Job> = {
  /** Adds 1 to a counter `n` times, reading and writing in one transaction. */
  async count(store, n) {
    for (let i = 0; i < n; i++) {
      await store.write((transaction) => {
        const before = transaction.get('state', COUNTER)?.[0] ?? 0;
        const high = transaction.get('state', COUNTER)?.[1] ?? 0;
        const next = high * 256 + before + 1;
        transaction.put('state', COUNTER, Uint8Array.of(next % 256, Math.floor(next / 256)));
      });
    }
    return n;
  },
  /** Keeps the write lock for `n` ms. */
  async hold(store, n) {
    return store.write(() => {
      process.stdout.write('"holding"\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, n);
    });
  },
  /** Writes until the disk refuses, at most `n` times; then tries once more. */
  async fill(store, n) {
    const outcomes: string[] = [];
    let written = 0;
    for (let i = 0; i < n && outcomes.length < 2; i++) {
      try {
        await store.write((transaction) => transaction.put('log', Buffer.from(`k${i}`), new Uint8Array(CHUNK_BYTES)));
        written++;
      } catch (thrown) {
        outcomes.push((thrown as { code?: string }).code ?? String(thrown));
      }
    }
    return { written, outcomes };
  },
  /** Opens the folder `n` times more, each time while writes of the handle before are under way, and closes that one. */
  async reopen(store, n) {
    let current = store;
    for (let i = 0; i < n; i++) {
      const writes = Array.from({ length: 5 }, (_, k) =>
        current.write((transaction) => transaction.put('log', Buffer.from(`k${k}`), new Uint8Array(CHUNK_BYTES))),
      );
      // Now and then the writer has the lock, and waits for this thread.
      for (let turns = i % 5; turns > 0; turns--) await setImmediate();
      const next = openLmdbStore(dir);
      await next.write((transaction) => transaction.put('state', COUNTER, Uint8Array.of(i)));
      await Promise.all([...writes, current === store ? undefined : current.close()]);
      current = next;
    }
    return current.get('state', COUNTER)?.[0];
  },
};

const [dir, job, n] = process.argv.slice(2);
const store = openLmdbStore(dir, { commitTimeoutMs: 2_000 });
const answer = await jobs[job](store, Number(n));
await store.close();
process.stdout.write(`${JSON.stringify(answer ?? null)}\n`, () => process.exit(0));
