import type { OnThrow } from '../src/core/operator.ts';
import { process, projectRecords } from './core/process.ts';
import { ContextOfRecord, type RecordContext } from './core/record-context.ts';

export interface MapOptions {
  readonly onThrow?: OnThrow;
}

/**
 * Makes another value of each.
 *
 * `T → U (+ CallbackError)` · one for one, in order · no state · `context.record` is the record of the log behind the value:
 * its bytes, headers and timestamp.
 *
 * @example
 * ```ts
 * const sizes = kafka('uploads').pipe(map((record) => record.value?.length ?? 0), toDLQ('uploads-dlq'));
 * ```
 * @example What the record looked like, beside what was made of it
 * ```ts
 * const readings = kafka('readings').pipe(
 *   decodeJson(),
 *   map((reading, { record }) => ({ reading, text: String(record?.value), appended: record?.timestamp })),
 *   toDLQ('readings-dlq'),
 * );
 * ```
 */
export function map<T, U>(project: (value: T, context: RecordContext) => U, options: MapOptions = {}) {
  return process<T, U, 'CallbackError'>({
    kind: 'map',
    adds: ['CallbackError'],
    onThrow: options.onThrow,
    logic: (ctx) => {
      const context = new ContextOfRecord();
      return (chunk) => {
        context.enter(chunk, ctx.clock.now());
        return projectRecords(ctx, chunk, (value, i) => {
          context.i = i;
          return project(value, context);
        });
      };
    },
  });
}
