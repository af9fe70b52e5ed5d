import type { RejectionKind } from '../src/core/rejection.ts';
import { Stream } from '../src/core/stream.ts';
import { takeRejectionsNode } from './core/take-rejections.ts';

/**
 * Writes the records that came too late for their windows to a topic of their own.
 *
 * `Stream<T, E> → Stream<T, E without LateRecord>` · a late record keeps its key, value and headers, byte for byte, so that the
 * topic can be read like the one it came from; how late it was and where it stood are added as headers (see `toDLQ`).
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
