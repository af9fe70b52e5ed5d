/** Where a generator's records go: straight into a log, or through whatever stands in front of it. */
import { RecordBatchBuilder } from '../core/batch-builder.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type { LogClient } from '../log/log-client.ts';
import { partitionFor } from '../log/partitioner.ts';
import type { GeneratedRecord, Generator } from './generator.ts';

export interface NumberedRecord extends GeneratedRecord {
  /** Number of the record in its topic. */
  readonly index: number;
}

export interface GeneratorTarget {
  /** Makes the topic where it is missing; the number of the next record. */
  begin(): Promise<number>;
  /** The log's time of the newest record, −Infinity where there is none. Event times that were paced by a clock are not behind it. */
  lastAppend(): Promise<number>;
  /** Resolves when the records are safe; to false when it was stopped before that. */
  write(records: readonly NumberedRecord[], timestamp: number): Promise<boolean>;
}

const LAST_RECORDS_BYTES = 1_048_576;

/** Records are safe when the log has acknowledged them. */
export class LogTarget implements GeneratorTarget {
  private readonly log: LogClient;
  private readonly generator: Generator;
  private partitions = 0;
  private ends: readonly number[] = [];

  constructor(log: LogClient, generator: Generator) {
    this.log = log;
    this.generator = generator;
  }

  async begin(): Promise<number> {
    const { log } = this;
    const { topic, partitions } = this.generator;
    await log.createTopics([{ topic, partitions }]);
    this.partitions = (await log.topic(topic))!.partitions;
    this.ends = await log.offsets(topic, 'latest');
    return this.ends.reduce((a, b) => a + b, 0);
  }

  async lastAppend(): Promise<number> {
    const { topic } = this.generator;
    const positions = this.ends
      .map((end, partition) => ({ topic, partition, offset: end - 1 }))
      .filter(({ offset }) => offset >= 0);
    if (positions.length === 0) return Number.NEGATIVE_INFINITY;
    const answers = await this.log.fetch(positions, { maxBytes: LAST_RECORDS_BYTES, maxWaitMs: 0 });
    return answers.reduce((last, { batch }) => Math.max(last, ...(batch?.timestamps ?? [])), Number.NEGATIVE_INFINITY);
  }

  async write(records: readonly NumberedRecord[], timestamp: number): Promise<boolean> {
    await this.log.append(this.batchesOf(records, timestamp));
    return true;
  }

  private batchesOf(records: readonly NumberedRecord[], timestamp: number): RecordBatch[] {
    const { partitions } = this;
    const builders = new Map<number, RecordBatchBuilder>();
    for (const { index, key, value, headers } of records) {
      const keyBytes = key === null ? null : Buffer.from(key);
      const partition = keyBytes === null ? index % partitions : partitionFor(keyBytes, partitions);
      let builder = builders.get(partition);
      if (builder === undefined) {
        builder = new RecordBatchBuilder(this.generator.topic, partition);
        builders.set(partition, builder);
      }
      builder.add(keyBytes, value, timestamp, headers);
    }
    return [...builders.values()].map((builder) => builder.finish());
  }
}
