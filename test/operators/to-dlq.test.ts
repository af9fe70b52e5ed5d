import { kafka, pipeline } from 'millrace';
import { count, decodeJson, enrich, keyBy, map, sinkKafka, toDLQ, tumblingWindow, watermark } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { decodeDlqRecord } from '../../src/core/dlq-record.ts';
import type { LogClient, TopicInfo } from '../../src/log/log-client.ts';

const SMALL = 3_000;

/** A log whose topics take records up to `SMALL` bytes, as a broker says it. */
function withSmallTopics(log: LogClient): void {
  const topic = log.topic.bind(log);
  log.topic = async (name): Promise<TopicInfo | undefined> => {
    const info = await topic(name);
    return info && { ...info, maxRecordBytes: SMALL };
  };
}

async function rejectedBy(value: string | Uint8Array, headers = [{ key: 'trace', value: Buffer.from('t') }]) {
  const driver = new TestDriver(
    pipeline('p', kafka('in').pipe(decodeJson(), toDLQ('dlq'), sinkKafka('out', { partitions: 1 }))),
  );
  withSmallTopics(driver.log);
  await driver.createTopic('in', 1);
  await driver.start();
  await driver.append('in', [{ key: 'k', value: Buffer.from(value), headers }]);
  await driver.settle();
  const dlq = await driver.read('dlq');
  await driver.stop();
  expect(dlq).toHaveLength(1);
  return dlq[0];
}

describe('toDLQ', () => {
  it('writes a record that was rejected under its key and headers, with its value, the reason and where it stood', async () => {
    const record = await rejectedBy('{"a":');
    expect(String(record.key)).toBe('k');
    const { failed_at: at, ...rest } = JSON.parse(String(record.value)) as Record<string, string>;
    expect(rest).toEqual({ payload: '{"a":', error_reason: expect.stringContaining('JSON') as string });
    expect(at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(Object.fromEntries(record.headers.map(({ key, value }) => [key, String(Buffer.from(value))]))).toMatchObject(
      {
        trace: 't',
        dlq_reason: rest.error_reason,
        dlq_kind: 'DecodeError',
        dlq_step: 'decodeJson',
        dlq_topic: 'in',
        dlq_partition: '0',
        dlq_offset: '0',
        dlq_payload: 'text',
      },
    );
  });

  it('cuts a record that is larger than the topic takes, and says so', async () => {
    const value = `{"a":"${'x'.repeat(SMALL)}`;
    const record = await rejectedBy(value);
    const decoded = decodeDlqRecord(record)!;
    expect(decoded).toMatchObject({ cutFrom: value.length, topic: 'in', offset: 0, key: null, headers: [] });
    expect(String(decoded.payload)).toBe(value.slice(0, SMALL / 3));
  });

  it('cuts one whose headers are too large for the topic', async () => {
    const record = await rejectedBy('{', [{ key: 'h', value: Buffer.alloc(SMALL - 10) }]);
    expect(decodeDlqRecord(record)).toMatchObject({ cutFrom: 1, headers: [], payload: Buffer.from('{') });
  });

  it('tells which callback threw, and keeps the record as it came', async () => {
    const of = pipeline(
      'p',
      kafka('in').pipe(
        decodeJson(),
        map((value) => value as { readonly n: number }),
        enrich(({ n }) => {
          if (n > 1) throw new Error(`${n} is too much`);
          return {};
        }),
        toDLQ('dlq'),
        sinkKafka('out'),
      ),
    );
    const driver = new TestDriver(of);
    await driver.createTopic('in', 1);
    await driver.start();
    await driver.append('in', [{ value: ' {"n": 2} ' }]);
    await driver.settle();
    const decoded = decodeDlqRecord((await driver.read('dlq'))[0])!;
    expect(decoded).toMatchObject({ form: 'json', kind: 'CallbackError', step: 'enrich', reason: '2 is too much' });
    expect(String(decoded.payload)).toBe(' {"n": 2} ');
    expect(decoded.stack).toContain('Error: 2 is too much');
    await driver.stop();
  });

  it('writes what a window has computed as JSON, at no offset', async () => {
    const of = pipeline(
      'p',
      kafka('in', { partitions: 1 }).pipe(
        decodeJson(),
        map((value) => value as { readonly time: number }),
        watermark({ eventTime: ({ time }) => time, outOfOrdernessMs: 0 }),
        toDLQ('dlq'),
        keyBy(() => 'all'),
        tumblingWindow('w', { sizeMs: 10, graceMs: 0, aggregate: { n: count() } }),
        map(() => {
          throw new Error('no');
        }),
        toDLQ('windows-dlq'),
        sinkKafka('out'),
      ),
    );
    const driver = new TestDriver(of);
    await driver.createTopic('in', 1);
    await driver.start();
    await driver.append('in', [{ value: { time: 5 } }, { value: { time: 10 } }]);
    await driver.settle();
    const decoded = decodeDlqRecord((await driver.read('windows-dlq'))[0])!;
    expect(decoded).toMatchObject({ form: 'json', key: null, offset: undefined, cutFrom: undefined });
    expect(JSON.parse(String(decoded.payload))).toEqual({ key: 'all', start: 0, end: 10, n: 1, final: true });
    await driver.stop();
  });
});
