/** The orders job by hand, kafkajs to kafkajs: `tsx bench/orders-kafkajs.ts BROKERS GROUP RECORDS`; prints one line of JSON. */
import { Kafka, logLevel } from 'kafkajs';
import { Meter } from './meter.ts';
import { OrdersByHand, type OutRecord } from './orders-by-hand.ts';
import { PARTITIONS } from './topics.ts';

/** Its grouping by partition copies an array for each message: larger groups are slower. */
const GROUP_RECORDS = 1_000;
const COMMIT_MS = 1_000;

const [brokers, group, total] = process.argv.slice(2);
const meter = new Meter(Number(total));
const job = new OrdersByHand(PARTITIONS);
const kafka = new Kafka({ brokers: [brokers], clientId: 'bench', logLevel: logLevel.ERROR });
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
const consumer = kafka.consumer({ groupId: group });
const done = new Map<number, string>();
let committedAt = Date.now();

await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: 'orders', fromBeginning: true });
await new Promise<void>((resolve) => {
  void consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: PARTITIONS,
    async eachBatch({ batch: { partition, messages }, heartbeat }) {
      for (let from = 0; from < messages.length; from += GROUP_RECORDS) {
        const some = messages.slice(from, from + GROUP_RECORDS);
        for (const { key, value } of some) job.take(partition, key!, value!);
        job.closeWindows();
        await send();
        done.set(partition, String(Number(some.at(-1)!.offset) + 1));
        await heartbeat();
        if (meter.add(some.length)) resolve();
      }
      if (Date.now() - committedAt >= COMMIT_MS) await commit();
    },
  });
});
job.closeWindows(Number.POSITIVE_INFINITY);
await send();
await commit();
meter.report();
process.exit(0);

async function send(): Promise<void> {
  const { out } = job;
  job.out = [];
  const byTopic = new Map<string, OutRecord[]>();
  for (const record of out) {
    const records = byTopic.get(record.topic);
    if (records === undefined) byTopic.set(record.topic, [record]);
    else records.push(record);
  }
  const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
  if (topicMessages.length > 0) await producer.sendBatch({ topicMessages, acks: -1 });
}

async function commit(): Promise<void> {
  committedAt = Date.now();
  await consumer.commitOffsets([...done].map(([partition, offset]) => ({ topic: 'orders', partition, offset })));
}
