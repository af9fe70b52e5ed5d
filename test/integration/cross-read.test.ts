/** What we write, read by Kafka's other clients: every codec, and within transactions. */
import { Kafka, logLevel } from 'kafkajs';
import { expect, it } from 'vitest';
import {
  type ForeignClient,
  javaClient,
  kafkajsClient,
  librdkafkaClient,
  librdkafkaMissing,
} from '../../scripts/kafka/vectors/clients.ts';
import { plainRecord, recordLine, VECTOR_RECORDS } from '../../scripts/kafka/vectors/records.ts';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import type { Compression } from '../../src/kafka/compression.ts';
import { readAll } from '../log/records.ts';
import { bootstrap, describeKafka, openKafka, uniqueName } from './kafka.ts';

const ALL: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4'];
const TRANSACTION_MS = 30_000;
const READ_MS = 300_000;
const RECORDS = VECTOR_RECORDS.map(plainRecord);
const LINES = RECORDS.map(recordLine);

const missing = bootstrap === '' ? undefined : librdkafkaMissing();
if (missing !== undefined) console.log(`reading through librdkafka is skipped: ${missing}`);

/** In turn with each codec: a batch, a transaction that is aborted, and one that is committed. */
async function write(topic: string, codecs: readonly Compression[]): Promise<void> {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  await admin.disconnect();
  const builder = new RecordBatchBuilder(topic, 0);
  for (const { key, value, timestamp, headers } of RECORDS) builder.add(key, value, timestamp, headers);
  const batch = builder.finish();
  for (const compression of codecs) {
    const client = await openKafka(bootstrap, { compression });
    await client.append([batch]);
    const transactions = client.transactions(uniqueName('cross'), TRANSACTION_MS);
    await transactions.init();
    await transactions.append([batch]);
    await transactions.abort();
    await transactions.append([batch, batch]);
    await transactions.commit();
    await client.close();
  }
}

async function readBack(topic: string): Promise<string[]> {
  const client = await openKafka();
  const [end] = await client.offsets(topic, 'latest');
  const batches = await readAll(client, { topic, partition: 0 }, 0, end);
  await client.close();
  return batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => recordLine(batch.record(row))));
}

function linesOf(codecs: readonly Compression[]): string[] {
  return codecs.flatMap(() => [...LINES, ...LINES, ...LINES]);
}

describeKafka('record batches of our own', () => {
  const readers: readonly { reader: ForeignClient; codecs: readonly Compression[]; absent?: string }[] = [
    { reader: javaClient, codecs: ALL },
    { reader: librdkafkaClient, codecs: ALL, absent: missing },
    // Without a plug-in it knows no other codecs.
    { reader: kafkajsClient, codecs: ['none', 'gzip'] },
  ];

  it.for(readers)(
    'are read by $reader.name, at every codec that both know',
    { timeout: READ_MS },
    async ({ reader, codecs, absent }, { skip }) => {
      skip(absent !== undefined, absent);
      const topic = uniqueName('cross');
      await write(topic, codecs);
      await expect.poll(() => readBack(topic)).toEqual(linesOf(codecs));
      expect(await reader.consume({ bootstrap, topic }, linesOf(codecs).length)).toEqual(linesOf(codecs));
    },
  );
});
