import type { Observable } from 'rxjs';
import type { Element, Key } from '../src/core/element.ts';
import type { RejectionKind } from '../src/core/rejection.ts';
import { type KeyedStream, Stream } from '../src/core/stream.ts';
import { tumbling } from '../src/time/windows.ts';
import { type Aggregates, type AggregateResults, compileAggregates } from './aggregate.ts';
import { invalidOption, requireDuration, requirePositiveInteger, requireText } from './core/options.ts';
import { type WindowResult, windowed } from './core/window.ts';

export interface TumblingWindowOptions<T, A extends Aggregates<T>> {
  /** Length of a window, milliseconds. */
  readonly sizeMs: number;
  /** How long past its end a window still takes records, milliseconds of event time. */
  readonly graceMs: number;
  /** What is computed over the values of a window, by the name of the result's field. */
  readonly aggregate: A;
  /**
   * `on-close`: one result, when the window closes. `update`: the running result after every record (`final: false`), and the
   * last one at the close (`final: true`). Default `on-close`.
   */
  readonly emit?: 'on-close' | 'update';
}

/**
 * Aggregates by key over windows of event time that lie side by side.
 *
 * `T by K → { key, start, end, final, … } (+ LateRecord)` · windows are `[start, end)`, aligned to the epoch; each closes once,
 * when the watermark is ≥ end + graceMs, in the order of (end, start, key bytes), with event time end − 1 · a record is late
 * when its own partition's watermark, before it, is ≥ end + graceMs, so that what is late does not depend on how partitions
 * interleave · state: one aggregate a window and key, in memory up to a bound and in the store beyond it · an aggregate
 * that throws stops the pipeline.
 *
 * @throws MillraceError PLAN_INVALID, CALLBACK_FAILED
 * @example
 * ```ts
 * const perUser = clicks.pipe(
 *   keyBy((click) => click.user_id),
 *   tumblingWindow('clicks-per-user', { sizeMs: 60_000, graceMs: 10_000, aggregate: { clicks: count() } }),
 *   lateTo('clicks-late'),
 * );
 * ```
 * @see T. Akidau et al., The Dataflow Model, VLDB 2015
 */
export function tumblingWindow<T, const A extends Aggregates<T>>(name: string, options: TumblingWindowOptions<T, A>) {
  const { sizeMs, graceMs, emit = 'on-close' } = options;
  requireText('tumblingWindow', 'name', name);
  const operator = `tumblingWindow('${name}')`;
  requirePositiveInteger(operator, 'sizeMs', sizeMs);
  requireDuration(operator, 'graceMs', graceMs);
  if (emit !== 'on-close' && emit !== 'update') throw invalidOption(operator, 'emit', "must be 'on-close' or 'update'");
  const aggregate = compileAggregates<T, A>(operator, options.aggregate);
  const assigner = tumbling(sizeMs);

  return <K extends Key, E extends RejectionKind>(
    stream: KeyedStream<K, T, E>,
  ): Stream<WindowResult<K, AggregateResults<A>>, E | 'LateRecord'> =>
    new Stream({
      kind: 'tumblingWindow',
      name,
      role: 'operator',
      inputs: [stream.node],
      // What is emitted, and when, is no part of the state: it may change from run to run.
      options: { sizeMs, graceMs, aggregate: aggregate.description },
      stateful: true,
      adds: ['LateRecord'],
      takes: 'none',
      topics: [],
      requires: { watermark: true },
      givesWatermarks: true,
      build: (ctx, [input]) => windowed(ctx, input as Observable<Element<T>>, { assigner, graceMs, aggregate, emit }),
    });
}
