/** Topics and offsets of a cluster. */
import { ConfigResourceTypes, createTopicsV7, describeConfigsV4, listOffsetsV7 } from '@platformatic/kafka';
import type { OffsetQuery, TopicInfo, TopicSpec } from '../log/log-client.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';
import { CODE } from './error-table.ts';
import { BrokerError, orStale } from './failures.ts';
import { SETTING_NAMES, settingsOf, topicInfo } from './topic-config.ts';

const CONSUMER = -1;
const READ_COMMITTED = 1;
const UNKNOWN_EPOCH = -1;
const LATEST = -1;
const EARLIEST = -2;
const NONE = -1;
/** As many as the cluster's own settings say. */
const DEFAULT_REPLICATION = -1;
const CREATE_MS = 20_000;

export class Topics {
  private readonly cluster: Cluster;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  async one(name: string): Promise<TopicInfo | undefined> {
    return this.cluster.attempt({ doing: 'describe', place: { topic: name } }, async () => {
      const topic = await this.cluster.lookUp(name);
      return topic && (await this.describe([topic]))[0];
    });
  }

  async all(): Promise<TopicInfo[]> {
    return this.cluster.attempt({ doing: 'list topics' }, async () => {
      const topics = await this.cluster.allTopics();
      return this.describe(topics.filter(({ isInternal }) => !isInternal));
    });
  }

  async create(specs: readonly TopicSpec[]): Promise<void> {
    for (const spec of specs) {
      const { topic } = spec;
      await this.cluster.attempt({ doing: 'create', place: { topic } }, () => this.createOne(spec));
      // A broker may not have heard of a new topic yet, or of the leaders of its partitions.
      await this.cluster.attempt({ doing: 'find leaders of', place: { topic } }, async () => {
        const leaders = await this.cluster.leadersOf(topic).catch(orStale);
        for (const leader of new Set(leaders)) await this.cluster.node(leader);
      });
    }
  }

  /**
   * `latest` and `{ timestamp }` end where readers of committed records end: at the last stable offset, not among the
   * records of a transaction that is still open.
   */
  async offsets(topic: string, query: OffsetQuery): Promise<number[]> {
    return this.cluster.attempt({ doing: 'ask for offsets of', place: { topic } }, async () => {
      if (query === 'earliest') return this.list(topic, EARLIEST);
      if (query === 'latest') return this.list(topic, LATEST);
      const found = await this.list(topic, query.timestamp);
      if (!found.includes(NONE)) return found;
      const ends = await this.list(topic, LATEST);
      return found.map((offset, partition) => (offset === NONE ? ends[partition] : offset));
    });
  }

  private async list(topic: string, timestamp: number): Promise<number[]> {
    const offsets: number[] = [];
    const byLeader = await this.cluster.partitionsByLeader(topic);
    const answers = [...byLeader].map(async ([leader, numbers]) => {
      const broker = await this.cluster.node(leader);
      const partitions = numbers.map((partitionIndex) => ({
        partitionIndex,
        currentLeaderEpoch: UNKNOWN_EPOCH,
        timestamp: BigInt(timestamp),
      }));
      return broker.call(listOffsetsV7.api, CONSUMER, READ_COMMITTED, [{ name: topic, partitions }]);
    });
    const settled = await Promise.all(answers).catch(orStale);
    for (const { partitionIndex, offset } of settled.flatMap(({ topics }) => topics[0].partitions)) {
      offsets[partitionIndex] = Number(offset);
    }
    return offsets;
  }

  private async createOne(spec: TopicSpec): Promise<void> {
    const { topic, partitions } = spec;
    if ((await this.cluster.lookUp(topic)) !== undefined) return;
    const broker = await this.cluster.anyBroker();
    const request = {
      name: topic,
      numPartitions: partitions,
      replicationFactor: DEFAULT_REPLICATION,
      assignments: [],
      configs: settingsOf(spec),
    };
    try {
      await broker.call(createTopicsV7.api, [request], CREATE_MS, false);
    } catch (failure) {
      if (!(failure instanceof BrokerError && failure.code === CODE.topicAlreadyExists)) throw failure;
    }
  }

  private async describe(topics: readonly TopicMetadata[]): Promise<TopicInfo[]> {
    if (topics.length === 0) return [];
    const broker = await this.cluster.anyBroker();
    const resources = topics.map(({ topic }) => ({
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: topic,
      configurationKeys: [...SETTING_NAMES],
    }));
    const { results } = await broker.callForAll(describeConfigsV4.api, resources, false, false);
    const settings = new Map(results.map(({ resourceName, configs }) => [resourceName, configs]));
    return topics.map(({ topic, id, leaders }) => ({
      ...topicInfo(topic, leaders.length, settings.get(topic) ?? []),
      id,
    }));
  }
}
