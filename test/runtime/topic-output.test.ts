import { describe, expect, it } from 'vitest';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import type { RecordBatch } from '../../src/core/record-batch.ts';
import type { LogClient, TopicInfo } from '../../src/log/log-client.ts';
import { Credit } from '../../src/runtime/credit.ts';
import { type AppendAhead, PublishedTopic, StagedTopic } from '../../src/runtime/topic-output.ts';
import { textsOf } from '../log/records.ts';

/** Batches hold a record or two of ten bytes. */
const BATCH_BYTES = 25;
const TEN = '0123456789';

function topic(partitions = 1): TopicInfo {
  return { topic: 't', partitions, maxRecordBytes: 1_000, timestampType: 'create' };
}

function logOf(append: (batches: readonly RecordBatch[]) => Promise<number[]> = async () => []): LogClient {
  const batchBuilder = ({ partition }: { partition: number }) => new RecordBatchBuilder('t', partition, BATCH_BYTES);
  return { batchBuilder, append } as unknown as LogClient;
}

/** Sends ahead what is answered by hand. */
function aheadByHand() {
  const sent: { epoch: number; texts: string[]; answer: () => void; fail: () => void }[] = [];
  const append: AppendAhead = (epoch, batch) =>
    new Promise<void>((resolve, reject) => {
      sent.push({ epoch, texts: textsOf([batch]), answer: resolve, fail: () => reject(new Error('gone')) });
    });
  return { sent, append };
}

const settled = (): Promise<void> => new Promise(setImmediate);

/** A value of bytes, so that its length is known without a guess. */
const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Three records, of which the first two have filled a batch that is on its way. */
function batchAhead() {
  const { sent, append } = aheadByHand();
  const credit = new Credit(1e6);
  const output = new StagedTopic(topic(), credit, logOf(), { epoch: 1, append });
  for (let i = 0; i < 3; i++) output.append(null, bytes(`${TEN}${i}`), 0);
  return { sent, credit, output };
}

describe('StagedTopic', () => {
  it('keeps what fills a batch for the seal where nothing may be sent ahead', () => {
    const output = new StagedTopic(topic(), new Credit(1e6), logOf(), { epoch: 1, append: undefined });
    for (let i = 0; i < 5; i++) output.append(null, bytes(`${TEN}${i}`), 0);
    const { appends } = output.seal();
    expect(appends.length).toBe(3);
    expect(textsOf(appends)).toEqual([0, 1, 2, 3, 4].map((i) => `${TEN}${i}`));
    expect(output.seal().appends).toEqual([]);
  });

  it('sends full batches in the epoch in which they were filled, and seals the rest', () => {
    const { sent, append } = aheadByHand();
    const output = new StagedTopic(topic(), new Credit(1e6), logOf(), { epoch: 7, append });
    for (let i = 0; i < 3; i++) output.append(null, bytes(`${TEN}${i}`), 0);
    expect(textsOf(output.seal().appends)).toEqual([`${TEN}2`]);
    for (let i = 3; i < 6; i++) output.append(null, bytes(`${TEN}${i}`), 0);
    expect(sent.map(({ epoch, texts }) => [epoch, texts])).toEqual([
      [7, [`${TEN}0`, `${TEN}1`]],
      [8, [`${TEN}3`, `${TEN}4`]],
    ]);
  });

  it('holds credit for what was sent ahead until the log has it, and for the rest until its seal is committed', async () => {
    const { sent, credit, output } = batchAhead();
    const all = credit.used;
    const { bytes: sealed } = output.seal();
    sent[0].answer();
    await settled();
    expect(credit.used).toBe(sealed);
    expect(sealed).toBeLessThan(all);
    credit.release(sealed);
    expect(credit.used).toBe(0);
  });

  it('keeps the memory of a batch that the log did not take', async () => {
    const { sent, credit } = batchAhead();
    const before = credit.used;
    sent[0].fail();
    await settled();
    expect(credit.used).toBe(before);
  });

  it('writes nothing into a batch before it is committed', () => {
    const output = new StagedTopic(topic(), new Credit(1e6), logOf(), { epoch: 1, append: undefined });
    output.append(null, bytes('first'), 0);
    const { appends: first } = output.seal();
    output.append(null, bytes('later'), 0);
    const { appends: second } = output.seal();
    expect(textsOf([...first, ...second])).toEqual(['first', 'later']);
    output.committed();
    output.append(null, bytes('again'), 0);
    expect(textsOf(second)).toEqual(['later']);
    // Its memory was free.
    expect(textsOf(first)).toEqual(['again']);
  });

  it('keeps the order of each partition over batches that are full and the seal', () => {
    const { sent, append } = aheadByHand();
    const output = new StagedTopic(topic(3), new Credit(1e6), logOf(), { epoch: 1, append });
    const keys = Array.from({ length: 60 }, (_, i) => `key-${i % 7}`);
    keys.forEach((key, i) => output.append(key, bytes(`${key}:${i}`), 0));
    const texts = [...sent.flatMap((one) => one.texts), ...textsOf(output.seal().appends)];
    for (const key of new Set(keys)) {
      const own = texts.filter((text) => text.startsWith(`${key}:`)).map((text) => Number(text.split(':')[1]));
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
    expect(texts).toHaveLength(keys.length);
  });

  it('takes a record that is longer than a batch, and refuses one that is longer than the topic takes', () => {
    const output = new StagedTopic(topic(), new Credit(1e6), logOf(), { epoch: 1, append: undefined });
    expect(output.append(null, bytes('x'.repeat(500)), 0)).toBe(true);
    expect(output.append(null, bytes('x'.repeat(1_001)), 0)).toBe(false);
    expect(output.append(null, 'é'.repeat(500), 0)).toBe(true);
    expect(output.append(null, 'é'.repeat(501), 0)).toBe(false);
    expect(output.append(null, bytes('x'), 0, [{ key: 'h', value: bytes('y'.repeat(1_000)) }])).toBe(false);
    expect(textsOf(output.seal().appends).map(({ length }) => length)).toEqual([500, 500]);
  });
});

describe('PublishedTopic', () => {
  it('sends all that has come, in its order, and frees its credit', async () => {
    const credit = new Credit(1e6);
    const sent: string[] = [];
    const log = logOf(async (batches) => {
      sent.push(...textsOf(batches));
      await settled();
      return [];
    });
    const output = new PublishedTopic(topic(), credit, log, () => {});
    for (let i = 0; i < 5; i++) output.append(null, bytes(`${TEN}${i}`), 0);
    await Promise.resolve();
    for (let i = 5; i < 9; i++) output.append(null, bytes(`${TEN}${i}`), 0);
    await output.flush();
    expect(sent).toEqual(Array.from({ length: 9 }, (_, i) => `${TEN}${i}`));
    expect(credit.used).toBe(0);
  });
});
