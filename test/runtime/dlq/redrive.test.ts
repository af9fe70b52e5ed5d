import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCutDlqRecord, encodeDlqRecord, type PlainRecord } from '../../../src/core/dlq-record.ts';
import type { LogClient } from '../../../src/log/log-client.ts';
import type { Redriven } from '../../../src/runtime/dlq/redrive.ts';
import { SimulatedKafka } from '../../../src/testing/simulated-kafka.ts';
import { recordOf, shown } from '../../log/records.ts';
import {
  DLQ,
  type DlqWorld,
  dlqWorld,
  failure,
  NOON,
  ORIGIN,
  plain,
  put,
  putFailed,
  read,
  redriveAll,
  textOf,
} from './world.ts';

/** The verdicts that were given at all. */
function given({ verdicts }: Redriven): Record<string, number> {
  return Object.fromEntries(Object.entries(verdicts).filter(([, count]) => count > 0));
}

/** What a pipeline does with a record that it can still not process: back into the DLQ with it. */
async function failAgain(log: LogClient): Promise<void> {
  const again = (await read(log)).map((record) => encodeDlqRecord(record, failure({ offset: record.offset })));
  await put(log, again);
}

describe.each<[string, ((clock: DlqWorld['clock']) => LogClient) | undefined]>([
  ['the embedded log', undefined],
  ['a log with transactions of its own', (clock) => new SimulatedKafka(clock)],
])('a redrive on %s', (_, open) => {
  const begin = (): Promise<DlqWorld> => dlqWorld(open as Parameters<typeof dlqWorld>[0]);

  it('gives key, value and headers back byte for byte, and adds two marks', async () => {
    const bytes = fc.array(recordOf, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bytes, async (records) => {
        const world = await begin();
        const originals = records.map(({ key, value, headers }): PlainRecord => {
          return { key: asBytes(key), value: asBytes(value), headers: headers ?? [] };
        });
        await put(
          world.log,
          originals.map((original) => encodeDlqRecord(original, failure())),
        );
        await redriveAll(world);
        const back = await read(world.log);
        expect(back.map((record) => shown({ ...record, headers: record.headers.slice(0, -2) }))).toEqual(
          originals.map(shown),
        );
        expect(back.every((record) => textOf(record, 'dlq_attempt') === '1')).toBe(true);
        expect(back.every((record) => textOf(record, 'dlq_redriven_at') === new Date(NOON).toISOString())).toBe(true);
      }),
      { seed: 8, numRuns: 40 },
    );
  });

  it('sends each once, however often it is called', async () => {
    const world = await begin();
    await putFailed(world.log, 12);
    expect(given(await redriveAll(world))).toEqual({ waiting: 12 });
    expect(given(await redriveAll(world))).toEqual({ redriven: 12 });
    await putFailed(world.log, 3);
    expect(given(await redriveAll(world))).toEqual({ redriven: 12, waiting: 3 });
    expect(await read(world.log)).toHaveLength(15);
  });

  it('goes back to the partition that it came from, in the order of the DLQ', async () => {
    const world = await begin();
    await putFailed(world.log, 40, { partition: 2 });
    await redriveAll(world);
    const back = await read(world.log);
    expect(back.every(({ partition }) => partition === 2)).toBe(true);
    expect(back.map(({ value }) => String(value))).toEqual(Array.from({ length: 40 }, (_each, i) => `{"n":${i}}`));
  });

  it('goes where its key belongs when its partition is not known, or is no more', async () => {
    const world = await begin();
    await putFailed(world.log, 2, { partition: undefined });
    await putFailed(world.log, 2, { partition: 9 });
    await put(world.log, [encodeDlqRecord(plain('x', { key: null }), failure({ partition: 9 }))]);
    await redriveAll(world);
    const back = await read(world.log);
    expect(new Set(back.filter(({ key }) => key !== null).map(({ partition }) => partition)).size).toBe(1);
    expect(back).toHaveLength(5);
  });

  it('counts the attempts over the rounds, until there were enough', async () => {
    const world = await begin();
    await putFailed(world.log, 1);
    for (let round = 1; round <= 3; round++) {
      const { verdicts } = await redriveAll(world);
      expect(verdicts.waiting).toBe(1);
      const back = (await read(world.log)).at(-1)!;
      expect(back.headers.map(({ key }) => key)).toEqual(['dlq_redriven_at', 'dlq_attempt']);
      expect(textOf(back, 'dlq_attempt')).toBe(String(round));
      await put(world.log, [encodeDlqRecord(back, failure({ offset: back.offset }))]);
    }
    expect(given(await redriveAll(world))).toEqual({ redriven: 3, 'given-up': 1 });
    expect(given(await redriveAll(world, { maxAttempts: 4 }))).toEqual({ redriven: 3, waiting: 1 });
  });

  it("keeps headers of the user's own that have the names of our marks", async () => {
    const world = await begin();
    const own = [
      { key: 'dlq_attempt', value: Buffer.from('mine') },
      { key: 'x', value: Buffer.from([0, 255]) },
    ];
    await put(world.log, [encodeDlqRecord(plain('{}', { headers: own }), failure())]);
    await redriveAll(world);
    await failAgain(world.log);
    await redriveAll(world);
    const back = (await read(world.log)).at(-1)!;
    expect(back.headers.map(({ key }) => key)).toEqual(['dlq_attempt', 'x', 'dlq_redriven_at', 'dlq_attempt']);
    expect(back.headers.slice(0, 2).map(({ value }) => Buffer.from(value))).toEqual(own.map(({ value }) => value));
    expect(textOf(back, 'dlq_attempt')).toBe('2');
  });

  it('leaves alone what cannot go back, and says why', async () => {
    const world = await begin();
    await put(world.log, [
      plain('{"just":"json"}'),
      plain(null),
      encodeDlqRecord(plain('{}'), failure({ offset: undefined })),
      encodeCutDlqRecord(plain('x'.repeat(9_000)), failure(), 1_000),
      encodeDlqRecord(plain('{}'), failure({ topic: undefined })),
      encodeDlqRecord(plain('{}'), failure({ topic: 'elsewhere' })),
      encodeDlqRecord(plain('{}'), failure({ topic: 'gone' })),
      encodeDlqRecord(plain('{"ok":1}'), failure()),
    ]);
    const expected = { unreadable: 2, computed: 1, cut: 1, foreign: 2, 'no-topic': 1, waiting: 1 };
    expect(given(await redriveAll(world))).toEqual(expected);
    expect((await read(world.log)).map(({ value }) => String(value))).toEqual(['{"ok":1}']);
  });

  it('sends only what is asked for, and the rest when that is asked for', async () => {
    const world = await begin();
    await putFailed(world.log, 4);
    await putFailed(world.log, 5, { step: 'enrich' });
    const where = [{ field: 'step', operator: '=', value: 'enrich' }] as const;
    expect(given(await redriveAll(world, { where }))).toEqual({ unmatched: 4, waiting: 5 });
    expect(given(await redriveAll(world))).toEqual({ redriven: 5, waiting: 4 });
  });

  it('reads to the end that there was at the start', async () => {
    const world = await begin();
    await putFailed(world.log, 3);
    const fed = redriveAll(world, { onProgress: () => void putFailed(world.log, 1) });
    expect((await fed).verdicts.waiting).toBe(3);
  });

  it('begins with nothing in an empty topic', async () => {
    const world = await begin();
    expect(await redriveAll(world)).toMatchObject({ seen: 0, total: 0, finished: true });
  });

  it('is stopped behind a transaction, and goes on where it was', async () => {
    const world = await begin();
    await put(world.log, new Array<PlainRecord>(6_000).fill(encodeDlqRecord(plain('{}'), failure())));
    const controller = new AbortController();
    const first = await redriveAll(world, {
      signal: controller.signal,
      onProgress: ({ verdicts }) => verdicts.waiting > 0 && controller.abort(),
    });
    expect(first.finished).toBe(false);
    expect(first.verdicts.waiting).toBe(5_000);
    expect((await redriveAll(world)).verdicts).toMatchObject({ redriven: 5_000, waiting: 1_000 });
    expect(await read(world.log)).toHaveLength(6_000);
  });

  it('refuses to go on when another redrive of the topic has begun', async () => {
    const world = await begin();
    await putFailed(world.log, 4, {});
    let second: Promise<Redriven> | undefined;
    const first = redriveAll(world, {
      rate: 2,
      onProgress: ({ verdicts }) => {
        if (verdicts.waiting === 2) second ??= redriveAll(world);
      },
    });
    const settled = Promise.allSettled([first]);
    await expect.poll(() => second).toBeDefined();
    expect(given(await second!)).toEqual({ redriven: 2, waiting: 2 });
    world.clock.advance(5_000);
    expect(await settled).toMatchObject([{ status: 'rejected', reason: { code: 'OWNED_ELSEWHERE' } }]);
    expect(await read(world.log)).toHaveLength(4);
  });

  it('keeps to its rate', async () => {
    const world = await begin();
    await putFailed(world.log, 10);
    let sent = 0;
    const done = redriveAll(world, { rate: 4, onProgress: ({ verdicts }) => (sent = verdicts.waiting) });
    for (const expected of [4, 8]) {
      await expect.poll(() => sent).toBe(expected);
      world.clock.advance(999);
      await new Promise(setImmediate);
      expect(sent).toBe(expected);
      world.clock.advance(1);
    }
    expect((await done).verdicts.waiting).toBe(10);
  });

  it('does not believe notes of a topic that was created anew', async () => {
    const world = await begin();
    await putFailed(world.log, 2);
    const dlq = { ...(await world.log.topic(DLQ))!, id: 'first' };
    await redriveAll(world, { dlq });
    expect(given(await redriveAll(world, { dlq }))).toEqual({ redriven: 2 });
    expect(given(await redriveAll(world, { dlq: { ...dlq, id: 'second' } }))).toEqual({ waiting: 2 });
  });

  it('refuses a topic of notes that holds something else', async () => {
    const world = await begin();
    await world.log.createTopics([{ topic: `${DLQ}-redriven`, partitions: 1 }]);
    await putFailed(world.log, 1);
    await redriveAll(world);
    const [note] = await read(world.log, `${DLQ}-redriven`);
    expect(JSON.parse(String(note.value))).toMatchObject({ dlq: DLQ, partition: 0, offsets: [[0, 0]] });
    const { RecordBatchBuilder } = await import('../../../src/core/batch-builder.ts');
    const other = new RecordBatchBuilder(`${DLQ}-redriven`, 0);
    other.add(null, 'hello', NOON);
    await world.log.append([other.finish()]);
    await expect(redriveAll(world)).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH', place: { offset: 1 } });
  });
});

describe('a redrive on Kafka', () => {
  it.each(['undecided', 'decided'] as const)(
    'sends once when nobody knows whether it was committed: %s',
    async (fate) => {
      const world = await dlqWorld((clock) => {
        const log = new SimulatedKafka(clock);
        log.commitFailures.push(fate);
        return log;
      });
      await putFailed(world.log, 6);
      expect(given(await redriveAll(world))).toEqual({ waiting: 6 });
      expect(await read(world.log)).toHaveLength(6);
      expect(given(await redriveAll(world))).toEqual({ redriven: 6 });
    },
  );

  it('gives up when it fails again and again', async () => {
    const world = await dlqWorld((clock) => {
      const log = new SimulatedKafka(clock);
      log.commitFailures.push('undecided', 'undecided', 'undecided');
      return log;
    });
    await putFailed(world.log, 6);
    await expect(redriveAll(world)).rejects.toMatchObject({ code: 'TRANSACTION_FAILED' });
    expect(await read(world.log)).toHaveLength(0);
    expect(given(await redriveAll(world))).toEqual({ waiting: 6 });
  });

  it('is refused through a driver without transactions', async () => {
    const world = await dlqWorld((clock) => Object.assign(new SimulatedKafka(clock), { transactions: undefined }));
    await putFailed(world.log, 1);
    await expect(redriveAll(world)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: 'leave out --client kafkajs',
    });
    expect(await world.log.topic(`${DLQ}-redriven`)).toBeUndefined();
  });

  it('refuses to guess when notes were deleted', async () => {
    const world = await dlqWorld((clock) => {
      const log = new SimulatedKafka(clock);
      const offsets = log.offsets.bind(log);
      log.offsets = async (topic, query) =>
        topic === `${DLQ}-redriven` && query === 'earliest' ? [5] : offsets(topic, query);
      return log;
    });
    await expect(redriveAll(world)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: `the notes before offset 5 of ${DLQ}-redriven were deleted: nobody knows any more what was redriven`,
    });
  });

  it('leaves a record where it is that is too large for its topic with the marks', async () => {
    const world = await dlqWorld();
    await putFailed(world.log, 1);
    const info = { ...(await world.log.topic(ORIGIN))!, maxRecordBytes: 40 };
    const court = { origins: new Map([[ORIGIN, info]]), maxAttempts: 3, isWanted: () => true };
    expect(given(await redriveAll(world, { court }))).toEqual({ 'too-large': 1 });
  });
});

function asBytes(data: string | Uint8Array | null): Uint8Array | null {
  return data === null ? null : Buffer.from(data);
}
