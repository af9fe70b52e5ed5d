import { createProducer, type Producer, topicOf } from 'millrace';
import { ManualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import { partitionFor } from '../../src/log/partitioner.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import { codeOf, NOW, order, orders, recordsOf, settle, type Order, world } from './world.ts';

describe('a transaction', () => {
  const audit = topicOf<{ readonly of: string }>('audit', { partitions: 1 });

  it('writes all of its records, to several topics, and tells where they lie', async () => {
    const { producer, log } = await world({ transactionalId: 'orders-importer' });
    const sent = await producer.transaction(async (transaction) => {
      for (let n = 0; n < 5; n++) transaction.send(orders, order(n));
      await settle();
      transaction.send(audit, { of: 'orders' });
    });
    expect(sent.map(({ topic }) => topic)).toEqual([...Array<string>(5).fill(orders.name), 'audit']);
    expect(sent.map(({ partition }) => partition).slice(0, 5)).toEqual(
      Array.from({ length: 5 }, (_, n) => partitionFor(`ORD-${n}`, 3)),
    );
    expect(await recordsOf(log, orders.name)).toHaveLength(5);
    expect(await recordsOf(log, 'audit')).toHaveLength(1);
    await producer.close();
  });

  it('writes nothing where the function that fills it throws, and the next one is not concerned', async () => {
    const { producer, log } = await world({ transactionalId: 'id' });
    await log.createTopics([{ topic: orders.name, partitions: 3 }]);
    const failed = producer.transaction((transaction) => {
      transaction.send(orders, order(1));
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
    expect(await recordsOf(log, orders.name)).toEqual([]);
    await producer.transaction((transaction) => transaction.send(orders, order(2)));
    expect((await recordsOf(log, orders.name)).map(({ key }) => String(key))).toEqual(['ORD-2']);
    await producer.close();
  });

  it('says when nobody knows whether it was committed, and begins anew', async () => {
    const { producer, log } = await world({ transactionalId: 'id' });
    for (const [failure, count] of [
      ['undecided', 0],
      ['decided', 1],
    ] as const) {
      log.commitFailures.push(failure);
      const before = (await log.topic(orders.name)) === undefined ? [] : await recordsOf(log, orders.name);
      const failed = producer.transaction((transaction) => transaction.send(orders, order(1)));
      expect(await codeOf(failed)).toBe('TRANSACTION_FAILED');
      expect((await recordsOf(log, orders.name)).length - before.length).toBe(count);
    }
    await producer.transaction((transaction) => transaction.send(orders, order(2)));
    expect(await recordsOf(log, orders.name)).toHaveLength(2);
    await producer.close();
  });

  it('is made after those before it, in the order in which they were filled', async () => {
    const { producer, log } = await world({ transactionalId: 'id' });
    const one = topicOf<number>('one', { partitions: 1 });
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => producer.transaction((transaction) => transaction.send(one, n))),
    );
    const values = (await recordsOf(log, 'one')).map(({ value }) => Number(String(value)));
    expect(values).toEqual(Array.from({ length: 20 }, (_, n) => n));
    await producer.close();
  });

  it('fails for good when a newer producer has taken the id', async () => {
    const { producer, log, clock } = await world({ transactionalId: 'id' });
    const send = (by: Producer) => by.transaction((transaction) => transaction.send(orders, order(1)));
    await send(producer);
    const newer = await createProducer({ log: log.connect(clock), clock, transactionalId: 'id' });
    await send(newer);
    expect(await codeOf(send(producer))).toBe('FENCED');
    expect(await codeOf(send(producer))).toBe('FENCED');
    await send(newer);
    await Promise.all([producer.close(), newer.close()]);
  });

  it('wants an id on Kafka, and none on the embedded log, where it is one append', async () => {
    const { producer } = await world();
    expect(await codeOf(producer.transaction((transaction) => transaction.send(orders, order(1))))).toBe(
      'CONFIG_INVALID',
    );
    const log = new EmbeddedLog(memoryStore(), new ManualClock(NOW));
    const embedded = await createProducer({ log });
    const sent = await embedded.transaction((transaction) => {
      transaction.send(orders, order(1));
      transaction.send(audit, { of: 'x' });
    });
    expect(sent.map(({ offset }) => offset)).toEqual([0, 0]);
    expect(await embedded.transaction(() => {})).toEqual([]);
    await embedded.close();
  });

  it('is refused where its producer was closed while it was filled', async () => {
    const { producer, log } = await world({ transactionalId: 'id' });
    await log.createTopics([{ topic: orders.name, partitions: 3 }]);
    const filled = producer.transaction(async (transaction) => {
      transaction.send(orders, order(1));
      await producer.close();
    });
    await expect(filled).rejects.toMatchObject({
      code: 'PRODUCER_CLOSED',
      message: expect.stringContaining('nothing of it was written') as string,
    });
    expect(await recordsOf(log, orders.name)).toEqual([]);
  });

  it('is refused where it is too large, and closed when it has ended', async () => {
    const { producer, log } = await world({ transactionalId: 'id', maxBufferedBytes: 500 });
    const large = producer.transaction((transaction) => {
      for (let n = 0; n < 100; n++) transaction.send(orders, order(n));
    });
    expect(await codeOf(large)).toBe('PRODUCER_FULL');
    expect(await log.topic(orders.name)).toBeUndefined();
    let kept: { send(topic: typeof orders, value: Order): void } | undefined;
    await producer.transaction((transaction) => void (kept = transaction));
    expect(() => kept!.send(orders, order(1))).toThrow('the transaction has ended');
    await producer.close();
  });
});
