import type { RejectionKind } from '../src/core/rejection.ts';
import { Stream } from '../src/core/stream.ts';
import { takeRejectionsNode } from './core/take-rejections.ts';

/**
 * Writes the records that came too late for their windows to a topic of their own.
 *
 * `Stream<T, E> → Stream<T, E without LateRecord>` · a late record is written as `toDLQ` writes a rejected one: key and headers as
 * they came, the value byte for byte as `payload`, beside it how late it was, and in headers where it stood.
 *
 * @example
 * ```ts
 * const perUser = clicks.pipe(
 *   keyBy((click) => click.user_id),
 *   tumblingWindow('clicks-per-user', { sizeMs: 60_000, graceMs: 0, aggregate: { clicks: count() } }),
 *   lateTo('clicks-late'),
 * );
 * ```
 */
export function lateTo(topic: string) {
  return <T, E extends RejectionKind>(stream: Stream<T, E>): Stream<T, Exclude<E, 'LateRecord'>> =>
    new Stream(takeRejectionsNode(stream, 'lateTo', topic, ['LateRecord']));
}
