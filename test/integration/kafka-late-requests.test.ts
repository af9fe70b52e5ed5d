/** What was sent again, and whose first copy arrives when the next transaction is under way. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { batchOf, numbered, readAll, textsOf } from '../log/records.ts';
import { describeKafka, uniqueName } from './kafka.ts';
import { type LateProxy, startLateProxy } from './late-proxy.ts';
import { type BehindProxy, startBehindProxy } from './proxy.ts';

const TRANSACTION_MS = 30_000;
/** Long enough for the client to have sent it again, and to have begun the next transaction. */
const LATE_MS = 700;
const REQUESTS = {
  produce: 0,
  'add partitions': 24,
  'end of a transaction': 26,
  'offsets of a transaction': 28,
} as const;

describeKafka('Kafka where requests arrive late', { timeout: 60_000 }, () => {
  let behind: BehindProxy<LateProxy>;
  let proxy: LateProxy;
  let client: KafkaClient;

  beforeAll(async () => {
    behind = await startBehindProxy(startLateProxy);
    ({ proxy, client } = behind);
  });
  afterAll(() => behind?.close());

  async function values(topic: string): Promise<string[]> {
    const [end] = await client.offsets(topic, 'latest');
    return textsOf(await readAll(client, { topic, partition: 0 }, 0, end));
  }

  it.each(Object.entries(REQUESTS))('lets a late %s change nothing of the next transaction', async (_, apiKey) => {
    const [topic, group] = [uniqueName('late'), uniqueName('g')];
    await client.createTopics([{ topic, partitions: 1 }]);
    const transactions = client.transactions(uniqueName('t'), TRANSACTION_MS);
    await transactions.init();
    const offset = (n: number) => [{ topic, partition: 0, offset: n, metadata: `epoch ${n}` }];

    const late = proxy.delayNext(apiKey, LATE_MS);
    await transactions.append([batchOf(topic, 0, numbered(2, 'a'))]);
    await transactions.commitGroup(group, offset(1));
    await transactions.commit();

    await transactions.append([batchOf(topic, 0, numbered(2, 'b'))]);
    await transactions.commitGroup(group, offset(2));
    await late;
    // What has come late has ended nothing, and belongs to nothing.
    await transactions.append([batchOf(topic, 0, numbered(1, 'c'))]);
    await transactions.abort();
    await transactions.append([batchOf(topic, 0, numbered(1, 'd'))]);
    await transactions.commitGroup(group, offset(3));
    await transactions.commit();
    await expect.poll(() => values(topic)).toEqual(['a0', 'a1', 'd0']);
    expect((await client.groupOffsets(group, [topic])).map(({ metadata }) => metadata)).toEqual(['epoch 3']);
  });
});
