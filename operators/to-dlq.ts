import type { RejectionKind } from '../src/core/rejection.ts';
import { Stream } from '../src/core/stream.ts';
import { takeRejectionsNode } from './core/take-rejections.ts';

/**
 * Writes every record that was rejected above to a dead-letter topic, and lets the others pass.
 *
 * `Stream<T, E> → Stream<T>` · a rejected record keeps its key and headers; its value is
 * `{"payload": …, "error_reason": …, "failed_at": …}`, from which the bytes that came can be had again: `dlq_payload` says whether
 * they are the JSON that stands there, its `text`, its `base64`, or `null` · further headers are `dlq_reason`, `dlq_kind`,
 * `dlq_step`, `dlq_topic`, `dlq_partition`, `dlq_offset`, `dlq_timestamp`, `dlq_failed_at`, and `dlq_stack` where a callback threw ·
 * a record computed by a window has no bytes and no `dlq_offset`: its value stands there as JSON · one that is larger than the topic
 * takes is cut, and `dlq_truncated` says how long it was · delivery as for `sinkKafka`.
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
