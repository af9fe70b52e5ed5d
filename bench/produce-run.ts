/** One run of the produce bench: `tsx bench/produce-run.ts WRITER BROKERS TOPIC RECORDS`; prints one line of JSON. */
import { RecordBatchBuilder } from '../src/core/batch-builder.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';
import { Meter } from './meter.ts';
import { sampleOrders } from './sample-orders.ts';
import { PARTITIONS } from './topics.ts';

const [writer, brokers, topic, total] = process.argv.slice(2);
const records = Number(total);
const meter = new Meter(records);
const samples = sampleOrders();

/** Every writer takes its records from the same buffers, names the partition itself and waits for all replicas. */
const WRITERS: Readonly<Record<string, () => Promise<void>>> = {
  'millrace-fast': () => writeByDriver('fast', { batch: 3_000, inFlight: 4 }),
  'millrace-kafkajs': () => writeByDriver('kafkajs', { batch: 1_000, inFlight: 2 }),
  kafkajs: writeByKafkajs,
  platformatic: writeByPlatformatic,
};

await WRITERS[writer]();
meter.report();
process.exit(0);

/** Sends blocks of rows `from` … `to`, so many at a time. */
async function sendAll(
  block: number,
  inFlight: number,
  send: (from: number, to: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < records) {
      const from = next;
      next = Math.min(from + block, records);
      const to = next;
      await send(from, to);
      meter.add(to - from);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function writeByDriver(name: string, { batch, inFlight }: { batch: number; inFlight: number }): Promise<void> {
  const log = await connectDriver(name, brokers);
  await sendAll(batch * PARTITIONS, inFlight, (from, to) => {
    const builders = Array.from({ length: PARTITIONS }, (_, partition) => new RecordBatchBuilder(topic, partition));
    const now = systemClock.now();
    for (let i = from; i < to; i++) {
      const { key, value } = samples[i % samples.length];
      builders[i % PARTITIONS].add(key, value, now);
    }
    return log.append(builders.filter(({ length }) => length > 0).map((builder) => builder.finish()));
  });
}

/** Groups of up to a thousand: its grouping by partition copies an array for each message. */
async function writeByKafkajs(): Promise<void> {
  const { Kafka, logLevel } = await import('kafkajs');
  const kafka = new Kafka({ brokers: [brokers], clientId: 'bench', logLevel: logLevel.ERROR });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
  await producer.connect();
  await sendAll(1_000, 3, (from, to) => {
    const messages = Array.from({ length: to - from }, (_, row) => {
      const { key, value } = samples[(from + row) % samples.length];
      return { key, value, partition: (from + row) % PARTITIONS };
    });
    return producer.send({ topic, messages, acks: -1 });
  });
}

/** One send at a time: of two that are under way together, one has been seen to vanish without an error. */
async function writeByPlatformatic(): Promise<void> {
  const { Producer } = await import('@platformatic/kafka');
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [brokers], idempotent: true });
  await sendAll(1_500, 1, (from, to) => {
    const messages = Array.from({ length: to - from }, (_, row) => {
      const { key, value } = samples[(from + row) % samples.length];
      return { topic, key, value, partition: (from + row) % PARTITIONS };
    });
    return producer.send({ messages, acks: -1 });
  });
}
