/** The log on a Kafka cluster, through kafkajs. */
import type { Clock } from '../../core/ports.ts';
import type { RecordBatch } from '../../core/record-batch.ts';
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
} from '../../log/log-client.ts';
import { Fetcher } from '../fetcher.ts';
import type { SaslConfig, TlsConfig } from '../kafka-config.ts';
import { unknownPartition } from '../refusals.ts';
import { GroupOffsets } from './group-offsets.ts';
import { KafkaCluster } from './cluster.ts';
import { staleLeader } from './errors.ts';
import { errorOfCode } from './internals.ts';
import { KafkajsLaneConnection } from './lane-connection.ts';
import { KafkajsProducer } from './producer.ts';
import { Topics } from './topics.ts';

export interface KafkajsOptions {
  /** `host:port` each; one that answers is enough to find the others. */
  readonly brokers: readonly string[];
  /** What the brokers' logs and quotas call this program. */
  readonly clientId?: string;
  readonly tls?: TlsConfig | undefined;
  readonly sasl?: SaslConfig | undefined;
  readonly clock: Clock;
}

/**
 * A LogClient that assigns partitions by hand and reads committed records only.
 *
 * Delivery: appends are idempotent within this client and acknowledged by all in-sync replicas; nothing joins appends and
 * group offsets into one transaction, so a pipeline over it repeats output after a kill. Failures that pass, such as a
 * leader that moves, are tried again for half a minute. Headers of one name come to stand together when they are written.
 * Compressed records are read where gzip was used.
 * @throws MillraceError LOG_UNAVAILABLE, OFFSET_OUT_OF_RANGE, CONFIG_INVALID, as the port says
 */
export class KafkajsClient implements LogClient {
  readonly description: string;
  readonly kind = 'kafka';
  readonly transactional = undefined;
  /** At-least-once: kafkajs cannot settle a commit whose answer was lost. */
  readonly transactions = undefined;
  private readonly cluster: KafkaCluster;
  private readonly topicsOfCluster: Topics;
  private readonly groups: GroupOffsets;
  private readonly fetcher: Fetcher;
  private readonly producer: KafkajsProducer;

  constructor({ clientId = 'millrace', ...options }: KafkajsOptions) {
    this.cluster = new KafkaCluster({ ...options, clientId, random: Math.random });
    this.description = `Kafka at ${this.cluster.addresses.join(', ')} through kafkajs`;
    this.topicsOfCluster = new Topics(this.cluster);
    this.groups = new GroupOffsets(this.cluster);
    this.fetcher = new Fetcher({
      clock: options.clock,
      attempt: (attempt, action) => this.cluster.attempt(attempt, action),
      leadersOf: (topic) => this.cluster.leadersOf(topic),
      openLane: async (leader) => new KafkajsLaneConnection(await this.cluster.dedicatedConnection(leader)),
      failureOf: (code) => staleLeader(errorOfCode(code)),
      rangeOf: (place) => this.rangeOf(place),
    });
    this.producer = new KafkajsProducer(this.cluster, async (place) => (await this.rangeOf(place)).end);
  }

  /** Fails within seconds where nobody answers; without it the first call connects, with more patience. */
  connect(): Promise<void> {
    return this.cluster.connect();
  }

  get trouble(): string | undefined {
    return this.cluster.trouble;
  }

  hurry(ms: number | undefined): void {
    this.cluster.hurry(ms);
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

  fetch(positions: readonly FetchPosition[], options: FetchOptions): Promise<FetchedPartition[]> {
    return this.fetcher.fetch(positions, options);
  }

  append(batches: readonly RecordBatch[]): Promise<number[]> {
    return this.producer.append(batches);
  }

  groupOffsets(group: string, topics: readonly string[]): Promise<GroupOffset[]> {
    return this.groups.read(group, topics);
  }

  commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    return this.groups.commit(group, offsets);
  }

  deleteGroup(group: string): Promise<void> {
    return this.groups.forget(group);
  }

  async close(): Promise<void> {
    this.cluster.close();
    this.fetcher.close();
    await this.producer.close();
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
 * @throws MillraceError LOG_UNAVAILABLE when nobody answers there, CONFIG_INVALID for an address that is none
 */
export async function connectKafkajs(options: KafkajsOptions): Promise<KafkajsClient> {
  const client = new KafkajsClient(options);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}
