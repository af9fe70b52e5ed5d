/**
 * Offsets of a consumer group that nobody has joined: committed with generation −1 and no member, as manual assignment
 * does, so that tools which show a group's lag see them.
 */
import { deleteGroupsV2, offsetCommitV8, offsetFetchV8 } from '@platformatic/kafka';
import type { GroupOffset } from '../log/log-client.ts';
import type { Cluster } from './cluster.ts';
import { CODE } from './error-table.ts';
import { BrokerError } from './failures.ts';
import { assertGroup } from './refusals.ts';

const NO_GENERATION = -1;
const NO_MEMBER = '';
const NOT_COMMITTED = -1;
const UNKNOWN_EPOCH = -1;

export class GroupOffsets {
  private readonly cluster: Cluster;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /** `requireStable`: the answer must not be one that a transaction under way is about to change. */
  async read(group: string, topics: readonly string[], requireStable: boolean): Promise<GroupOffset[]> {
    assertGroup(group);
    return this.cluster.attempt({ doing: 'read offsets of', group }, async () => {
      const wanted = [];
      for (const name of new Set(topics)) {
        const topic = await this.cluster.existingTopic(name);
        if (topic !== undefined) wanted.push({ name, partitionIndexes: [...topic.leaders.keys()] });
      }
      if (wanted.length === 0) return [];
      const broker = await this.cluster.coordinator('group', group);
      const request = { groupId: group, memberEpoch: NO_GENERATION, topics: wanted };
      const { groups } = await broker.call(offsetFetchV8.api, [request], requireStable);
      return groups
        .flatMap((each) => each.topics)
        .flatMap(({ name, partitions }) =>
          partitions
            .map(({ partitionIndex, committedOffset, metadata }) => ({
              topic: name,
              partition: partitionIndex,
              offset: Number(committedOffset),
              metadata: metadata ?? '',
            }))
            .filter(({ offset }) => offset !== NOT_COMMITTED),
        );
    });
  }

  async commit(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    assertGroup(group);
    if (offsets.length === 0) return;
    await this.cluster.attempt({ doing: 'commit offsets of', group }, async () => {
      const broker = await this.cluster.coordinator('group', group);
      await broker.call(offsetCommitV8.api, group, NO_GENERATION, NO_MEMBER, null, offsetsByTopic(offsets));
    });
  }

  async forget(group: string): Promise<void> {
    assertGroup(group);
    await this.cluster.attempt({ doing: 'delete', group }, async () => {
      const broker = await this.cluster.coordinator('group', group);
      try {
        await broker.call(deleteGroupsV2.api, [group]);
      } catch (failure) {
        if (!(failure instanceof BrokerError && failure.code === CODE.groupIdNotFound)) throw failure;
      }
    });
  }
}

interface TopicOffsets {
  readonly name: string;
  readonly partitions: {
    partitionIndex: number;
    committedOffset: bigint;
    committedLeaderEpoch: number;
    committedMetadata: string;
  }[];
}

/** As both kinds of commit take them. */
export function offsetsByTopic(offsets: readonly GroupOffset[]): TopicOffsets[] {
  const topics = new Map<string, TopicOffsets>();
  for (const { topic, partition, offset, metadata } of offsets) {
    const entry = topics.get(topic) ?? { name: topic, partitions: [] };
    topics.set(topic, entry);
    entry.partitions.push({
      partitionIndex: partition,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: UNKNOWN_EPOCH,
      committedMetadata: metadata,
    });
  }
  return [...topics.values()];
}
