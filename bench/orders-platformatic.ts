/** The orders job by hand over @platformatic/kafka: `tsx bench/orders-platformatic.ts BROKERS GROUP RECORDS`; prints one line of JSON. */
import { Consumer, type MessageToProduce, Producer } from '@platformatic/kafka';
import { Meter } from './meter.ts';
import { OrdersByHand } from './orders-by-hand.ts';
import { PARTITIONS } from './topics.ts';

const GROUP_RECORDS = 3_000;
/** Groups that may wait for the producer before the stream is held. */
const MAX_WAITING = 2;
const COMMIT_MS = 1_000;

const [brokers, groupId, total] = process.argv.slice(2);
const meter = new Meter(Number(total));
const job = new OrdersByHand(PARTITIONS);
const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [brokers], idempotent: true });
const consumer = new Consumer({ clientId: 'bench', groupId, bootstrapBrokers: [brokers] });
const stream = await consumer.consume({
  topics: ['orders'],
  mode: 'earliest',
  fallbackMode: 'fail',
  autocommit: false,
  maxBytes: 3 * 1024 * 1024,
  // With more, the partitions run apart in event time, and memory grows with what one of them is ahead.
  maxBytesPerPartition: 1024 * 1024,
  maxWaitTime: 200,
  highWaterMark: 16_384,
});
let taken = 0;
let sending = Promise.resolve();
let waiting = 0;
let committedAt = Date.now();
const next = new Array<bigint>(PARTITIONS).fill(0n);

await new Promise<void>((resolve, reject) => {
  stream.on('error', reject);
  stream.on('data', ({ partition, key, value, offset }) => {
    job.take(partition, key, value);
    next[partition] = offset + 1n;
    if (++taken === GROUP_RECORDS) flush(resolve, reject);
  });
  // What is left behind the last whole group.
  setInterval(() => flush(resolve, reject), 100).unref();
});
job.closeWindows(Number.POSITIVE_INFINITY);
await send();
await commit([...next]);
meter.report();
process.exit(0);

/** One send at a time and the next group filling meanwhile. */
function flush(onEnd: () => void, onFailure: (thrown: unknown) => void): void {
  if (taken === 0) return;
  const records = taken;
  taken = 0;
  job.closeWindows();
  const messages = take();
  const offsets = [...next];
  if (++waiting >= MAX_WAITING) stream.pause();
  sending = sending.then(async () => {
    await producer.send({ messages, acks: -1 });
    if (--waiting < MAX_WAITING) stream.resume();
    if (Date.now() - committedAt >= COMMIT_MS) await commit(offsets);
    if (meter.add(records)) onEnd();
  });
  sending.catch(onFailure);
}

function take(): MessageToProduce[] {
  const messages = job.out.map(({ topic, key, value, partition }) => ({
    topic,
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value: Buffer.from(value),
    partition,
  }));
  job.out = [];
  return messages;
}

async function send(): Promise<void> {
  const messages = take();
  if (messages.length > 0) await producer.send({ messages, acks: -1 });
}

async function commit(offsets: readonly bigint[]): Promise<void> {
  committedAt = Date.now();
  await consumer.commit({
    offsets: offsets.map((offset, partition) => ({ topic: 'orders', partition, offset, leaderEpoch: 0 })),
  });
}
