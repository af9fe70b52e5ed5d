/** Producers of users' own programs against a real broker. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDlqProducer,
  createProducer,
  decodeDlqRecord,
  type DeliveryReport,
  type LogRecord,
  type Sent,
  topicOf,
} from 'millrace';
import { sendOrders } from '../../docs/examples/streamlake-orders.ts';
import { type RunningBroker, startBroker } from '../../scripts/kafka/broker.ts';
import { partitionFor } from '../../src/log/partitioner.ts';
import { readAll } from '../log/records.ts';
import { bootstrap, describeKafka, openKafka, openKafkajs, uniqueName } from './kafka.ts';

const WAIT = { timeout: 60_000, interval: 50 };

const numbersIn = (topic: string, partitions = 3) =>
  topicOf<{ readonly key: string; readonly n: number }>(topic, { key: ({ key }) => key, partitions });

async function recordsOf(topic: string, brokers = bootstrap): Promise<LogRecord[]> {
  const client = await openKafka(brokers);
  const ends = await client.offsets(topic, 'latest');
  const found = await Promise.all(
    ends.map(async (end, partition) => {
      const batches = await readAll(client, { topic, partition }, 0, end);
      return batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => batch.record(row)));
    }),
  );
  await client.close();
  return found.flat();
}

const valueOf = ({ value }: LogRecord) => JSON.parse(String(value)) as { readonly key: string; readonly n: number };

/** The numbers of each key, as they lie in the topic. */
function byKey(records: readonly LogRecord[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const record of records) {
    const { key, n } = valueOf(record);
    found.set(key, [...(found.get(key) ?? []), n]);
  }
  return found;
}

const ascending = (a: number, b: number) => a - b;

describeKafka('a producer', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4'] as const)(
    'keeps the order of each key and tells every record its place, with %s',
    async (compression) => {
      const topic = uniqueName('produced');
      await using producer = await createProducer({ brokers: bootstrap, compression });
      const numbers = numbersIn(topic);
      const sent = Array.from({ length: 20_000 }, (_, n) => producer.send(numbers, { key: `k${n % 50}`, n }));
      const reports = (await Promise.all(sent)) as Sent[];
      const records = await recordsOf(topic);
      expect(records).toHaveLength(20_000);
      for (const record of records) {
        const { key, n } = valueOf(record);
        expect(reports[n]).toEqual({ status: 'sent', topic, partition: record.partition, offset: record.offset });
        expect(record.partition).toBe(partitionFor(key, 3));
      }
      for (const ns of byKey(records).values()) expect(ns).toEqual(ns.toSorted(ascending));
    },
  );

  it('writes what another client reads: key, value, headers', async () => {
    const topic = uniqueName('orders-raw');
    const orders = topicOf<{ readonly order_id: string }>(topic, { key: (o) => o.order_id, dataset: 'orders' });
    await using producer = await createProducer({ brokers: bootstrap, service: 'streamlake-producer' });
    const { partition } = (await producer.send(orders, { order_id: 'ORD-100' })) as Sent;
    const client = await openKafkajs();
    const [batch] = await readAll(client, { topic, partition }, 0, 1);
    await client.close();
    const record = batch.record(0);
    expect([String(record.key), String(record.value)]).toEqual(['ORD-100', '{"order_id":"ORD-100"}']);
    expect(record.headers.map(({ key }) => key)).toEqual([
      'dataset',
      'schema_version',
      'ingestion_id',
      'producer_services',
    ]);
  });

  it('commits a transaction whole, and one that fails not at all', async () => {
    const [one, two] = [numbersIn(uniqueName('one')), numbersIn(uniqueName('two'), 1)];
    await using producer = await createProducer({ brokers: bootstrap, transactionalId: uniqueName('id') });
    const fill = async (from: number): Promise<Sent[]> =>
      producer.transaction((transaction) => {
        for (let n = from; n < from + 500; n++) {
          transaction.send(one, { key: `k${n % 9}`, n });
          transaction.send(two, { key: 'all', n });
        }
        if (from === 500) throw new Error('no');
      });
    const reports = await fill(0);
    await expect(fill(500)).rejects.toThrow('no');
    await fill(1_000);
    // A commit is answered when it is decided; its records can be read a little later.
    await expect.poll(async () => (await recordsOf(one.name)).length, WAIT).toBe(1_000);
    await expect.poll(async () => (await recordsOf(two.name)).length, WAIT).toBe(1_000);
    const expected = Array.from({ length: 1_000 }, (_, i) => (i < 500 ? i : i + 500));
    const found = await recordsOf(two.name);
    expect(found.map((record) => valueOf(record).n)).toEqual(expected);
    expect(reports).toHaveLength(1_000);
    for (const { offset, ...record } of found.slice(0, 500)) {
      expect(reports[valueOf(record as LogRecord).n * 2 + 1]).toMatchObject({ topic: two.name, partition: 0, offset });
    }
  });

  it('is fenced by a newer one with its transactional id', async () => {
    const [topic, transactionalId] = [numbersIn(uniqueName('fenced')), uniqueName('id')];
    const open = () => createProducer({ brokers: bootstrap, transactionalId });
    await using older = await open();
    const send = (by: typeof older, n: number) => by.transaction((tx) => tx.send(topic, { key: 'k', n }));
    await send(older, 1);
    await using newer = await open();
    await send(newer, 2);
    await expect(send(older, 3)).rejects.toMatchObject({ code: 'FENCED' });
    await expect(send(older, 3)).rejects.toMatchObject({ code: 'FENCED' });
    await send(newer, 4);
    await expect
      .poll(async () => (await recordsOf(topic.name)).map((record) => valueOf(record).n), WAIT)
      .toEqual([1, 2, 4]);
  });

  it('writes dead letters that give their bytes back', async () => {
    const topic = uniqueName('dlq');
    await using dlq = await createDlqProducer(topic, { brokers: bootstrap });
    const payloads = ['{"a": 1}', 'not json', Buffer.of(0, 255), null];
    for (const payload of payloads) await dlq.send({ key: 'k', payload, headers: { trace: 't' } }, new Error('why'));
    const decoded = (await recordsOf(topic)).map((record) => decodeDlqRecord(record)!);
    expect(decoded.map(({ payload }) => payload)).toEqual(
      payloads.map((payload) => (payload === null ? null : Buffer.from(payload))),
    );
    expect(decoded.map(({ reason, headers }) => [reason, headers.length])).toEqual(payloads.map(() => ['why', 1]));
  });

  it('has an example that runs', async () => {
    const lines: string[] = [];
    const values = [{ order_id: 'ORD-100', amount: 250.5 }, { order_id: 'ORD-101' }];
    await sendOrders(values, (line) => lines.push(line), { brokers: bootstrap });
    expect(lines).toEqual([
      expect.stringMatching(/^\[SUCCESS\] Topic=streamlake\.orders\.(raw|dlq) Partition=\d Offset=\d+$/),
      expect.stringMatching(/^\[SUCCESS\] Topic=streamlake\.orders\.(raw|dlq) Partition=\d Offset=\d+$/),
    ]);
  });

  it('refuses to begin where nobody answers', async () => {
    await expect(createProducer({ brokers: '127.0.0.1:1' })).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  });
});

describeKafka('a producer whose broker is killed', { timeout: 180_000 }, () => {
  let broker: RunningBroker;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-producer-'));

  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(async () => {
    await broker?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('sends everything once and in order when it is back', async () => {
    const numbers = numbersIn(uniqueName('killed'));
    await using producer = await createProducer({ brokers: broker.bootstrap });
    const sent: Promise<unknown>[] = [];
    const send = (to: number): void => {
      for (let n = sent.length; n < to; n++) sent.push(producer.send(numbers, { key: `k${n % 20}`, n }));
    };
    send(1_000);
    await Promise.all(sent);
    send(3_000);
    await broker.kill();
    send(6_000);
    await broker.restart();
    await Promise.all(sent);
    const records = await recordsOf(numbers.name, broker.bootstrap);
    expect(records.map((record) => valueOf(record).n).toSorted(ascending)).toEqual(sent.map((_, n) => n));
    for (const ns of byKey(records).values()) expect(ns).toEqual(ns.toSorted(ascending));
  });

  it('gives up after its time, and says which records did not arrive', async () => {
    const numbers = numbersIn(uniqueName('given-up'));
    await using producer = await createProducer({ brokers: broker.bootstrap, deliveryTimeoutMs: 2_000 });
    await producer.send(numbers, { key: 'k', n: 0 });
    await broker.kill();
    await expect(producer.send(numbers, { key: 'k', n: 1 })).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await broker.restart();
    await producer.send(numbers, { key: 'k', n: 2 });
    expect((await recordsOf(numbers.name, broker.bootstrap)).map((record) => valueOf(record).n)).toEqual([0, 2]);
  });

  it('ends when it is told to, and says what did not arrive', async () => {
    const numbers = numbersIn(uniqueName('ended'));
    const producer = await createProducer({ brokers: broker.bootstrap });
    await producer.send(numbers, { key: 'k', n: 0 });
    await broker.kill();
    const sent = producer.send(numbers, { key: 'k', n: 1 });
    const failure = sent.catch((thrown: unknown) => thrown);
    await producer.close({ timeoutMs: 1_000 });
    expect(await failure).toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await broker.restart();
  });

  it('keeps records in its spool, also over its own end, and the next one sends them', async () => {
    const numbers = numbersIn(uniqueName('spooled'));
    const reports: DeliveryReport[] = [];
    const open = () =>
      createProducer({
        brokers: broker.bootstrap,
        spool: { folder: join(folder, 'spool') },
        onDelivery: (report) => reports.push(report),
      });
    const first = await open();
    expect(await first.send(numbers, { key: 'k', n: 0 })).toMatchObject({ status: 'sent' });
    await broker.kill();
    const sent = Array.from({ length: 200 }, (_, i) => first.send(numbers, { key: 'k', n: i + 1 }));
    expect(new Set((await Promise.all(sent)).map(({ status }) => status))).toEqual(new Set(['buffered']));
    await first.close();
    await broker.restart();
    const second = await open();
    await second.flush();
    await second.close();
    expect(reports.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(reports.filter((report) => report.status === 'sent' && report.number !== undefined)).toHaveLength(200);
    const ns = (await recordsOf(numbers.name, broker.bootstrap)).map((record) => valueOf(record).n);
    expect(ns).toEqual(Array.from({ length: 201 }, (_, n) => n));
  });
});
