/** Appends through the public producer of kafkajs: idempotent, acknowledged by all replicas, each partition in order. */
import type { Message, Producer } from 'kafkajs';
import type { Header, RecordBatch } from '../../core/record-batch.ts';
import type { TopicPartition } from '../../log/log-client.ts';
import { unknownPartition } from '../refusals.ts';
import type { KafkaCluster } from './cluster.ts';
import { staleLeader } from './errors.ts';
import { Kafka } from './internals.ts';

/** kafkajs copies an array for every message when it groups them by partition: larger sends cost their square. */
const MAX_MESSAGES = 1_000;
/** A broker takes batches up to about 1 MiB unless told otherwise; a larger record travels alone and is for it to judge. */
const MAX_BYTES = 900_000;
/** What a record takes beside key, value and headers, at most. */
const RECORD_OVERHEAD_BYTES = 40;
/** kafkajs does not wrap its sequence numbers at 2^31 as Kafka expects: a producer retires before it gets there. */
const MAX_MESSAGES_OF_PRODUCER = 1_000_000_000;
const REQUEST_MS = 30_000;
const CONNECT_MS = 2_000;
/** Kept short: the cluster's own policy tries again around it. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 500, multiplier: 2, factor: 0.2, retries: 2 };

interface LiveProducer {
  readonly producer: Producer;
  /** Sends under way, and messages sent. */
  sending: number;
  messages: number;
  isRetired: boolean;
}

/**
 * Appends to one partition wait for each other: kafkajs gives a failed send's sequence numbers to the next one, which
 * Kafka would then take for a repetition and drop. For the same reason a producer whose send failed for good is never
 * used again.
 */
export class KafkajsProducer {
  private readonly cluster: KafkaCluster;
  private current: Promise<LiveProducer> | undefined;
  private readonly all = new Set<LiveProducer>();
  private readonly tails = new Map<string, Promise<unknown>>();
  private readonly endOf: (place: TopicPartition) => Promise<number>;

  constructor(cluster: KafkaCluster, endOf: KafkajsProducer['endOf']) {
    this.cluster = cluster;
    this.endOf = endOf;
  }

  async append(batches: readonly RecordBatch[]): Promise<number[]> {
    const appends = await Promise.allSettled(batches.map((batch) => this.enqueue(batch)));
    return appends.map((append) => {
      if (append.status === 'rejected') throw append.reason;
      return append.value;
    });
  }

  async close(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    await current?.catch(() => {});
    await Promise.all([...this.all].map(({ producer }) => producer.disconnect().catch(() => {})));
    this.all.clear();
  }

  private enqueue(batch: RecordBatch): Promise<number> {
    const key = `${batch.topic}/${batch.partition}`;
    const before = this.tails.get(key) ?? Promise.resolve();
    const append = before.catch(() => {}).then(() => this.appendOne(batch));
    this.tails.set(key, append);
    const leave = (): void => {
      if (this.tails.get(key) === append) this.tails.delete(key);
    };
    append.then(leave, leave);
    return append;
  }

  private async appendOne(batch: RecordBatch): Promise<number> {
    if (batch.length === 0) return this.endOf(batch);
    let base: number | undefined;
    for (let from = 0; from < batch.length; ) {
      const { messages, to } = messagesFrom(batch, from);
      const offset = await this.send(batch, messages);
      base ??= offset;
      from = to;
    }
    return base!;
  }

  private async send({ topic, partition }: RecordBatch, messages: Message[]): Promise<number> {
    let live: LiveProducer | undefined;
    try {
      return await this.cluster.attempt({ doing: 'append to', place: { topic, partition } }, async () => {
        const leaders = await this.cluster.leadersOf(topic);
        if (partition >= leaders.length) throw unknownPartition({ topic, partition }, leaders.length);
        if (live === undefined) {
          live = await this.live();
          live.sending++;
          live.messages += messages.length;
        }
        const sent = await live.producer.send({ topic, messages, acks: -1 }).catch((error: unknown) => {
          throw staleLeader(error);
        });
        const offset = sent[0]?.baseOffset;
        if (offset !== undefined) return Number(offset);
        // A partition newer than the producer's metadata: kafkajs drops its messages without a word.
        this.finish(live, true);
        live = undefined;
        throw Object.assign(new Error('the producer does not know the partition'), {
          name: 'KafkaJSMetadataNotLoaded',
        });
      });
    } catch (error) {
      if (live !== undefined) live.isRetired = true;
      throw error;
    } finally {
      if (live !== undefined) this.finish(live, live.messages > MAX_MESSAGES_OF_PRODUCER);
    }
  }

  private live(): Promise<LiveProducer> {
    this.current ??= this.open().catch((error: unknown) => {
      this.current = undefined;
      throw error;
    });
    return this.current;
  }

  private async open(): Promise<LiveProducer> {
    const kafka = new Kafka({
      brokers: [...this.cluster.addresses],
      clientId: this.cluster.clientId,
      ...this.cluster.security(),
      connectionTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      retry: RETRY,
      logCreator: () => () => {},
    });
    const producer = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      retry: RETRY,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
    });
    await producer.connect().catch(async (error: unknown) => {
      await producer.disconnect().catch(() => {});
      throw error;
    });
    const live = { producer, sending: 0, messages: 0, isRetired: false };
    this.all.add(live);
    return live;
  }

  private finish(live: LiveProducer, retire: boolean): void {
    live.sending--;
    live.isRetired ||= retire;
    if (!live.isRetired) return;
    this.current = undefined;
    if (live.sending > 0) return;
    this.all.delete(live);
    live.producer.disconnect().catch(() => {});
  }
}

function messagesFrom(batch: RecordBatch, from: number): { readonly messages: Message[]; readonly to: number } {
  const messages: Message[] = [];
  let bytes = 0;
  let row = from;
  for (; row < batch.length && messages.length < MAX_MESSAGES; row++) {
    const message = messageOf(batch, row);
    bytes += sizeOf(message, batch.headers(row));
    if (bytes > MAX_BYTES && messages.length > 0) break;
    messages.push(message);
  }
  return { messages, to: row };
}

function messageOf(batch: RecordBatch, row: number): Message {
  const headers = batch.headers(row);
  const message: Message = {
    key: bufferOf(batch.key(row)),
    value: bufferOf(batch.value(row)),
    partition: batch.partition,
    // kafkajs calculates with it: a number will do.
    timestamp: batch.timestamps[row] as unknown as string,
  };
  if (headers.length > 0) message.headers = headersOf(headers);
  return message;
}

function sizeOf(message: Message, headers: readonly Header[]): number {
  let bytes = RECORD_OVERHEAD_BYTES + (message.key?.length ?? 0) + (message.value?.length ?? 0);
  for (const { key, value } of headers) bytes += key.length * 3 + value.length + RECORD_OVERHEAD_BYTES;
  return bytes;
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  if (bytes === null || Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * kafkajs takes headers as an object, whose keys JavaScript would put in an order of its own where they look like
 * numbers. Headers of one name come to stand together.
 */
function headersOf(headers: readonly Header[]): Record<string, Buffer[]> {
  const byName = new Map<string, Buffer[]>();
  for (const { key, value } of headers) {
    const values = byName.get(key) ?? [];
    values.push(bufferOf(value)!);
    byName.set(key, values);
  }
  return new Proxy<Record<string, Buffer[]>>(
    {},
    {
      ownKeys: () => [...byName.keys()],
      getOwnPropertyDescriptor: (_, name) => ({
        value: byName.get(String(name)),
        enumerable: true,
        configurable: true,
      }),
      get: (_, name) => byName.get(String(name)),
    },
  );
}
