/** Records by topic and partition, as a log takes them. */
import { MillraceError } from '../core/errors.ts';
import { RecordBatchBuilder } from '../core/batch-builder.ts';
import type { LogClient, TopicInfo, TopicSpec } from '../log/log-client.ts';
import { partitionFor } from '../log/partitioner.ts';
import type { OutgoingRecord } from './outgoing.ts';

export interface Group<Row> {
  readonly builder: RecordBatchBuilder;
  readonly rows: Row[];
}

export type TopicsOfLog = Pick<LogClient, 'createTopics' | 'topic' | 'description'>;

export class Grouping {
  private readonly log: TopicsOfLog;
  private readonly create: readonly TopicSpec[];
  private readonly infos = new Map<string, TopicInfo>();
  /** Records without a key take turns. */
  private turn = 0;

  /** `create`: topics to make where they are missing; read when a topic is first seen. */
  constructor(log: TopicsOfLog, create: readonly TopicSpec[]) {
    this.log = log;
    this.create = create;
  }

  /**
   * In order within a partition. A record that its topic does not take is left out and told to `refuse`.
   * @throws MillraceError CONFIG_INVALID for a topic that is not there, LOG_UNAVAILABLE
   */
  async group<Row extends { readonly record: OutgoingRecord }>(
    rows: readonly Row[],
    refuse: (row: Row, error: MillraceError) => void,
  ): Promise<Group<Row>[]> {
    const groups = new Map<string, Group<Row>>();
    for (const row of rows) {
      const { topic, key, value, timestamp, headers } = row.record;
      const { partitions, maxRecordBytes } = this.infos.get(topic) ?? (await this.find(topic));
      const bytes = bytesOf(row.record);
      if (bytes > maxRecordBytes) {
        refuse(row, tooLarge(topic, bytes, maxRecordBytes));
        continue;
      }
      const keyBytes = typeof key === 'string' ? Buffer.from(key) : key;
      const partition = keyBytes === null ? this.turn++ % partitions : partitionFor(keyBytes, partitions);
      const name = `${topic}/${partition}`;
      let group = groups.get(name);
      if (group === undefined) {
        group = { builder: new RecordBatchBuilder(topic, partition), rows: [] };
        groups.set(name, group);
      }
      group.builder.add(keyBytes, value, timestamp, headers);
      group.rows.push(row);
    }
    return [...groups.values()];
  }

  /** Makes the topic where it is missing and may be made. */
  async find(topic: string): Promise<TopicInfo> {
    const info = (await this.log.topic(topic)) ?? (await this.make(topic));
    if (info === undefined) {
      throw new MillraceError('CONFIG_INVALID', `there is no topic ${topic} on ${this.log.description}`, {
        place: { topic },
        hint: 'check the name, or create the topic',
      });
    }
    this.infos.set(topic, info);
    return info;
  }

  private async make(topic: string): Promise<TopicInfo | undefined> {
    const specs = this.create.filter((spec) => spec.topic === topic);
    if (specs.length === 0) return undefined;
    await this.log.createTopics(specs);
    return this.log.topic(topic);
  }
}

/** Of key, value and headers: what memory and requests are bounded by. */
export function bytesOf({ key, value, headers }: OutgoingRecord): number {
  const length = (data: string | Uint8Array | null): number =>
    data === null ? 0 : typeof data === 'string' ? Buffer.byteLength(data) : data.length;
  const ofHeaders = (headers ?? []).reduce((sum, header) => sum + length(header.key) + header.value.length, 0);
  return length(key) + length(value) + ofHeaders;
}

function tooLarge(topic: string, bytes: number, limit: number): MillraceError {
  return new MillraceError('RECORD_TOO_LARGE', `a record of ${bytes} bytes: the topic takes ${limit}`, {
    place: { topic },
    hint: "make the record smaller, or raise the topic's max.message.bytes",
  });
}
