/** Records that a topic does not take: named and rejected, and nothing else is held up. */
import { tmpdir } from 'node:os';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kafka, pipeline } from 'millrace';
import { decodeJson, map, sinkKafka, toDLQ } from 'millrace/operators';
import { decodeDlqRecord } from '../../src/core/dlq-record.ts';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { run } from '../../src/runtime/run.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { batchOf, readAll } from '../log/records.ts';
import { bootstrap, describeKafka, openKafka, uniqueName } from './kafka.ts';

const SMALL_BYTES = 10_000;
const MEGABYTE = 1_000_000;

describeKafka('records larger than a topic takes', () => {
  let client: KafkaClient;
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();

  beforeAll(async () => {
    client = await openKafka();
    await admin.connect();
  });
  afterAll(async () => {
    await admin.disconnect();
    await client.close();
  });

  async function smallTopic(): Promise<string> {
    const topic = uniqueName('small');
    const configEntries = [{ name: 'max.message.bytes', value: String(SMALL_BYTES) }];
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
    return topic;
  }

  async function values(topic: string, partition = 0) {
    const ends = await client.offsets(topic, 'latest');
    const batches = await readAll(client, { topic, partition }, 0, ends[partition]);
    return batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => batch.record(row)));
  }

  async function all(topic: string, partitions: number) {
    return (await Promise.all(Array.from({ length: partitions }, (_, i) => values(topic, i)))).flat();
  }

  it('writes an append in smaller batches where the topic takes no larger ones', async () => {
    const topic = await smallTopic();
    const records = Array.from({ length: 3_000 }, (_, i) => ({ key: `k${i}`, value: `v${i}`.padEnd(100) }));
    const [base, next] = await client.append([batchOf(topic, 0, records), batchOf(topic, 0, records.slice(0, 5))]);
    expect([base, next]).toEqual([0, 3_000]);
    const found = await values(topic);
    expect(found.map(({ key }) => String(key))).toEqual([...records, ...records.slice(0, 5)].map(({ key }) => key));
  });

  it('refuses only the append that holds the large record', async () => {
    const topic = await smallTopic();
    const large = batchOf(topic, 0, [{ key: 'large', value: new Uint8Array(SMALL_BYTES) }]);
    const before = client.append([batchOf(topic, 0, [{ key: 'a', value: 'a' }])]);
    const refused = client.append([large]);
    const behind = client.append([batchOf(topic, 0, [{ key: 'b', value: 'b' }])]);
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID', place: { topic, partition: 0 } });
    expect([await before, await behind]).toEqual([[0], [1]]);
    expect((await values(topic)).map(({ key }) => String(key))).toEqual(['a', 'b']);
  });

  it('goes on in a pipeline, with the record in the DLQ', async () => {
    const [source, dlq, target] = [uniqueName('in'), uniqueName('dlq'), await smallTopic()];
    await client.createTopics([{ topic: source, partitions: 1, recordBytes: 20 * MEGABYTE }]);
    const broken = Buffer.alloc(10 * MEGABYTE, '{');
    await client.append([
      batchOf(source, 0, [
        { key: '1', value: '{"pad":1}' },
        { key: '2', value: '{"pad":20000}', headers: [{ key: 'trace', value: Buffer.from('t') }] },
        { key: '3', value: broken },
        { key: '4', value: '{"pad":2}' },
      ]),
    ]);
    const copy = pipeline(
      uniqueName('large'),
      kafka(source).pipe(
        decodeJson(),
        map((value) => 'x'.repeat((value as { pad: number }).pad)),
        toDLQ(dlq),
        sinkKafka(target),
      ),
    );
    const { signal } = new AbortController();
    const store = memoryStore();
    const base = { clock: systemClock, disk: nodeDisk, outputDir: tmpdir(), signal } as const;
    const report = await run(copy, { log: client, store, mode: 'once', ...base });
    // A commit is answered when it is decided; its records can be read a little later.
    const written = async () => (await values(target)).map(({ value }) => String(value));
    await expect.poll(written).toEqual(['"x"', '"xx"']);
    await expect.poll(() => all(dlq, 3)).toHaveLength(2);
    const rejected = (await all(dlq, 3)).toSorted((a, b) => String(a.key).localeCompare(String(b.key)));
    const headersOf = (i: number) =>
      Object.fromEntries(rejected[i].headers.map(({ key, value }) => [key, String(value)]));
    expect(rejected.map(({ key }) => String(key))).toEqual(['2', '3']);
    expect(String(decodeDlqRecord(rejected[0])!.payload)).toBe('{"pad":20000}');
    expect(headersOf(0)).toMatchObject({ trace: 't', dlq_kind: 'RecordTooLarge', dlq_topic: source, dlq_offset: '1' });
    expect(headersOf(0).dlq_reason).toContain(target);
    expect(decodeDlqRecord(rejected[1])!.payload!.equals(broken)).toBe(true);
    expect(headersOf(1)).toMatchObject({ dlq_kind: 'DecodeError', dlq_offset: '2' });
    expect(report.status.nodes.find(({ id }) => id === `sinkKafka(${target})`)?.counts).toMatchObject({
      in: 3,
      passed: 2,
      rejected: 1,
      taken: 1,
    });
  });
});
