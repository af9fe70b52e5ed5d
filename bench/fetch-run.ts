/** One run of the fetch bench: `tsx bench/fetch-run.ts READER BROKERS TOPIC RECORDS`; prints one line of JSON. */
import { Meter } from './meter.ts';
import { connectDriver } from './drivers.ts';

const [reader, brokers, topic, total] = process.argv.slice(2);
const records = Number(total);
const meter = new Meter(records);
const group = `fetch-${process.pid}-${process.hrtime.bigint()}`;
let bytes = 0;

/** Clients are loaded where they are used: memory and start of one are not those of another. */
const READERS: Readonly<Record<string, () => Promise<void>>> = {
  'millrace-fast': () => readByDriver('fast'),
  'millrace-kafkajs': () => readByDriver('kafkajs'),
  kafkajs: readByKafkajs,
  'platformatic-stream': readByStream,
  'platformatic-data': readByDataEvents,
};

await READERS[reader]();
if (bytes === 0) throw new Error('nothing was touched');
process.exit(0);

async function readByDriver(name: string): Promise<void> {
  const log = await connectDriver(name, brokers);
  const next = (await log.offsets(topic, 'earliest')).map((offset, partition) => ({ topic, partition, offset }));
  const options = { maxBytes: 2 * 1024 * 1024, maxWaitMs: 200 };
  let ahead = log.fetch(next, options);
  for (;;) {
    const fetched = await ahead;
    for (const { partition, nextOffset } of fetched) next[partition].offset = nextOffset;
    ahead = log.fetch(next, options);
    // A failure of the fetch ahead shows where it is awaited.
    ahead.catch(() => {});
    let seen = 0;
    for (const { batch } of fetched) {
      if (batch === undefined) continue;
      const { slices, length } = batch;
      for (let at = 0; at < length * 4; at += 4) {
        bytes += slices[at + 1] - slices[at] + slices[at + 3] - slices[at + 2];
      }
      seen += length;
    }
    if (meter.add(seen)) break;
  }
  meter.report();
}

async function readByKafkajs(): Promise<void> {
  const { Kafka, logLevel } = await import('kafkajs');
  const kafka = new Kafka({ brokers: [brokers], clientId: 'bench', logLevel: logLevel.ERROR });
  const consumer = kafka.consumer({ groupId: group });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      partitionsConsumedConcurrently: 3,
      async eachBatch({ batch: { messages } }) {
        for (const { key, value } of messages) bytes += key!.length + value!.length;
        if (meter.add(messages.length)) resolve();
      },
    });
  });
  meter.report();
}

async function openStream() {
  const { Consumer } = await import('@platformatic/kafka');
  const consumer = new Consumer({ clientId: 'bench', groupId: group, bootstrapBrokers: [brokers] });
  return consumer.consume({
    topics: [topic],
    mode: 'earliest',
    fallbackMode: 'fail',
    autocommit: false,
    maxBytes: 10 * 1024 * 1024,
    maxWaitTime: 200,
    highWaterMark: 16_384,
  });
}

async function readByStream(): Promise<void> {
  const stream = await openStream();
  for await (const { key, value } of stream) {
    bytes += key.length + value.length;
    if (meter.add(1)) break;
  }
  meter.report();
}

async function readByDataEvents(): Promise<void> {
  const stream = await openStream();
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', ({ key, value }) => {
      bytes += key.length + value.length;
      if (meter.add(1)) resolve();
    });
  });
  meter.report();
}
