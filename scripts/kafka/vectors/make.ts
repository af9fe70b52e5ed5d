/**
 * Makes test/kafka/vectors anew: `npx tsx scripts/kafka/vectors/make.ts && npm run format:write`.
 *
 * Each client writes the same records to topics of a real broker, by every codec it has and in a transaction; the files
 * are the segments of the broker's own log.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { startBroker } from '../broker.ts';
import { type ForeignClient, javaClient, kafkajsClient, librdkafkaClient, librdkafkaMissing } from './clients.ts';
import { plainRecord, VECTOR_RECORDS, type VectorFile, type VectorManifest } from './records.ts';

const FOLDER = resolve(import.meta.dirname, '../../../test/kafka/vectors');
const CLIENTS: readonly ForeignClient[] = [javaClient, librdkafkaClient, kafkajsClient];

async function filesOf(client: ForeignClient): Promise<VectorFile[]> {
  const named = `${client.name} ${await client.version()}`;
  const plain = client.codecs.map((codec) => ({
    file: `${client.name}-${codec}.bin`,
    client: named,
    codec,
    isTransaction: false,
  }));
  return [...plain, { file: `${client.name}-transaction.bin`, client: named, codec: 'gzip', isTransaction: true }];
}

/** In order of their first offsets, which are their names. A marker lies in another one: it is years younger. */
function segmentsOf(folder: string): Buffer {
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return Buffer.concat(names.toSorted().map((name) => readFileSync(join(folder, name))));
}

async function main(): Promise<void> {
  const missing = librdkafkaMissing();
  if (missing !== undefined) throw new Error(missing);
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-vectors-'));
  const broker = await startBroker({ dataDir, progress: console.log });
  const files: VectorFile[] = [];
  try {
    const { bootstrap } = broker;
    const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    for (const client of CLIENTS) {
      for (const each of await filesOf(client)) {
        await admin.createTopics({ topics: [{ topic: each.file, numPartitions: 1 }], waitForLeaders: true });
        await client.produce(
          { bootstrap, topic: each.file },
          each.codec,
          VECTOR_RECORDS.map(plainRecord),
          each.isTransaction,
        );
        files.push(each);
        console.log(each.file);
      }
    }
    await admin.disconnect();
  } finally {
    await broker.stop();
  }
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  for (const { file } of files) {
    writeFileSync(join(FOLDER, file), segmentsOf(join(dataDir, 'data', `${file}-0`)));
  }
  const manifest: VectorManifest = { records: VECTOR_RECORDS, files };
  writeFileSync(join(FOLDER, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  rmSync(dataDir, { recursive: true, force: true });
}

await main();
