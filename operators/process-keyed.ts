import type { Observable } from 'rxjs';
import type { Element, Key } from '../src/core/element.ts';
import type { RejectionKind } from '../src/core/rejection.ts';
import { type KeyedStream, Stream } from '../src/core/stream.ts';
import type { KeyedContext } from './core/keyed-call.ts';
import { type FiredTimer, keyedStep } from './core/keyed-step.ts';
import { invalidOption, requirePositiveInteger, requireText } from './core/options.ts';

export interface ProcessKeyedOptions<K extends Key, T, S, U, V = U> {
  /** The state of a key of which nothing is known yet. */
  readonly init: () => S;
  /** Called for every record; what it returns goes on, with the event time and the bytes of the record. */
  readonly onRecord: (value: T, context: KeyedContext<K, S>) => Iterable<U> | void;
  /** Called when the watermark has come to a timer; what it returns goes on, with the timer's time as its event time. */
  readonly onTimer?: (timer: FiredTimer, context: KeyedContext<K, S>) => Iterable<V> | void;
  /** Raise it when the state means something else than before: a checkpoint of another version is refused. Default 1. */
  readonly version?: number;
}

/**
 * Calls back for every record with the state of its key, and for every timer that was set: for what no window can say.
 *
 * `T by K → U…` · what happens to a key is decided by the order of its partition alone: before a record, the timers of its key
 * fire that the watermark of its partition has come to; the timers of all keys fire when the watermark of the whole has, in
 * the order of time, key bytes and name. So neither chunks nor the interleaving of partitions nor a restart changes what a
 * key gives, provided that its records are in one partition · a timer that is set at or before the watermark fires as soon as
 * the callback has returned · a key has one timer of a name, and setting it again moves it · no record is late here ·
 * a drain fires every timer that is set, and those that they set, but none that leads back to its own name ·
 * state: what the callbacks keep, a value and its timers a key, until `clear()` and the last timer: a key that is never
 * cleared is kept for ever. Values are in memory up to a bound and in the store beyond it; of the timers those due within the
 * present hour of event time are in memory · a callback that throws stops the pipeline.
 *
 * @throws MillraceError PLAN_INVALID, CALLBACK_FAILED
 * @example A user who clicks, and then not again for ten minutes
 * ```ts
 * const visits = clicks.pipe(
 *   keyBy((click) => click.user_id),
 *   processKeyed('visits', {
 *     init: () => ({ clicks: 0 }),
 *     onRecord(_, context) {
 *       context.state.clicks++;
 *       context.setTimer('left', context.time + 600_000);
 *     },
 *     onTimer({ time }, context) {
 *       const { clicks } = context.state;
 *       context.clear();
 *       return [{ user_id: context.key, clicks, left_at: iso(time) }];
 *     },
 *   }),
 * );
 * ```
 * @see T. Akidau et al., The Dataflow Model, VLDB 2015
 */
export function processKeyed<K extends Key, T, S, U = never, V = never>(
  name: string,
  options: ProcessKeyedOptions<K, T, S, U, V>,
) {
  const { init, onRecord, onTimer, version = 1 } = options;
  requireText('processKeyed', 'name', name);
  const operator = `processKeyed('${name}')`;
  requirePositiveInteger(operator, 'version', version);
  if (typeof init !== 'function') throw invalidOption(operator, 'init', 'must be a function');
  if (typeof onRecord !== 'function') throw invalidOption(operator, 'onRecord', 'must be a function');
  if (onTimer !== undefined && typeof onTimer !== 'function') {
    throw invalidOption(operator, 'onTimer', 'must be a function');
  }

  return <E extends RejectionKind>(stream: KeyedStream<K, T, E>): Stream<U | V, E> =>
    new Stream({
      kind: 'processKeyed',
      name,
      role: 'operator',
      inputs: [stream.node],
      options: { version },
      stateful: true,
      adds: [],
      takes: 'none',
      topics: [],
      requires: { watermark: true },
      build: (ctx, [input]) =>
        keyedStep<K, T, S, U | V>(ctx, input as Observable<Element<T>>, { init, onRecord, onTimer }),
    });
}
