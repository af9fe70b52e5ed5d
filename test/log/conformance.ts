/** What every driver of the log must do, written against the port alone: the embedded log and Kafka pass the same. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogClient } from '../../src/log/log-client.ts';
import { batchOf, numbered, readAll, recordOf, shown, shownBatch } from './records.ts';

const SEED = 20_260_103;
const TEST_TIMEOUT_MS = 60_000;
const WAIT = { maxBytes: 1024 * 1024, maxWaitMs: 500 } as const;

export interface OpenLog {
  readonly client: LogClient;
  close(): Promise<void>;
}

/** Gives each test of one describe a client, opened once, and topics that no other test uses. */
class Bench {
  client!: LogClient;

  constructor(open: () => Promise<OpenLog>) {
    let opened: OpenLog;
    beforeAll(async () => {
      opened = await open();
      this.client = opened.client;
    }, TEST_TIMEOUT_MS);
    afterAll(() => opened.close(), TEST_TIMEOUT_MS);
  }

  async topic(partitions = 1): Promise<string> {
    const topic = `t-${randomUUID()}`;
    await this.client.createTopics([{ topic, partitions }]);
    return topic;
  }
}

export function conformanceSuite(name: string, open: () => Promise<OpenLog>): void {
  describe(`${name} as a log`, { timeout: TEST_TIMEOUT_MS }, () => {
    const bench = new Bench(open);
    topicTests(bench);
    roundTripTests(bench);
    offsetTests(bench);
    waitingTests(bench);
    sizeTests(bench);
    groupTests(bench);
    concurrencyTests(bench);
  });
}

function topicTests(bench: Bench): void {
  it('creates topics with append timestamps and knows them by name', async () => {
    const topic = await bench.topic(3);
    const info = expect.objectContaining({ topic, partitions: 3, timestampType: 'append' });
    expect(await bench.client.topic(topic)).toEqual(info);
    expect(await bench.client.topics()).toContainEqual(info);
    expect(await bench.client.topic(`none-${randomUUID()}`)).toBeUndefined();
  });

  it('leaves a topic that exists alone and creates the one beside it', async () => {
    const topic = await bench.topic(2);
    await bench.client.append([batchOf(topic, 1, numbered(3))]);
    const other = `t-${randomUUID()}`;
    await bench.client.createTopics([
      { topic, partitions: 5 },
      { topic: other, partitions: 1 },
    ]);
    expect((await bench.client.topic(topic))?.partitions).toBe(2);
    expect(await bench.client.offsets(topic, 'latest')).toEqual([0, 3]);
    expect(await bench.client.offsets(other, 'latest')).toEqual([0]);
  });

  it('refuses an unknown topic by its name', async () => {
    const topic = `none-${randomUUID()}`;
    const refusal = { code: 'CONFIG_INVALID', message: expect.stringContaining(topic) };
    await expect(bench.client.offsets(topic, 'latest')).rejects.toMatchObject(refusal);
    await expect(bench.client.fetch([{ topic, partition: 0, offset: 0 }], WAIT)).rejects.toMatchObject(refusal);
  });
}

function roundTripTests(bench: Bench): void {
  it('gives back keys, values and headers byte by byte, in order', async () => {
    const topic = await bench.topic();
    const records = [
      { key: 'a', value: '{"n":1}' },
      { key: null, value: 'no key' },
      { key: 'no value', value: null },
      { key: '', value: '' },
      { key: Uint8Array.of(0xff, 0xfe, 0), value: Uint8Array.of(0x80, 0, 0xc3, 0x28) },
      {
        key: 'h',
        value: 'h',
        headers: [
          { key: 'first', value: Uint8Array.of(1, 255) },
          { key: 'empty', value: new Uint8Array() },
        ],
      },
      { key: 'large', value: new Uint8Array(900_000).fill(7) },
      { key: null, value: null },
    ];
    expect(await bench.client.append([batchOf(topic, 0, records)])).toEqual([0]);
    const batches = await readAll(bench.client, { topic, partition: 0 }, 0, records.length);
    expect(batches.flatMap(shownBatch)).toEqual(records.map(shown));
    expect(batches.flatMap((batch) => Array.from(batch.offsets))).toEqual(records.map((_, i) => i));
    expect(new Set(batches.map((batch) => batch.timestampType))).toEqual(new Set(['append']));
    expect(batches.every((batch) => batch.topic === topic && batch.partition === 0)).toBe(true);
  });

  it('writes the rows of a part of a batch only', async () => {
    const topic = await bench.topic();
    await bench.client.append([batchOf(topic, 0, numbered(10)).subarray(4, 7)]);
    const batches = await readAll(bench.client, { topic, partition: 0 }, 0, 3);
    expect(batches.flatMap(shownBatch)).toEqual(numbered(10).slice(4, 7).map(shown));
  });

  it('gives random batches back, also from an offset in the middle of one', async () => {
    const topic = await bench.topic(2);
    const appends = fc.array(fc.tuple(fc.nat(1), fc.array(recordOf, { minLength: 1, maxLength: 20 })), {
      minLength: 1,
      maxLength: 5,
    });
    const property = fc.asyncProperty(appends, fc.nat(30), async (batches, skip) => {
      const before = await bench.client.offsets(topic, 'latest');
      const bases = await bench.client.append(
        batches.map(([partition, records]) => batchOf(topic, partition, records)),
      );
      const next = [...before];
      const expectedBases = batches.map(([partition, records]) => (next[partition] += records.length) - records.length);
      expect(bases).toEqual(expectedBases);
      expect(await bench.client.offsets(topic, 'latest')).toEqual(next);
      for (const partition of [0, 1]) {
        const all = batches.filter(([to]) => to === partition).flatMap(([, records]) => records.map(shown));
        const from = Math.min(before[partition] + skip, next[partition]);
        const found = await readAll(bench.client, { topic, partition }, from, next[partition]);
        expect(found.flatMap(shownBatch)).toEqual(all.slice(skip));
        expect(found[0]?.offsets[0] ?? from).toBe(from);
      }
    });
    await fc.assert(property, { seed: SEED, numRuns: 15 });
  });
}

function offsetTests(bench: Bench): void {
  it('knows the first and the next offset of every partition', async () => {
    const topic = await bench.topic(3);
    expect(await bench.client.offsets(topic, 'latest')).toEqual([0, 0, 0]);
    const bases = await bench.client.append([
      batchOf(topic, 2, numbered(5)),
      batchOf(topic, 0, numbered(1)),
      batchOf(topic, 2, numbered(2)),
    ]);
    expect(bases).toEqual([0, 0, 5]);
    expect(await bench.client.offsets(topic, 'latest')).toEqual([1, 0, 7]);
    expect(await bench.client.offsets(topic, 'earliest')).toEqual([0, 0, 0]);
  });

  it('finds the first record at or after a time, and the end where there is none', async () => {
    const topic = await bench.topic(2);
    for (let i = 0; i < 6; i++) {
      await bench.client.append([batchOf(topic, 0, numbered(3))]);
      await sleep(3);
    }
    const batches = await readAll(bench.client, { topic, partition: 0 }, 0, 18);
    const times = batches.flatMap((batch) => Array.from(batch.timestamps));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[17]).toBeGreaterThan(times[0]);
    for (const timestamp of new Set([...times, times[0] - 1_000])) {
      const first = times.findIndex((time) => time >= timestamp);
      expect(await bench.client.offsets(topic, { timestamp })).toEqual([first, 0]);
    }
    expect(await bench.client.offsets(topic, { timestamp: times[17] + 1 })).toEqual([18, 0]);
  });

  it('refuses an offset behind the end and names topic and partition', async () => {
    const topic = await bench.topic();
    await bench.client.append([batchOf(topic, 0, numbered(2))]);
    await expect(bench.client.fetch([{ topic, partition: 0, offset: 3 }], WAIT)).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      place: { topic, partition: 0 },
    });
  });
}

function waitingTests(bench: Bench): void {
  it('answers with nothing but the end of the log when the wait is over', async () => {
    const topic = await bench.topic();
    await bench.client.append([batchOf(topic, 0, numbered(2))]);
    const position = { topic, partition: 0, offset: 2 };
    const [answer] = await bench.client.fetch([position], { ...WAIT, maxWaitMs: 50 });
    expect(answer).toEqual({
      topic,
      partition: 0,
      batch: undefined,
      nextOffset: 2,
      highWatermark: 2,
      lastStableOffset: 2,
    });
  });

  it('wakes a waiting fetch at an append', async () => {
    const topic = await bench.topic(2);
    const started = performance.now();
    const waiting = bench.client.fetch(
      [0, 1].map((partition) => ({ topic, partition, offset: 0 })),
      { ...WAIT, maxWaitMs: 30_000 },
    );
    // Long enough for a driver to have asked, and been told that there is nothing yet.
    await sleep(300);
    await bench.client.append([batchOf(topic, 1, numbered(1))]);
    const answers = await waiting;
    expect(answers.map(({ batch }) => batch?.length)).toEqual([undefined, 1]);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('ends a waiting fetch when its signal aborts', async () => {
    const topic = await bench.topic();
    const stop = new AbortController();
    const started = performance.now();
    const waiting = bench.client.fetch([{ topic, partition: 0, offset: 0 }], {
      ...WAIT,
      maxWaitMs: 30_000,
      signal: stop.signal,
    });
    const settled = waiting.then(
      (answers) => answers.every(({ batch }) => batch === undefined),
      () => true,
    );
    await sleep(30);
    stop.abort();
    expect(await settled).toBe(true);
    expect(performance.now() - started).toBeLessThan(10_000);
    await bench.client.append([batchOf(topic, 0, numbered(1))]);
    expect(await readAll(bench.client, { topic, partition: 0 }, 0, 1)).toHaveLength(1);
  });
}

function sizeTests(bench: Bench): void {
  it('keeps an answer near maxBytes and loses nothing between answers', async () => {
    const topic = await bench.topic();
    const parts = Array.from({ length: 20 }, (_, i) => numbered(10, `p${i}-`, 1_000));
    for (const part of parts) await bench.client.append([batchOf(topic, 0, part)]);
    const batches = await readAll(bench.client, { topic, partition: 0 }, 0, 200, 30_000);
    expect(batches.flatMap(shownBatch)).toEqual(parts.flat().map(shown));
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThan(100);
  });

  it('makes progress where one record is larger than maxBytes', async () => {
    const topic = await bench.topic();
    await bench.client.append([batchOf(topic, 0, numbered(3, 'big', 5_000))]);
    const batches = await readAll(bench.client, { topic, partition: 0 }, 0, 3, 1);
    expect(batches.flatMap(shownBatch)).toEqual(numbered(3, 'big', 5_000).map(shown));
  });

  it('reads several partitions in one fetch, in the order asked for', async () => {
    const topic = await bench.topic(3);
    const ends = [4, 0, 6];
    await bench.client.append([batchOf(topic, 0, numbered(4, 'a')), batchOf(topic, 2, numbered(6, 'c'))]);
    const found: unknown[][] = [[], [], []];
    const positions = [2, 1, 0].map((partition) => ({ topic, partition, offset: 0 }));
    while (positions.some(({ partition, offset }) => offset < ends[partition])) {
      const answers = await bench.client.fetch(positions, WAIT);
      expect(answers.map(({ partition }) => partition)).toEqual([2, 1, 0]);
      answers.forEach(({ partition, batch, nextOffset, highWatermark }, i) => {
        if (batch !== undefined) found[partition].push(...shownBatch(batch));
        positions[i].offset = nextOffset;
        expect(highWatermark).toBe(ends[partition]);
      });
    }
    expect(found).toEqual([numbered(4, 'a').map(shown), [], numbered(6, 'c').map(shown)]);
  });
}

function groupTests(bench: Bench): void {
  it("keeps a group's offsets and metadata, and forgets them when told to", async () => {
    const [topic, other] = [await bench.topic(3), await bench.topic()];
    await bench.client.append([batchOf(topic, 0, numbered(20)), batchOf(topic, 2, numbered(20))]);
    const group = `g-${randomUUID()}`;
    expect(await bench.client.groupOffsets(group, [topic])).toEqual([]);
    const committed = [
      { topic, partition: 0, offset: 7, metadata: 'epoch 3 é' },
      { topic, partition: 2, offset: 9, metadata: '' },
    ];
    await bench.client.commitGroup(group, committed);
    const inOrder = async () =>
      (await bench.client.groupOffsets(group, [topic, other])).toSorted((a, b) => a.partition - b.partition);
    expect(await inOrder()).toEqual(committed);
    await bench.client.commitGroup(group, [{ topic, partition: 0, offset: 8, metadata: 'epoch 4' }]);
    expect(await inOrder()).toEqual([{ topic, partition: 0, offset: 8, metadata: 'epoch 4' }, committed[1]]);
    expect(await bench.client.groupOffsets(`g-${randomUUID()}`, [topic])).toEqual([]);
    await bench.client.deleteGroup(group);
    expect(await bench.client.groupOffsets(group, [topic])).toEqual([]);
    await bench.client.deleteGroup(group);
  });
}

function concurrencyTests(bench: Bench): void {
  it('gives every one of many appends at once its own offsets', async () => {
    const topic = await bench.topic(2);
    const appends = Array.from({ length: 20 }, (_, i) => ({ partition: i % 2, records: numbered(5, `a${i}-`) }));
    const bases = await Promise.all(
      appends.map(({ partition, records }) => bench.client.append([batchOf(topic, partition, records)])),
    );
    for (const partition of [0, 1]) {
      const batches = await readAll(bench.client, { topic, partition }, 0, 50);
      const found = batches.flatMap(shownBatch);
      expect(found).toHaveLength(50);
      appends.forEach((append, i) => {
        if (append.partition !== partition) return;
        expect(found.slice(bases[i][0], bases[i][0] + 5)).toEqual(append.records.map(shown));
      });
    }
  });
}
