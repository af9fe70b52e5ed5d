/** Topics of a bench, made and looked at through a client that is not under test as a whole: what is measured must not check itself. */
import {
  Admin,
  Consumer,
  FetchIsolationLevels,
  type Message,
  type MessageToProduce,
  Producer,
} from '@platformatic/kafka';

export const PARTITIONS = 3;
const BATCH = 3_000;
const QUIET_MS = 2_000;
/** While some are missing: the machine may be busy with other things. */
const PATIENT_MS = 20_000;

export interface NewRecord {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly partition: number;
}

/** For outputs that are of no use after a run: old segments go while the bench goes on. */
export const FORGET_SOON = {
  broker: { 'log.retention.check.interval.ms': '5000', 'log.segment.delete.delay.ms': '1000' },
  topic: { 'segment.bytes': String(64 * 1024 * 1024), 'retention.bytes': String(128 * 1024 * 1024) },
};

export async function createTopics(
  brokers: string,
  topics: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const admin = new Admin({ clientId: 'bench-topics', bootstrapBrokers: [brokers] });
  const configs = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [...topics], partitions: PARTITIONS, replicas: 1, configs });
  await admin.close();
}

export async function deleteTopics(brokers: string, topics: readonly string[]): Promise<void> {
  const admin = new Admin({ clientId: 'bench-topics', bootstrapBrokers: [brokers] });
  await admin.deleteTopics({ topics: [...topics] });
  await admin.close();
}

/** Appends everything in batches of about a thousand records a partition. */
export async function fill(brokers: string, topic: string, records: Iterable<NewRecord>): Promise<void> {
  const producer = new Producer({ clientId: 'bench-fill', bootstrapBrokers: [brokers], idempotent: true });
  let messages: MessageToProduce[] = [];
  for (const { key, value, partition } of records) {
    messages.push({ topic, key, value, partition });
    if (messages.length < BATCH) continue;
    await producer.send({ messages, acks: -1 });
    messages = [];
  }
  if (messages.length > 0) await producer.send({ messages, acks: -1 });
  await producer.close();
}

/** Records in a topic, going by its end offsets by partition. */
export async function endsOf(brokers: string, topic: string): Promise<bigint[]> {
  const consumer = anyConsumer(brokers);
  const ends = await consumer.listOffsets({ topics: [topic] });
  await consumer.close();
  return ends.get(topic)!;
}

export function countUpTo(ends: readonly bigint[]): number {
  return Number(ends.reduce((sum, end) => sum + end, 0n));
}

/** What stands in a topic between where `part` begins and `to`; returns how many records that is. */
export async function readBetween(
  { brokers, topic, from, each }: CommittedPart,
  to: readonly bigint[],
): Promise<number> {
  const wanted = countUpTo(to) - countUpTo(from);
  if (wanted === 0) return 0;
  const consumer = anyConsumer(brokers);
  const offsets = from.map((offset, partition) => ({ topic, partition, offset }));
  const stream = await consumer.consume({ topics: [topic], mode: 'manual', offsets, autocommit: false });
  let count = 0;
  for await (const message of stream) {
    each?.(message);
    if (++count === wanted) break;
  }
  await consumer.close();
  return count;
}

export interface CommittedPart {
  readonly brokers: string;
  readonly topic: string;
  readonly from: readonly bigint[];
  /** Is given every record. */
  readonly each?: ((message: Message) => void) | undefined;
  /** How many are to be there at the least. */
  readonly least: number;
}

/** Offsets say nothing of how many records a topic has that was written in transactions: this reads until none comes any more. */
export async function readCommitted({ brokers, topic, from, each, least }: CommittedPart): Promise<number> {
  const consumer = anyConsumer(brokers);
  const offsets = from.map((offset, partition) => ({ topic, partition, offset }));
  const isolationLevel = FetchIsolationLevels.READ_COMMITTED;
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'manual',
    offsets,
    autocommit: false,
    isolationLevel,
  });
  let count = 0;
  let seen = 0;
  let quietMs = 0;
  await new Promise<void>((done, fail) => {
    const timer = setInterval(() => {
      quietMs = count > seen ? 0 : quietMs + QUIET_MS;
      seen = count;
      if (quietMs >= (count < least ? PATIENT_MS : QUIET_MS)) done(clearInterval(timer));
    }, QUIET_MS);
    stream.on('error', fail);
    stream.on('data', (message) => {
      count++;
      each?.(message);
    });
  });
  await stream.close();
  await consumer.close();
  return count;
}

/** How far readers of committed records can see, markers of transactions included. */
export class CommittedEnd {
  private readonly consumer: Consumer;
  private readonly topic: string;

  constructor(brokers: string, topic: string) {
    this.consumer = anyConsumer(brokers);
    this.topic = topic;
  }

  /** The sum of the last stable offsets of all partitions. */
  async now(): Promise<number> {
    const { topic } = this;
    const isolationLevel = FetchIsolationLevels.READ_COMMITTED;
    const ends = await this.consumer.listOffsets({ topics: [topic], isolationLevel });
    return countUpTo(ends.get(topic)!);
  }

  async close(): Promise<void> {
    await this.consumer.close();
  }
}

function anyConsumer(brokers: string): Consumer {
  const groupId = `bench-look-${process.pid}-${process.hrtime.bigint()}`;
  return new Consumer({ clientId: 'bench-look', groupId, bootstrapBrokers: [brokers] });
}
