import type { OnThrow } from '../src/core/operator.ts';
import { forEachRecord, joinRejections, process } from './core/process.ts';

export interface MapOptions {
  readonly onThrow?: OnThrow;
}

/**
 * Makes another value of each.
 *
 * `T → U (+ CallbackError)` · one for one, in order · no state.
 *
 * @example
 * ```ts
 * const sizes = kafka('uploads').pipe(map((record) => record.value?.length ?? 0), toDLQ('uploads-dlq'));
 * ```
 */
export function map<T, U>(project: (value: T) => U, options: MapOptions = {}) {
  return process<T, U, 'CallbackError'>({
    kind: 'map',
    adds: ['CallbackError'],
    onThrow: options.onThrow,
    logic: (ctx) => (chunk) => {
      const values: U[] = [];
      const kept: number[] = [];
      const rejections = forEachRecord(ctx, chunk, (value, i) => {
        values.push(project(value));
        kept.push(i);
      });
      ctx.counts.passed += values.length;
      if (rejections.length === 0) return chunk.withValues(values);
      ctx.counts.rejected += rejections.length;
      return chunk.select(kept, values, joinRejections(chunk.rejections, rejections));
    },
  });
}
