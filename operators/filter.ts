import type { MapOptions } from './map.ts';
import { forEachRecord, joinRejections, process } from './core/process.ts';

/**
 * Keeps the values for which `keep` is true; the others are counted as filtered.
 *
 * `T → T (+ CallbackError)` · a type guard narrows `T` · in order · no state.
 *
 * @example
 * ```ts
 * const large = kafka('uploads').pipe(filter((record) => (record.value?.length ?? 0) > 1_000), toDLQ('uploads-dlq'));
 * ```
 */
export function filter<T, U extends T>(
  keep: (value: T) => value is U,
  options?: MapOptions,
): ReturnType<typeof process<T, U, 'CallbackError'>>;
export function filter<T>(
  keep: (value: T) => boolean,
  options?: MapOptions,
): ReturnType<typeof process<T, T, 'CallbackError'>>;
export function filter<T>(keep: (value: T) => boolean, options: MapOptions = {}) {
  return process<T, T, 'CallbackError'>({
    kind: 'filter',
    keepsValues: true,
    adds: ['CallbackError'],
    onThrow: options.onThrow,
    logic: (ctx) => (chunk) => {
      const values: T[] = [];
      const kept: number[] = [];
      const rejections = forEachRecord(ctx, chunk, (value, i) => {
        if (!keep(value)) return;
        values.push(value);
        kept.push(i);
      });
      ctx.counts.passed += kept.length;
      ctx.counts.rejected += rejections.length;
      ctx.counts.filtered += chunk.length - kept.length - rejections.length;
      if (kept.length === chunk.length) return chunk;
      return chunk.select(kept, values, joinRejections(chunk.rejections, rejections), chunk.fresh);
    },
  });
}
