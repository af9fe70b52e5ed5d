/**
 * Offsets of a consumer group that nobody has joined: committed with generation −1 and no member, as manual assignment
 * does, so that tools which show a group's lag see them.
 */
import type { GroupOffset } from '../../log/log-client.ts';
import { assertGroup } from '../refusals.ts';
import type { KafkaCluster } from './cluster.ts';
import { typeOf } from './errors.ts';

const NO_GENERATION = -1;
const NO_MEMBER = '';
const NOT_COMMITTED = -1;

interface DeletedGroups {
  readonly results: readonly { readonly error?: Error }[];
}

export class GroupOffsets {
  private readonly cluster: KafkaCluster;

  constructor(cluster: KafkaCluster) {
    this.cluster = cluster;
  }

  async read(group: string, topics: readonly string[]): Promise<GroupOffset[]> {
    assertGroup(group);
    return this.cluster.attempt({ doing: 'read offsets of', group }, async () => {
      const wanted = [];
      for (const topic of new Set(topics)) {
        const leaders = (await this.cluster.leadersOfExisting(topic)) ?? [];
        if (leaders.length > 0)
          wanted.push({ topic, partitions: [...leaders.keys()].map((partition) => ({ partition })) });
      }
      if (wanted.length === 0) return [];
      const broker = await this.cluster.coordinator(group);
      const { responses } = await broker.offsetFetch({ groupId: group, topics: wanted });
      return responses.flatMap(({ topic, partitions }) =>
        partitions
          .map(({ partition, offset, metadata }) => ({
            topic,
            partition,
            offset: Number(offset),
            metadata: metadata ?? '',
          }))
          .filter(({ offset }) => offset !== NOT_COMMITTED),
      );
    });
  }

  async commit(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    assertGroup(group);
    if (offsets.length === 0) return;
    const topics = [...new Set(offsets.map(({ topic }) => topic))];
    await this.cluster.attempt({ doing: 'commit offsets of', group }, async () => {
      const broker = await this.cluster.coordinator(group);
      await broker.offsetCommit({
        groupId: group,
        groupGenerationId: NO_GENERATION,
        memberId: NO_MEMBER,
        topics: topics.map((topic) => ({
          topic,
          partitions: offsets
            .filter((each) => each.topic === topic)
            .map(({ partition, offset, metadata }) => ({ partition, offset: String(offset), metadata })),
        })),
      });
    });
  }

  async forget(group: string): Promise<void> {
    assertGroup(group);
    await this.cluster.attempt({ doing: 'delete', group }, async () => {
      const broker = await this.cluster.coordinator(group);
      const { results } = (await broker.deleteGroups([group])) as DeletedGroups;
      for (const { error } of results) {
        if (error !== undefined && typeOf(error) !== 'GROUP_ID_NOT_FOUND') throw error;
      }
    });
  }
}
