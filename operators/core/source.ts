/** `source`: the core step at which records enter the plan. */
import type { IntakeLimit } from '../../src/core/operator.ts';
import type { LogRecord } from '../../src/core/record-batch.ts';
import { Stream } from '../../src/core/stream.ts';
import { requireDuration, requirePositiveInteger, requireText } from './options.ts';
import { mapChunks } from './process.ts';

export interface KafkaOptions {
  /** Partitions to create the topic with where it is missing. Default 3. */
  readonly partitions?: number;
  /**
   * Take in at most so many records within a stretch of processing time, from all partitions together; the others wait in
   * the log. The first stretch begins with the run, whatever the one before has taken in. Default: as many as there is
   * credit for.
   */
  readonly limit?: IntakeLimit;
}

/** Partitions that a topic is created with unless its stream says otherwise. */
export const DEFAULT_PARTITIONS = 3;

/**
 * The records of a topic, on the embedded log or on Kafka, whichever the pipeline runs on.
 *
 * `topic → Stream<LogRecord>` · each partition in the order of its offsets · state: the offset of each partition,
 * in the checkpoint · back pressure: stops fetching when the task's credit is used up, or the limit is reached.
 *
 * @example
 * ```ts
 * const lines = kafka('lines').pipe(map((record) => String(record.value)));
 * ```
 */
export function kafka(topic: string, options: KafkaOptions = {}): Stream<LogRecord> {
  requireText('kafka', 'topic', topic);
  const { partitions = DEFAULT_PARTITIONS, limit } = options;
  requirePositiveInteger(`kafka('${topic}')`, 'partitions', partitions);
  if (limit !== undefined) {
    requirePositiveInteger(`kafka('${topic}')`, 'limit.records', limit.records);
    requireDuration(`kafka('${topic}')`, 'limit.everyMs', limit.everyMs);
  }
  return new Stream({
    kind: 'kafka',
    name: topic,
    role: 'source',
    inputs: [],
    options: limit === undefined ? {} : { limit: `${limit.records} records in ${limit.everyMs} ms` },
    stateful: false,
    adds: [],
    takes: 'none',
    topics: [{ topic, use: 'read', partitions, partitionsByDefault: options.partitions === undefined }],
    build: (ctx) =>
      mapChunks(ctx, ctx.source(topic, limit), (chunk) => {
        ctx.counts.passed += chunk.length;
        return chunk;
      }),
  });
}
