/** Records into batches, batches into the log, and back with partition and offset. */
import { MillraceError } from '../core/errors.ts';
import { RecordBatchBuilder } from '../core/record-batch.ts';
import type { LogClient, TopicInfo, TopicSpec } from '../log/log-client.ts';
import { partitionFor } from '../log/partitioner.ts';
import type { DeliveryReport, OutgoingRecord } from './outgoing.ts';

/** A record until it is known what has become of it. */
export interface Outgoing {
  readonly record: OutgoingRecord;
  /** It is in the log, or never will be. */
  isDone: boolean;
}

interface Group {
  readonly builder: RecordBatchBuilder;
  readonly rows: Outgoing[];
}

export class Transmitter<Row extends Outgoing> {
  private readonly log: LogClient;
  private readonly create: readonly TopicSpec[];
  private readonly report: (row: Row, report: DeliveryReport) => void;
  private readonly infos = new Map<string, TopicInfo>();
  /** Records without a key take turns. */
  private turn = 0;

  constructor(options: {
    log: LogClient;
    create: readonly TopicSpec[];
    report: (row: Row, report: DeliveryReport) => void;
  }) {
    this.log = options.log;
    this.create = options.create;
    this.report = options.report;
  }

  /**
   * Sends what is not done yet, in order within a partition, and reports each record that has arrived or that its topic does
   * not take. Never rejects: resolves to the first failure, or nothing when all are done.
   */
  async transmit(rows: readonly Row[]): Promise<unknown> {
    try {
      const groups = await this.grouped(rows.filter(({ isDone }) => !isDone));
      // One call a partition: each tells of itself whether it was made.
      const appends = groups.map(async ({ builder, rows: sent }) => {
        const { topic, partition } = builder;
        const [base] = await this.log.append([builder.finish()]);
        sent.forEach((row, i) => this.report(row as Row, { status: 'sent', topic, partition, offset: base + i }));
      });
      const settled = await Promise.allSettled(appends);
      return settled.find((each): each is PromiseRejectedResult => each.status === 'rejected')?.reason;
    } catch (thrown) {
      return thrown;
    }
  }

  private async grouped(rows: readonly Row[]): Promise<Group[]> {
    const groups = new Map<string, Group>();
    for (const row of rows) {
      const { topic, key, value, timestamp, headers } = row.record;
      const { partitions, maxRecordBytes } = this.infos.get(topic) ?? (await this.find(topic));
      const bytes = bytesOf(row.record);
      if (bytes > maxRecordBytes) {
        this.report(row, { status: 'failed', topic, error: tooLarge(topic, bytes, maxRecordBytes) });
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

  private async find(topic: string): Promise<TopicInfo> {
    await this.log.createTopics(this.create.filter((spec) => spec.topic === topic));
    const info = await this.log.topic(topic);
    if (info === undefined) {
      throw new MillraceError('CONFIG_INVALID', `there is no topic ${topic} on ${this.log.description}`, {
        place: { topic },
        hint: 'check the name, or create the topic',
      });
    }
    this.infos.set(topic, info);
    return info;
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
