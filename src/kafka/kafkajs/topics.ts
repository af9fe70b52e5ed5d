/** Topics and offsets of a cluster. */
import type { OffsetQuery, TopicInfo, TopicSpec } from '../../log/log-client.ts';
import { SETTING_NAMES, settingsOf, topicInfo } from '../topic-config.ts';
import { type KafkaCluster } from './cluster.ts';
import { rootOf, staleLeader, typeOf } from './errors.ts';
import type { Metadata } from './internals.ts';

type TopicMetadata = Metadata['topicMetadata'][number];

const TOPIC_RESOURCE = 2;
const READ_COMMITTED = 1;
const LATEST = -1;
const EARLIEST = -2;
const NONE = -1;
/** As many as the cluster's own settings say. */
const DEFAULT_REPLICATION = -1;
const CREATE_MS = 20_000;

export class Topics {
  private readonly cluster: KafkaCluster;

  constructor(cluster: KafkaCluster) {
    this.cluster = cluster;
  }

  async one(topic: string): Promise<TopicInfo | undefined> {
    return this.cluster.attempt({ doing: 'describe', place: { topic } }, async () => {
      try {
        const { topicMetadata } = await this.cluster.metadata([topic]);
        return (await this.describe(topicMetadata))[0];
      } catch (error) {
        if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
        throw error;
      }
    });
  }

  async all(): Promise<TopicInfo[]> {
    return this.cluster.attempt({ doing: 'list topics' }, async () => {
      const { topicMetadata } = await this.cluster.metadata([]);
      return this.describe(topicMetadata.filter(({ isInternal }) => !isInternal));
    });
  }

  async create(specs: readonly TopicSpec[]): Promise<void> {
    for (const spec of specs) {
      const { topic } = spec;
      await this.cluster.attempt({ doing: 'create', place: { topic } }, () => this.createOne(spec));
      await this.cluster.attempt({ doing: 'find leaders of', place: { topic } }, async () => {
        // A topic that was just created may not have reached this broker.
        const leaders = await this.cluster
          .leadersOf(topic)
          .catch((error: unknown) => Promise.reject(staleLeader(error)));
        for (let partition = 0; partition < leaders.length; partition++) await this.cluster.node(leaders[partition]);
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
      const partitions = numbers.map((partition) => ({ partition, timestamp }));
      return broker.listOffsets({ isolationLevel: READ_COMMITTED, topics: [{ topic, partitions }] });
    });
    const settled = await Promise.all(answers).catch((error: unknown) => Promise.reject(staleLeader(error)));
    for (const { partition, offset } of settled.flatMap(({ responses }) => responses[0].partitions)) {
      offsets[partition] = Number(offset);
    }
    return offsets;
  }

  private async createOne(spec: TopicSpec): Promise<void> {
    const { topic, partitions } = spec;
    if ((await this.cluster.leadersOfExisting(topic)) !== undefined) return;
    const broker = await this.cluster.controller();
    const configEntries = settingsOf(spec);
    const request = { topic, numPartitions: partitions, replicationFactor: DEFAULT_REPLICATION, configEntries };
    try {
      await broker.createTopics({ topics: [request], timeout: CREATE_MS });
    } catch (error) {
      if (rootOf(error).type !== 'TOPIC_ALREADY_EXISTS') throw error;
    }
  }

  private async describe(topics: readonly TopicMetadata[]): Promise<TopicInfo[]> {
    if (topics.length === 0) return [];
    const broker = await this.cluster.anyBroker();
    const { resources } = await broker.describeConfigs({
      resources: topics.map(({ topic }) => ({ type: TOPIC_RESOURCE, name: topic, configNames: [...SETTING_NAMES] })),
    });
    const settings = new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        configEntries.map(({ configName, configValue }) => ({ name: configName, value: configValue })),
      ]),
    );
    return topics.map(({ topic, partitionMetadata }) =>
      topicInfo(topic, partitionMetadata.length, settings.get(topic) ?? []),
    );
  }
}
