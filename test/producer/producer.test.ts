import { randomUUID } from 'node:crypto';
import {
  createProducer,
  type DeliveryReport,
  MillraceError,
  type Producer,
  type ProducerOptions,
  type Sent,
  topicOf,
} from 'millrace';
import { ManualClock, SimulatedKafka } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { partitionFor } from '../../src/log/partitioner.ts';
import { away, codeOf, gated, headersOf, NOW, type Order, order, orders, recordsOf, settle, world } from './world.ts';

describe('send', () => {
  it('tells where the record lies, which has key, JSON, time and the four headers of its dataset', async () => {
    const { producer, log } = await world({ service: 'streamlake-producer' });
    const report = (await producer.send(orders, { order_id: 'ORD-100', amount: 250.5 })) as Sent;
    const [record] = await recordsOf(log, orders.name);
    const { topic, partition, offset } = record;
    expect(report).toEqual({ status: 'sent', topic, partition, offset });
    expect(partition).toBe(partitionFor('ORD-100', 3));
    expect(String(record.key)).toBe('ORD-100');
    expect(String(record.value)).toBe('{"order_id":"ORD-100","amount":250.5}');
    expect(headersOf(record)).toEqual({
      dataset: 'orders',
      schema_version: 'v1',
      ingestion_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      producer_services: 'streamlake-producer',
    });
    await producer.close();
  });

  it('gives each record an ingestion_id of its own, or the one that its caller gives', async () => {
    const { producer, log } = await world();
    await Promise.all([producer.send(orders, order(1)), producer.send(orders, order(1))]);
    const id = randomUUID();
    await producer.send(orders, order(1), { headers: { ingestion_id: id, trace: Buffer.from('t') } });
    const ids = (await recordsOf(log, orders.name)).map((record) => headersOf(record).ingestion_id);
    expect(new Set(ids).size).toBe(3);
    expect(ids[2]).toBe(id);
    await producer.close();
  });

  it('writes what the topic makes of a value, and no headers where it has no dataset', async () => {
    const plain = topicOf<number>('plain', {
      key: (n) => n,
      value: (n) => (n === 0 ? null : Buffer.of(n)),
      headers: (n) => [{ key: 'n', value: Buffer.of(n) }],
      partitions: 1,
    });
    const { producer, log } = await world();
    await Promise.all([producer.send(plain, 7), producer.send(plain, 0, { timestamp: 5 })]);
    const records = await recordsOf(log, 'plain');
    expect(records.map(({ key, value, headers }) => [String(key), value && [...value], headers.length])).toEqual([
      ['7', [7], 1],
      ['0', null, 1],
    ]);
    await producer.close();
  });

  it('keeps the order of a key, whatever comes together', async () => {
    const { producer, log } = await world();
    const sent: Promise<unknown>[] = [];
    for (let n = 0; n < 500; n++) {
      sent.push(producer.send(orders, { order_id: `k${n % 7}`, amount: n }));
      if (n % 60 === 0) await settle();
    }
    const reports = (await Promise.all(sent)) as Sent[];
    const records = await recordsOf(log, orders.name);
    expect(records).toHaveLength(500);
    for (const { key, value, partition, offset } of records) {
      const { amount } = JSON.parse(String(value)) as Order;
      expect(String(key)).toBe(`k${amount % 7}`);
      expect(reports[amount]).toMatchObject({ partition, offset });
    }
    for (let k = 0; k < 7; k++) {
      const amounts = records
        .filter(({ key }) => String(key) === `k${k}`)
        .map(({ value }) => (JSON.parse(String(value)) as Order).amount);
      expect(amounts).toEqual(amounts.toSorted((a, b) => a - b));
    }
    await producer.close();
  });

  it('waits for company as long as it is told to, and no longer where somebody flushes', async () => {
    let appends = 0;
    const { producer, clock } = await world({ lingerMs: 10 }, (log) => {
      const append = log.append.bind(log);
      log.append = (batches) => (appends++, append(batches));
    });
    const first = producer.send(orders, order(1));
    clock.advance(9);
    const second = producer.send(orders, order(1));
    await settle();
    expect(appends).toBe(0);
    clock.advance(1);
    await Promise.all([first, second]);
    expect(appends).toBe(1);
    const third = producer.send(orders, order(1));
    await producer.flush();
    await third;
    expect(appends).toBe(2);
    await producer.close();
  });

  it('says what failed: the record that is too large, the topic that is refused, the value that has no JSON', async () => {
    const { producer } = await world({}, (log) => {
      const topic = log.topic.bind(log);
      log.topic = async (name) => {
        const info = await topic(name);
        return info && { ...info, maxRecordBytes: 1_000 };
      };
    });
    const large = producer.send(orders, { order_id: 'x'.repeat(1_000), amount: 1 });
    const fine = producer.send(orders, order(1));
    expect(await codeOf(large)).toBe('RECORD_TOO_LARGE');
    expect(await fine).toMatchObject({ status: 'sent' });
    expect(await codeOf(producer.send(topicOf<bigint>('t'), 1n))).toContain('TypeError');
    expect(await codeOf(producer.send(topicOf<undefined>('t'), undefined))).toContain('no JSON form');
    await producer.close();
  });

  it('refuses what no log can hold, each record by itself: a time that is none, a key or a header that is neither text nor bytes', async () => {
    const { producer } = await world();
    const keyed = (key: unknown) => topicOf<number>('t', { key: () => key as string });
    for (const timestamp of [Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
      expect(await codeOf(producer.send(orders, order(1), { timestamp }))).toContain('TypeError');
    }
    for (const key of [{}, true]) expect(await codeOf(producer.send(keyed(key), 1))).toContain('TypeError');
    const headers = { trace: undefined as unknown as string };
    expect(await codeOf(producer.send(orders, order(1), { headers }))).toContain('TypeError');
    const fine = await producer.send(orders, order(1), { timestamp: -1 });
    expect(fine).toMatchObject({ status: 'sent', offset: 0 });
    expect(producer.bufferedBytes).toBe(0);
    await producer.close();
  });

  it('has room again at once for who waits for each record', async () => {
    const { producer } = await world({ maxBufferedBytes: 1 });
    for (let n = 0; n < 3; n++) expect(await producer.send(orders, order(n))).toMatchObject({ status: 'sent' });
    await producer.close();
  });

  it('refuses records above its bound, and has room again when some have arrived', async () => {
    const gate: { log?: ReturnType<typeof gated> } = {};
    const { producer } = await world({ maxBufferedBytes: 300 }, (log) => (gate.log = gated(log)));
    const sent: Promise<unknown>[] = [];
    while (producer.bufferedBytes < 300) sent.push(producer.send(orders, order(1)));
    expect(await codeOf(producer.send(orders, order(1)))).toBe('PRODUCER_FULL');
    let hasRoom = false;
    const room = producer.ready().then(() => (hasRoom = true));
    await settle();
    expect(hasRoom).toBe(false);
    for (let i = 0; i < 3; i++) {
      gate.log!.waiting.shift()?.();
      await settle();
    }
    await room;
    await Promise.all(sent);
    await producer.close();
  });

  it('tells onDelivery what becomes of every record, and then a promise may be left alone', async () => {
    const reports: [DeliveryReport['status'], string][] = [];
    const gate: { log?: ReturnType<typeof gated> } = {};
    const { producer } = await world(
      { onDelivery: (report, record) => reports.push([report.status, String(record!.key)]) },
      (log) => (gate.log = gated(log)),
    );
    gate.log!.failures.push(away());
    void producer.send(orders, order(1));
    await settle();
    gate.log!.waiting.shift()!();
    await settle();
    void producer.send(orders, order(2));
    await settle();
    gate.log!.waiting.shift()!();
    await settle();
    await producer.close();
    void producer.send(orders, order(3));
    await settle();
    expect(reports).toEqual([
      ['failed', 'ORD-1'],
      ['sent', 'ORD-2'],
      ['failed', 'ORD-3'],
    ]);
  });
});

describe('an onDelivery that throws', () => {
  it('ends the producer with what it has thrown, and what was sent before arrives', async () => {
    const told: string[] = [];
    const { producer, log } = await world({
      onDelivery: (_, record) => {
        told.push(String(record!.key));
        throw new Error('the ledger is full');
      },
    });
    void producer.send(orders, order(1));
    void producer.send(orders, order(2));
    const failure = { code: 'CALLBACK_FAILED', message: expect.stringContaining('the ledger is full') as string };
    await expect(producer.flush()).rejects.toMatchObject(failure);
    await expect(producer.send(orders, order(3))).rejects.toMatchObject(failure);
    await expect(producer.close()).rejects.toMatchObject(failure);
    expect(told).toEqual(['ORD-1', 'ORD-2']);
    expect((await recordsOf(log, orders.name)).length).toBe(2);
  });
});

describe('close', () => {
  it('takes nothing more from the call on', async () => {
    const { producer } = await world();
    const closing = producer.close();
    expect(await codeOf(producer.send(orders, order(1)))).toBe('PRODUCER_CLOSED');
    await closing;
  });

  it('lets what was sent arrive, and takes nothing more', async () => {
    const { producer, log } = await world({ lingerMs: 1_000 });
    const sent = producer.send(orders, order(1));
    await producer.close();
    expect(await sent).toMatchObject({ status: 'sent' });
    expect(await recordsOf(log, orders.name)).toHaveLength(1);
    expect(await codeOf(producer.send(orders, order(2)))).toBe('PRODUCER_CLOSED');
    expect(await codeOf(producer.transaction(() => {}))).toBe('PRODUCER_CLOSED');
    await producer.close();
  });

  it('reports what does not arrive, without trying batch by batch', async () => {
    const gate: { log?: ReturnType<typeof gated> } = {};
    const { producer } = await world({}, (log) => (gate.log = gated(log)));
    const big = topicOf<string>('big', { partitions: 1 });
    const sent = Array.from({ length: 3 }, () => codeOf(producer.send(big, 'x'.repeat(600_000))));
    await settle();
    gate.log!.failures.push(away());
    const closed = producer.close();
    gate.log!.waiting.shift()!();
    await closed;
    expect(await Promise.all(sent)).toEqual(['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE', 'LOG_UNAVAILABLE']);
    expect(gate.log!.waiting).toEqual([]);
  });

  it('is what the end of an `await using` block does', async () => {
    const clock = new ManualClock(NOW);
    const log = new SimulatedKafka(clock);
    {
      await using producer: Producer = await createProducer({ log, clock });
      void producer.send(orders, order(1));
    }
    expect(await recordsOf(log, orders.name)).toHaveLength(1);
  });
});

describe('what cannot be', () => {
  const log = new SimulatedKafka(new ManualClock(NOW));

  it.each<[string, ProducerOptions]>([
    ['a spool on a log that is no Kafka', { log, spool: { folder: 'x' }, onDelivery: () => {} }],
    ['a spool with nobody who is told', { brokers: 'h:1', spool: { folder: 'x' } }],
    [
      'a spool with transactions',
      { brokers: 'h:1', spool: { folder: 'x' }, onDelivery: () => {}, transactionalId: 't' },
    ],
    ['a linger that is no number', { log, lingerMs: Number.NaN }],
    ['no room for a record', { log, maxBufferedBytes: 0 }],
    ['brokers that are none', { brokers: 'nonsense:::' }],
  ])('is refused: %s', async (_, options) => {
    expect(await codeOf(createProducer(options))).toBe('CONFIG_INVALID');
  });

  it.each([
    ['', {}],
    ['t', { partitions: 0 }],
    ['t', { partitions: 1.5 }],
  ])('is refused: a topic %o with %o', (name, options) => {
    expect(() => topicOf(name, options)).toThrow(MillraceError);
  });
});
