/** Transactions of the default driver on a real broker. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { batchOf, numbered, readAll, textsOf } from '../log/records.ts';
import { describeKafka, openKafka, uniqueName } from './kafka.ts';

const TIMEOUT_MS = 30_000;

describeKafka('transactions on Kafka', () => {
  let client: KafkaClient;
  beforeAll(async () => {
    client = await openKafka();
  });
  afterAll(() => client?.close());

  async function newTopic(partitions = 1): Promise<string> {
    const topic = uniqueName('t');
    await client.createTopics([{ topic, partitions }]);
    return topic;
  }

  async function values(topic: string): Promise<string[]> {
    const [end] = await client.offsets(topic, 'latest');
    return textsOf(await readAll(client, { topic, partition: 0 }, 0, end));
  }

  const committed = async (group: string, topic: string) =>
    (await client.groupOffsets(group, [topic])).map(({ offset }) => offset);

  it('shows appends and offsets together when it commits, and neither when it aborts', async () => {
    const [topic, other, group] = [await newTopic(), await newTopic(), uniqueName('g')];
    const transactions = client.transactions(uniqueName('id'), TIMEOUT_MS);
    await transactions.init();
    await transactions.append([batchOf(topic, 0, numbered(3, 'a')), batchOf(other, 0, numbered(1, 'o'))]);
    await transactions.commitGroup(group, [{ topic, partition: 0, offset: 3, metadata: 'epoch 1' }]);
    expect([await values(topic), await values(other)]).toEqual([[], []]);
    await transactions.commit();
    await expect.poll(() => values(topic)).toEqual(['a0', 'a1', 'a2']);
    await expect.poll(() => values(other)).toEqual(['o0']);
    expect(await committed(group, topic)).toEqual([3]);
    await transactions.append([batchOf(topic, 0, numbered(2, 'b'))]);
    await transactions.commitGroup(group, [{ topic, partition: 0, offset: 5, metadata: 'epoch 2' }]);
    await transactions.abort();
    await transactions.append([batchOf(topic, 0, numbered(1, 'c'))]);
    await transactions.commit();
    await expect.poll(() => values(topic)).toEqual(['a0', 'a1', 'a2', 'c0']);
    expect(await committed(group, topic)).toEqual([3]);
  });

  it('needs nothing of the broker for a transaction in which nothing happened', async () => {
    const transactions = client.transactions(uniqueName('id'), TIMEOUT_MS);
    await transactions.init();
    await expect(transactions.commit()).resolves.toBeUndefined();
    await expect(transactions.abort()).resolves.toBeUndefined();
  });

  it('fences the producer before it, and settles what that left open', async () => {
    const [topic, group, id] = [await newTopic(), uniqueName('g'), uniqueName('id')];
    const old = client.transactions(id, TIMEOUT_MS);
    await old.init();
    await old.append([batchOf(topic, 0, numbered(2, 'old'))]);
    await old.commitGroup(group, [{ topic, partition: 0, offset: 9, metadata: '' }]);
    const young = client.transactions(id, TIMEOUT_MS);
    await young.init();
    expect(await committed(group, topic)).toEqual([]);
    await expect(old.append([batchOf(topic, 0, numbered(1))])).rejects.toMatchObject({ code: 'FENCED' });
    await expect(old.commit()).rejects.toMatchObject({ code: 'FENCED' });
    await young.append([batchOf(topic, 0, numbered(1, 'young'))]);
    await young.commit();
    await expect.poll(() => values(topic)).toEqual(['young0']);
  });

  it('cannot commit a transaction that took too long, and begins anew after init', async () => {
    const topic = await newTopic();
    const transactions = client.transactions(uniqueName('id'), 1_000);
    await transactions.init();
    await transactions.append([batchOf(topic, 0, numbered(1, 'late'))]);
    // Readers of committed records see the end move when the broker has aborted it.
    await expect.poll(() => client.offsets(topic, 'latest'), { timeout: 40_000, interval: 200 }).toEqual([2]);
    await expect(transactions.commit()).rejects.toMatchObject({ code: 'FENCED' });
    await transactions.init();
    await transactions.append([batchOf(topic, 0, numbered(1, 'again'))]);
    await transactions.commit();
    await expect.poll(() => values(topic)).toEqual(['again0']);
  });

  it('refuses a time-out that the broker does not allow, and says what to do', async () => {
    await expect(client.transactions(uniqueName('id'), 10_000_000).init()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('transaction.max.timeout.ms'),
    });
  });
});
