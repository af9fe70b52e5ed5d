import { MillraceError } from '../src/core/errors.ts';
import type { Chunk } from '../src/core/element.ts';
import type { NodeContext, TopicOutput } from '../src/core/operator.ts';
import { callbackFailed } from './core/process.ts';
import { requirePositiveInteger, requireText } from './core/options.ts';
import { sink } from './core/sink.ts';
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
 * times · delivery: exactly-once on the embedded log, at-least-once through kafkajs · a callback that throws, or a value that
 * JSON cannot write, stops the pipeline: behind a sink there is no DLQ.
 *
 * @throws MillraceError CALLBACK_FAILED
 * @example
 * ```ts
 * export default pipeline('copy', kafka('a').pipe(sinkKafka('b', { key: (r) => r.key, value: (r) => r.value })));
 * ```
 */
export function sinkKafka<T>(topic: string, options: SinkKafkaOptions<T> = {}) {
  requireText('sinkKafka', 'topic', topic);
  const partitions = options.partitions ?? DEFAULT_PARTITIONS;
  requirePositiveInteger(`sinkKafka('${topic}')`, 'partitions', partitions);
  return sink<T>({
    kind: 'sinkKafka',
    name: topic,
    options: {},
    topics: [{ topic, use: 'write', partitions }],
    writer: (ctx) => {
      const output = ctx.topic(topic);
      return { write: (chunk) => appendChunk(ctx, chunk, output, options) };
    },
  });
}

function appendChunk<T>(ctx: NodeContext, chunk: Chunk<T>, output: TopicOutput, options: SinkKafkaOptions<T>): void {
  const { values, times } = chunk;
  const keyOf = options.key ?? noKey;
  const valueOf = options.value ?? toJson;
  let i = 0;
  try {
    for (; i < values.length; i++) {
      const key = keyOf(values[i]);
      output.append(typeof key === 'number' ? String(key) : key, valueOf(values[i]), times[i]);
    }
  } catch (thrown) {
    throw thrown instanceof MillraceError ? thrown : callbackFailed(ctx, chunk, i, thrown);
  }
}

function noKey(): null {
  return null;
}

function toJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a value of type ${typeof value} has no JSON form`);
  return json;
}
