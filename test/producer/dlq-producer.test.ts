import { createDlqProducer, decodeDlqRecord, type DlqProducerOptions, type LogRecord } from 'millrace';
import { ManualClock, SimulatedKafka } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { sendOrders } from '../../docs/examples/streamlake-orders.ts';
import type { LogClient } from '../../src/log/log-client.ts';

const NOW = Date.UTC(2025, 0, 2, 3, 4, 5);
const TOPIC = 'streamlake.orders.dlq';

async function world(options: DlqProducerOptions = {}, maxRecordBytes?: number) {
  const clock = new ManualClock(NOW);
  const log = new SimulatedKafka(clock);
  const topic = log.topic.bind(log);
  log.topic = async (name) => {
    const info = await topic(name);
    return info && { ...info, maxRecordBytes: maxRecordBytes ?? info.maxRecordBytes };
  };
  return { clock, log, dlq: await createDlqProducer(TOPIC, { log, clock, lingerMs: 0, ...options }) };
}

async function recordsOf(log: LogClient): Promise<LogRecord[]> {
  const positions = [0, 1, 2].map((partition) => ({ topic: TOPIC, partition, offset: 0 }));
  const answers = await log.fetch(positions, { maxBytes: 1 << 20, maxWaitMs: 0 });
  return answers.flatMap(({ batch }) => Array.from({ length: batch?.length ?? 0 }, (_, row) => batch!.record(row)));
}

describe('a DLQ producer', () => {
  it('writes payload, reason and time under the key and headers of the record that failed', async () => {
    const { dlq, log } = await world();
    const payload = { order_id: 'ORD-100', amount: -1 };
    const report = await dlq.send(
      { key: 'ORD-100', payload, headers: { dataset: 'orders', ingestion_id: 'i-1' } },
      'amount is negative',
      { step: 'pricing', kind: 'ValidationError' },
    );
    const [record] = await recordsOf(log);
    expect(report).toMatchObject({ status: 'sent', topic: TOPIC, partition: record.partition, offset: record.offset });
    expect(String(record.key)).toBe('ORD-100');
    expect(JSON.parse(String(record.value))).toEqual({
      payload,
      error_reason: 'amount is negative',
      failed_at: '2025-01-02T03:04:05.000Z',
    });
    expect(record.headers.map(({ key, value }) => [key, Buffer.from(value).toString()])).toEqual([
      ['dataset', 'orders'],
      ['ingestion_id', 'i-1'],
      ['dlq_reason', 'amount is negative'],
      ['dlq_kind', 'ValidationError'],
      ['dlq_step', 'pricing'],
      ['dlq_failed_at', '2025-01-02T03:04:05.000Z'],
      ['dlq_payload', 'json'],
    ]);
    await dlq.close();
  });

  it('takes a record that failed for its time, too', async () => {
    const { dlq, log } = await world();
    await dlq.send({ payload: 'x', timestamp: Number.NaN }, 'the time is none');
    expect((await recordsOf(log)).map(({ timestamp }) => timestamp)).toEqual([NOW]);
    await dlq.close();
  });

  it('keeps the bytes and the place of a record that was read, and tells of the error', async () => {
    const { dlq, log } = await world();
    const read: LogRecord = {
      key: Buffer.of(0, 255),
      value: Buffer.of(1, 128, 2),
      headers: [{ key: 'trace', value: Uint8Array.of(9) }],
      topic: 'streamlake.orders.raw',
      partition: 2,
      offset: 17,
      timestamp: 1_000,
      timestampType: 'create',
    };
    await dlq.send({ ...read, payload: read.value }, new Error('no order'));
    const [record] = await recordsOf(log);
    const { key, headers, topic, partition, offset, timestamp } = read;
    expect(decodeDlqRecord(record)).toMatchObject({ key, headers, topic, partition, offset, timestamp });
    expect(decodeDlqRecord(record)).toMatchObject({ payload: read.value, form: 'base64', reason: 'no order' });
    expect(decodeDlqRecord(record)!.stack).toContain('Error: no order');
    await dlq.close();
  });

  it.each<[string, unknown, string | null]>([
    ['a text as it is', 'not json', 'not json'],
    ['JSON text as it is', ' {"a": 1.0} ', ' {"a": 1.0} '],
    ['nothing as nothing', null, null],
    ['a number as JSON', 7, '7'],
    ['what has no JSON as text', 7n, '7'],
  ])('takes %s', async (_, payload, bytes) => {
    const { dlq, log } = await world();
    await dlq.send({ payload }, 'why');
    const decoded = decodeDlqRecord((await recordsOf(log))[0])!;
    expect(decoded.payload && String(decoded.payload)).toBe(bytes);
    expect(decoded.key).toBeNull();
    await dlq.close();
  });

  it('cuts what the topic does not take', async () => {
    const { dlq, log } = await world({}, 1_000);
    await dlq.send({ key: 'k', payload: 'x'.repeat(2_000) }, 'too long');
    const decoded = decodeDlqRecord((await recordsOf(log))[0])!;
    expect(decoded).toMatchObject({ cutFrom: 2_000, reason: 'too long', payload: Buffer.alloc(333, 'x') });
    await dlq.close();
  });

  it('stands beside a producer, as in the example', async () => {
    const { dlq, log, clock } = await world();
    const lines: string[] = [];
    const values = [{ order_id: 'ORD-100', amount: 250.5 }, { order_id: 'ORD-101' }];
    await sendOrders(values, (line) => lines.push(line), { log, clock, lingerMs: 0 });
    expect(lines.toSorted()).toEqual([
      '[SUCCESS] Topic=streamlake.orders.dlq Partition=0 Offset=0',
      '[SUCCESS] Topic=streamlake.orders.raw Partition=2 Offset=0',
    ]);
    const [record] = await recordsOf(log);
    expect(decodeDlqRecord(record)).toMatchObject({ reason: 'order_id or amount is missing', form: 'json' });
    await dlq.close();
  });

  it('takes nothing more when it is closed, and wants a topic', async () => {
    const { dlq } = await world();
    await dlq.close();
    await expect(dlq.send({ payload: 1 }, 'why')).rejects.toMatchObject({ code: 'PRODUCER_CLOSED' });
    await expect(createDlqProducer(' ')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
