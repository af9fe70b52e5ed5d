import type { RejectionKind } from '../src/core/rejection.ts';
import { Stream } from '../src/core/stream.ts';
import { takeRejectionsNode } from './core/take-rejections.ts';

/**
 * Writes every record that was rejected above to a dead-letter topic, and lets the others pass.
 *
 * `Stream<T, E> → Stream<T>` · a rejected record keeps its key, value and headers, byte for byte; `dlq_reason`, `dlq_kind`,
 * `dlq_step`, `dlq_topic`, `dlq_partition`, `dlq_offset`, `dlq_timestamp` and `dlq_failed_at` are added as headers, `dlq_stack` where a
 * callback threw · a record computed by a window has no bytes: its value is written as JSON (`dlq_payload: json`) ·
 * delivery as for `sinkKafka`.
 *
 * @example
 * ```ts
 * const events = kafka('events').pipe(decodeJson(), toDLQ('events-dlq'));
 * ```
 */
export function toDLQ(topic: string) {
  return <T, E extends RejectionKind>(stream: Stream<T, E>): Stream<T> =>
    new Stream(takeRejectionsNode(stream, 'toDLQ', topic, 'all'));
}
