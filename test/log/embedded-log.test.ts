import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/ports.ts';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { CrashStore } from '../../src/testing/crash-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { conformanceSuite } from './conformance.ts';
import { batchOf, numbered, readAll, shown, shownBatch } from './records.ts';

const WAIT = { maxBytes: 1024 * 1024, maxWaitMs: 0 } as const;

/** A clock that stands still until it is moved, and on which nobody wakes by himself. */
class StandingClock implements Clock {
  time = 1_000;
  now = () => this.time;
  elapsed = () => this.time;
  sleep = () => new Promise<void>(() => {});
}

conformanceSuite('the embedded log in memory', async () => {
  const client = new EmbeddedLog(memoryStore(), systemClock);
  return { client, close: () => client.close() };
});

conformanceSuite('the embedded log on disk', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  const store = openLmdbStore(dir);
  const client = new EmbeddedLog(store, systemClock);
  const close = async () => {
    await client.close();
    await store.close();
    rmSync(dir, { recursive: true });
  };
  return { client, close };
});

async function logWithTopic(store: StateStore = memoryStore(), ownClock: Clock = new StandingClock()) {
  const log = new EmbeddedLog(store, ownClock);
  await log.createTopics([{ topic: 't', partitions: 2 }]);
  return log;
}

describe('EmbeddedLog', () => {
  it('stamps records with the time of their append, which never falls', async () => {
    const ownClock = new StandingClock();
    const log = await logWithTopic(memoryStore(), ownClock);
    for (const time of [1_000, 2_000, 1_500, 2_500]) {
      ownClock.time = time;
      await log.append([batchOf('t', 0, numbered(1))]);
    }
    const [{ batch }] = await log.fetch([{ topic: 't', partition: 0, offset: 0 }], WAIT);
    expect([...batch!.timestamps]).toEqual([1_000, 2_000, 2_000, 2_500]);
    expect(await log.offsets('t', { timestamp: 1_501 })).toEqual([1, 0]);
    expect(await log.offsets('t', { timestamp: 2_001 })).toEqual([3, 0]);
  });

  it('makes appends of a transaction visible with it, or not at all', async () => {
    const store = memoryStore();
    const log = await logWithTopic(store);
    const failing = store.write((transaction) => {
      log.transactional.append(transaction, [batchOf('t', 0, numbered(3))]);
      throw new Error('taken back');
    });
    await expect(failing).rejects.toThrow('taken back');
    expect(await log.offsets('t', 'latest')).toEqual([0, 0]);
    await store.write((transaction) => {
      log.transactional.append(transaction, [batchOf('t', 0, numbered(3)), batchOf('t', 0, numbered(2))]);
      transaction.put('tasks', Buffer.from('epoch'), Buffer.from('1'));
    });
    expect(await log.offsets('t', 'latest')).toEqual([5, 0]);
  });

  it('wakes a waiting fetch on notify, without the clock', async () => {
    const store = memoryStore();
    const log = await logWithTopic(store);
    const waiting = log.fetch([{ topic: 't', partition: 0, offset: 0 }], { ...WAIT, maxWaitMs: 1_000 });
    await store.write((transaction) => log.transactional.append(transaction, [batchOf('t', 0, numbered(2))]));
    log.transactional.notify();
    expect((await waiting)[0].batch?.length).toBe(2);
  });

  it('looks for appends of other processes ever less often while none come', async () => {
    const sleeps: number[] = [];
    const ownClock = new StandingClock();
    const passing: Clock = {
      now: ownClock.now,
      elapsed: ownClock.elapsed,
      async sleep(ms) {
        sleeps.push(ms);
        ownClock.time += ms;
      },
    };
    const store = memoryStore();
    const log = await logWithTopic(store, passing);
    const position = { topic: 't', partition: 0, offset: 0 };
    await log.fetch([position], { ...WAIT, maxWaitMs: 1_000 });
    expect(sleeps).toEqual([20, 40, 80, 160, 250, 250, 200]);
    await new EmbeddedLog(store, passing).append([batchOf('t', 0, numbered(1))]);
    await log.fetch([position], { ...WAIT, maxWaitMs: 1_000 });
    await log.fetch([{ ...position, offset: 1 }], { ...WAIT, maxWaitMs: 50 });
    expect(sleeps.slice(7)).toEqual([20, 30]);
  });

  it('refuses an offset below 0, an unknown partition and a name that Kafka would not take', async () => {
    const log = await logWithTopic();
    await expect(log.fetch([{ topic: 't', partition: 0, offset: -1 }], WAIT)).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      place: { topic: 't', partition: 0, offset: -1 },
    });
    await expect(log.fetch([{ topic: 't', partition: 2, offset: 0 }], WAIT)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      place: { topic: 't', partition: 2 },
    });
    await expect(log.append([batchOf('none', 0, numbered(1))])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(log.createTopics([{ topic: 'a b', partitions: 1 }])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(log.createTopics([{ topic: 'a', partitions: 0 }])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('cuts a large append and reads it back from any offset', async () => {
    const log = await logWithTopic();
    const records = numbered(3_000, 'large', 1_000);
    await log.append([batchOf('t', 0, records)]);
    const place = { topic: 't', partition: 0 };
    for (const from of [0, 1, 517, 518, 1_500, 2_999]) {
      const batches = await readAll(log, place, from, 3_000, 700_000);
      expect(batches[0].offsets[0]).toBe(from);
      expect(batches.flatMap(shownBatch)).toEqual(records.slice(from).map(shown));
    }
  });

  it('serves a record larger than its share although another partition is never empty', async () => {
    const log = await logWithTopic();
    await log.append([batchOf('t', 0, numbered(500, 'small', 100)), batchOf('t', 1, numbered(1, 'huge', 9_000))]);
    const offsets = [0, 0];
    for (let i = 0; i < 3; i++) {
      const positions = offsets.map((offset, partition) => ({ topic: 't', partition, offset }));
      for (const answer of await log.fetch(positions, { maxBytes: 4_000, maxWaitMs: 0 })) {
        offsets[answer.partition] = answer.nextOffset;
      }
    }
    expect(offsets[1]).toBe(1);
    expect(offsets[0]).toBeGreaterThan(0);
  });

  it.each([
    ['before-sync', 0],
    ['after-sync', 3],
  ] as const)('has after a crash %s what was acknowledged and %i records that were synced', async (point, more) => {
    for (let crashAt = 2; crashAt <= 6; crashAt++) {
      const store: CrashStore = new CrashStore((at, write) => {
        if (at === point && write === crashAt) store.crash();
      });
      const acknowledged = await appendUntilCrash(store);
      const log = new EmbeddedLog(store.reopen(), new StandingClock());
      expect(await log.offsets('t', 'latest')).toEqual([acknowledged + more, 0]);
      const batches = await readAll(log, { topic: 't', partition: 0 }, 0, acknowledged + more);
      expect(batches.flatMap((batch) => Array.from(batch.offsets))).toHaveLength(acknowledged + more);
    }
  });

  it('ends waiting fetches and refuses calls once it is closed', async () => {
    const log = await logWithTopic();
    const waiting = log.fetch([{ topic: 't', partition: 0, offset: 0 }], { ...WAIT, maxWaitMs: 1_000 });
    await log.close();
    expect((await waiting)[0].batch).toBeUndefined();
    await expect(log.topics()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  });
});

/** Records whose append had resolved before the store crashed. */
async function appendUntilCrash(store: StateStore): Promise<number> {
  let acknowledged = 0;
  try {
    const log = await logWithTopic(store);
    for (;;) {
      await log.append([batchOf('t', 0, numbered(3))]);
      acknowledged += 3;
    }
  } catch {
    return acknowledged;
  }
}
