import type { OnThrow } from '../src/core/operator.ts';
import { process, projectRecords } from './core/process.ts';

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
    logic: (ctx) => (chunk) => projectRecords(ctx, chunk, project),
  });
}
