import { MillraceError } from '../src/core/errors.ts';
import type { Chunk } from '../src/core/element.ts';
import type { NodeContext, TopicOutput } from '../src/core/operator.ts';
import { callbackFailed } from './core/process.ts';
import { requirePositiveInteger, requireText } from './core/options.ts';
import { Splicer } from '../src/json/splicer.ts';
import { sink } from './core/sink.ts';
import { jsonText } from './core/json-text.ts';
import { writeRejection } from './core/take-rejections.ts';
import { DEFAULT_PARTITIONS } from './core/source.ts';

export interface SinkKafkaOptions<T> {
  /** The record's key; it chooses the partition. Without one, records are spread. */
  readonly key?: (value: T) => string | number | Uint8Array | null;
  /** The record's value. Default: the value as JSON. */
  readonly value?: (value: T) => string | Uint8Array | null;
  /** Partitions to create the topic with where it is missing. Default 3. */
  readonly partitions?: number;
}

/**
 * Writes each value to a topic, on the embedded log or on Kafka, whichever the pipeline runs on.
 *
 * `T → record` · records of one key keep their order · the record's timestamp is the event time, unless the topic has append
 * times · delivery: as the run's, exactly-once unless told otherwise; which partition a record without a key goes to may change through a kill · a record that is larger than the topic takes
 * goes to the toDLQ() above, as the record that it was made of · a callback that throws, or a value that JSON cannot write, stops
 * the pipeline.
 *
 * @throws MillraceError CALLBACK_FAILED, RECORD_TOO_LARGE where no toDLQ() stands above
 * @example
 * ```ts
 * export default pipeline('copy', kafka('a').pipe(sinkKafka('b', { key: (r) => r.key, value: (r) => r.value })));
 * ```
 */
export function sinkKafka<T>(topic: string, options: SinkKafkaOptions<T> = {}) {
  requireText('sinkKafka', 'topic', topic);
  const { partitions = DEFAULT_PARTITIONS } = options;
  requirePositiveInteger(`sinkKafka('${topic}')`, 'partitions', partitions);
  return sink<T>({
    kind: 'sinkKafka',
    name: topic,
    options: {},
    topics: [{ topic, use: 'write', partitions, partitionsByDefault: options.partitions === undefined }],
    writer: (ctx, dlq) => {
      const output = ctx.topic(topic);
      const rejected = dlq === undefined ? undefined : ctx.topic(dlq);
      const splicer = ctx.codegen && options.value === undefined ? new Splicer() : undefined;
      const textOf = jsonText(ctx.codegen);
      return {
        write(chunk) {
          const valueOf = options.value ?? textOf(chunk.fresh);
          const target = { key: options.key, valueOf, topic, output, rejected };
          return appendChunk(ctx, chunk, { ...target, splicer: chunk.fresh ? splicer : undefined });
        },
      };
    },
  });
}

interface Target<T> {
  readonly key: SinkKafkaOptions<T>['key'];
  readonly valueOf: NonNullable<SinkKafkaOptions<T>['value']>;
  readonly topic: string;
  readonly output: TopicOutput;
  /** Where a record goes that the topic does not take. */
  readonly rejected: TopicOutput | undefined;
  readonly splicer: Splicer | undefined;
}

/** Returns how many records were too large. */
function appendChunk<T>(ctx: NodeContext, chunk: Chunk<T>, target: Target<T>): number {
  const { values, times } = chunk;
  const { output, key: keyOf = noKey, valueOf, splicer } = target;
  splicer?.begin();
  let tooLarge = 0;
  let i = 0;
  try {
    for (; i < values.length; i++) {
      const key = keyOf(values[i]);
      const value = splicer?.splice(chunk, i) ?? valueOf(values[i]);
      if (output.append(typeof key === 'number' ? String(key) : key, value, times[i])) continue;
      reject(ctx, chunk, i, target);
      tooLarge++;
    }
  } catch (thrown) {
    throw thrown instanceof MillraceError ? thrown : callbackFailed(ctx, chunk, i, thrown);
  }
  return tooLarge;
}

function reject<T>(ctx: NodeContext, chunk: Chunk<T>, i: number, { topic, output, rejected }: Target<T>): void {
  const { origin, input } = chunk;
  const reason = `the record to write is larger than ${topic} takes (${output.maxRecordBytes} bytes)`;
  if (rejected === undefined) {
    throw new MillraceError('RECORD_TOO_LARGE', reason, {
      place: { operator: ctx.id, topic: origin.topic, partition: origin.partition, offset: chunk.offset(i) },
      hint: "put toDLQ() above the sink, which takes such records, or raise the topic's max.message.bytes",
    });
  }
  writeRejection(ctx, rejected, {
    kind: 'RecordTooLarge',
    reason,
    operator: ctx.id,
    origin,
    time: chunk.times[i],
    input,
    row: chunk.row(i),
    value: chunk.values[i],
  });
}

function noKey(): null {
  return null;
}
