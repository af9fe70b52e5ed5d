import type { MapOptions } from './map.ts';
import { forEachRecord, joinRejections, process } from './core/process.ts';

/**
 * Makes any number of values of each; those of one record share its event time and its bytes.
 *
 * `T → U… (+ CallbackError)` · in order; a record that gives none is counted as filtered, and one whose iterable throws
 * half-way gives none · no state.
 *
 * @example
 * ```ts
 * const words = kafka('lines').pipe(flatMap((record) => String(record.value).split(' ')), toDLQ('lines-dlq'));
 * ```
 */
export function flatMap<T, U>(project: (value: T) => Iterable<U>, options: MapOptions = {}) {
  return process<T, U, 'CallbackError'>({
    kind: 'flatMap',
    adds: ['CallbackError'],
    onThrow: options.onThrow,
    logic: (ctx) => (chunk) => {
      const values: U[] = [];
      const rows: number[] = [];
      let filtered = 0;
      const rejections = forEachRecord(ctx, chunk, (value, i) => {
        const all = [...project(value)];
        if (all.length === 0) filtered++;
        for (const each of all) {
          values.push(each);
          rows.push(i);
        }
      });
      ctx.counts.filtered += filtered;
      ctx.counts.rejected += rejections.length;
      ctx.counts.passed += chunk.length - filtered - rejections.length;
      return chunk.select(rows, values, joinRejections(chunk.rejections, rejections));
    },
  });
}
