/** `source`: the core step at which records enter the plan. */
import type { LogRecord } from '../../src/core/record-batch.ts';
import { Stream } from '../../src/core/stream.ts';
import { requirePositiveInteger, requireText } from './options.ts';
import { mapChunks } from './process.ts';

export interface KafkaOptions {
  /** Partitions to create the topic with where it is missing. Default 3. */
  readonly partitions?: number;
}

/** Partitions that a topic is created with unless its stream says otherwise. */
export const DEFAULT_PARTITIONS = 3;

/**
 * The records of a topic, on the embedded log or on Kafka, whichever the pipeline runs on.
 *
 * `topic → Stream<LogRecord>` · each partition in the order of its offsets · state: the offset of each partition,
 * in the checkpoint · back pressure: stops fetching when the task's credit is used up.
 *
 * @example
 * ```ts
 * const lines = kafka('lines').pipe(map((record) => String(record.value)));
 * ```
 */
export function kafka(topic: string, options: KafkaOptions = {}): Stream<LogRecord> {
  requireText('kafka', 'topic', topic);
  const { partitions = DEFAULT_PARTITIONS } = options;
  requirePositiveInteger(`kafka('${topic}')`, 'partitions', partitions);
  return new Stream({
    kind: 'kafka',
    name: topic,
    role: 'source',
    inputs: [],
    options: {},
    stateful: false,
    adds: [],
    takes: 'none',
    topics: [{ topic, use: 'read', partitions, partitionsByDefault: options.partitions === undefined }],
    build: (ctx) =>
      mapChunks(ctx, ctx.source(topic), (chunk) => {
        ctx.counts.passed += chunk.length;
        return chunk;
      }),
  });
}
