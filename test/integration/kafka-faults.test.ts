/** Answers that are lost on the way: appends and transactions are made once, in order, whatever has to be sent again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { batchOf, numbered, readAll, textsOf } from '../log/records.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { describeKafka, uniqueName } from './kafka.ts';
import { type BehindProxy, startBehindProxy } from './proxy.ts';

const SEED = 20_260_401;
const CUT_SHARE = 0.15;
const PARTITIONS = 3;
const TRANSACTION_MS = 30_000;

describeKafka('Kafka behind a connection that loses answers', { timeout: 120_000 }, () => {
  let behind: BehindProxy<CuttingProxy>;
  let proxy: CuttingProxy;
  let client: KafkaClient;

  beforeAll(async () => {
    behind = await startBehindProxy((place) => startCuttingProxy(place, SEED));
    ({ proxy, client } = behind);
  });
  afterAll(() => behind?.close());

  async function newTopic(): Promise<string> {
    const topic = uniqueName('f');
    await client.createTopics([{ topic, partitions: PARTITIONS }]);
    return topic;
  }

  async function values(topic: string, partition: number): Promise<string[]> {
    const ends = await client.offsets(topic, 'latest');
    return textsOf(await readAll(client, { topic, partition }, 0, ends[partition]));
  }

  it('appends everything once and in order', async () => {
    const topic = await newTopic();
    const parts = Array.from({ length: 150 }, (_, i) => numbered(20, `p${i}-`));
    proxy.cutShare = CUT_SHARE;
    const before = proxy.cuts;
    const appends = parts.map((part) =>
      client.append(Array.from({ length: PARTITIONS }, (_, partition) => batchOf(topic, partition, part))),
    );
    const bases = await Promise.all(appends);
    proxy.cutShare = 0;
    expect(proxy.cuts - before).toBeGreaterThan(10);
    const expected = parts.flat().map(({ value }) => value);
    for (let partition = 0; partition < PARTITIONS; partition++)
      expect(await values(topic, partition)).toEqual(expected);
    expect(bases.map(([base]) => base)).toEqual(parts.map((_, i) => i * 20));
  });

  it('reads everything once and in order', async () => {
    const topic = await newTopic();
    const records = numbered(2_000);
    for (let i = 0; i < records.length; i += 20) await client.append([batchOf(topic, 0, records.slice(i, i + 20))]);
    proxy.cutShare = CUT_SHARE;
    const found: string[] = [];
    for (let offset = 0; offset < records.length; ) {
      const [answer] = await client.fetch([{ topic, partition: 0, offset }], { maxBytes: 4_000, maxWaitMs: 500 });
      for (let row = 0; row < (answer.batch?.length ?? 0); row++) found.push(String(answer.batch!.value(row)));
      offset = answer.nextOffset;
    }
    proxy.cutShare = 0;
    expect(found).toEqual(records.map(({ value }) => value));
  });

  it('decides every transaction once, with its offsets', async () => {
    const topic = await newTopic();
    const group = uniqueName('g');
    const transactions = client.transactions(uniqueName('t'), TRANSACTION_MS);
    proxy.cutShare = CUT_SHARE;
    await transactions.init();
    const expected: unknown[] = [];
    let committed = 0;
    for (let i = 0; i < 60; i++) {
      const records = numbered(10, `t${i}-`);
      await transactions.append(
        [batchOf(topic, 0, records), batchOf(topic, i % PARTITIONS, [])].filter((b) => b.length > 0),
      );
      await transactions.commitGroup(group, [{ topic, partition: 0, offset: i + 1, metadata: `epoch ${i}` }]);
      if (i % 7 === 3) await transactions.abort();
      else {
        await transactions.commit();
        expected.push(...records.map(({ value }) => value));
        committed = i + 1;
      }
    }
    proxy.cutShare = 0;
    await expect.poll(() => values(topic, 0)).toEqual(expected);
    const [{ offset, metadata }] = await client.groupOffsets(group, [topic]);
    expect([offset, metadata]).toEqual([committed, `epoch ${committed - 1}`]);
  });
});
