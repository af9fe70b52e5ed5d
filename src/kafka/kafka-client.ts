/** The log on a Kafka cluster, at the speed of the wire. */
import type { Clock, Random } from '../core/ports.ts';
import type { BatchBuilder } from '../core/batch-builder.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type {
  FetchedPartition,
  FetchOptions,
  FetchPosition,
  GroupOffset,
  LogClient,
  OffsetQuery,
  TopicInfo,
  TopicPartition,
  TopicSpec,
} from '../log/log-client.ts';
import { Cluster } from './cluster.ts';
import { CODE } from './error-table.ts';
import { BrokerError, StaleLeader } from './failures.ts';
import { FetchConnection } from './fetch-connection.ts';
import { Fetcher } from './fetcher.ts';
import { GroupOffsets } from './group-offsets.ts';
import type { KafkaConfig } from './kafka-config.ts';
import { type BatchSettings, IdempotentIdentities, Producer } from './producer.ts';
import { unknownPartition } from './refusals.ts';
import { Topics } from './topics.ts';
import { TransactionalProducer } from './transactional-producer.ts';
import { WireBatchBuilder } from './wire-batch.ts';

/** Below the 1,048,588 bytes that a broker takes unless told otherwise. */
const BATCH_BYTES = 1_000_000;

export interface KafkaOptions extends KafkaConfig {
  readonly clock: Clock;
  /** For the jitter of pauses. */
  readonly random?: Random;
  /** How long failures that pass are tried again; default two minutes. Infinity: until `close`. */
  readonly patienceMs?: number;
}

/**
 * A LogClient over raw connections, with record batches of our own: it assigns partitions by hand and reads committed
 * records only.
 *
 * Delivery: appends are idempotent and acknowledged by all in-sync replicas; `transactions` joins them with group offsets.
 * Order: by partition, whatever has to be sent again. Memory: an answer of `maxBytes` for each fetch, and what was given to
 * `append` until it is acknowledged. Failures that pass, such as a broker that restarts, are tried again for two minutes, or
 * as long as `patienceMs` says.
 * @throws MillraceError LOG_UNAVAILABLE, OFFSET_OUT_OF_RANGE, CONFIG_INVALID, as the port says
 */
export class KafkaClient implements LogClient {
  readonly description: string;
  readonly kind = 'kafka';
  readonly transactional = undefined;
  private readonly cluster: Cluster;
  private readonly topicsOfCluster: Topics;
  private readonly groups: GroupOffsets;
  private readonly fetcher: Fetcher;
  private readonly producer: Producer;
  private readonly settings: BatchSettings;

  constructor(options: KafkaOptions) {
    const { compression, batchBytes = BATCH_BYTES } = options;
    this.settings = { compression, batchBytes };
    this.cluster = new Cluster({ ...options, random: options.random ?? Math.random });
    this.description = `Kafka at ${this.cluster.addresses.join(', ')}`;
    this.topicsOfCluster = new Topics(this.cluster);
    this.groups = new GroupOffsets(this.cluster);
    const { cluster } = this;
    this.fetcher = new Fetcher({
      clock: options.clock,
      attempt: (attempt, action) => cluster.attempt(attempt, action),
      leadersOf: (topic) => cluster.leadersOf(topic),
      openLane: async (leader) =>
        new FetchConnection(await cluster.dedicatedConnection(leader), (topic, id) => cluster.idForReading(topic, id)),
      // A broker that fails at a read has not said anything about the records: it is asked again.
      failureOf: (code) =>
        code === CODE.unknownTopicOrPartition || code === CODE.unknown ? new StaleLeader() : new BrokerError(code),
      rangeOf: (place) => this.rangeOf(place),
    });
    this.producer = new Producer(cluster, this.settings, new IdempotentIdentities(cluster));
  }

  hurry(ms: number | undefined): void {
    this.cluster.hurry(ms);
  }

  get trouble(): string | undefined {
    return this.cluster.trouble;
  }

  /** Fails within seconds where nobody answers; without it the first call connects, with more patience. */
  connect(): Promise<void> {
    return this.cluster.connect();
  }

  topic(name: string): Promise<TopicInfo | undefined> {
    return this.topicsOfCluster.one(name);
  }

  topics(): Promise<TopicInfo[]> {
    return this.topicsOfCluster.all();
  }

  createTopics(specs: readonly TopicSpec[]): Promise<void> {
    return this.topicsOfCluster.create(specs);
  }

  offsets(topic: string, query: OffsetQuery): Promise<number[]> {
    return this.topicsOfCluster.offsets(topic, query);
  }

  batchBuilder({ topic, partition }: TopicPartition): BatchBuilder {
    return new WireBatchBuilder(topic, partition, this.settings.batchBytes);
  }

  fetch(positions: readonly FetchPosition[], options: FetchOptions): Promise<FetchedPartition[]> {
    return this.fetcher.fetch(positions, options);
  }

  async append(batches: readonly RecordBatch[]): Promise<number[]> {
    const filled = batches.filter(({ length }) => length > 0);
    const bases = await this.producer.append(filled);
    if (filled.length === batches.length) return bases;
    const base = new Map(filled.map((batch, i) => [batch, bases[i]]));
    return Promise.all(batches.map(async (batch) => base.get(batch) ?? (await this.rangeOf(batch)).end));
  }

  groupOffsets(group: string, topics: readonly string[], options = { settled: true }): Promise<GroupOffset[]> {
    return this.groups.read(group, topics, options.settled);
  }

  commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    return this.groups.commit(group, offsets);
  }

  deleteGroup(group: string): Promise<void> {
    return this.groups.forget(group);
  }

  readonly transactions = (transactionalId: string, timeoutMs: number): TransactionalProducer => {
    const { cluster, settings } = this;
    return new TransactionalProducer({ cluster, transactionalId, timeoutMs, settings });
  };

  async close(): Promise<void> {
    this.cluster.close();
    this.fetcher.close();
  }

  private async rangeOf({
    topic,
    partition,
  }: TopicPartition): Promise<{ readonly first: number; readonly end: number }> {
    const [first, end] = await Promise.all([this.offsets(topic, 'earliest'), this.offsets(topic, 'latest')]);
    if (partition >= first.length) throw unknownPartition({ topic, partition }, first.length);
    return { first: first[partition], end: end[partition] };
  }
}

/**
 * Connects, or fails within seconds.
 * @throws MillraceError LOG_UNAVAILABLE when nobody answers there, CONFIG_INVALID for an address that is none or when the
 *   broker refuses user, password or certificate
 */
export async function connectKafka(options: KafkaOptions): Promise<KafkaClient> {
  const client = new KafkaClient(options);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}
