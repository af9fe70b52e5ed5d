import { concatMap, type Observable } from 'rxjs';
import { type Chunk, type Element, Watermark } from '../src/core/element.ts';
import type { NodeContext, OnThrow } from '../src/core/operator.ts';
import type { Rejection, RejectionKind } from '../src/core/rejection.ts';
import { Stream } from '../src/core/stream.ts';
import { type PartitionProgress, type WatermarkSnapshot, WatermarkTracker } from '../src/time/watermark.ts';
import { isEventTime } from '../src/time/windows.ts';
import { invalidOption, requireDuration } from './core/options.ts';
import { callbackRejection, countIn, countOut, rejection } from './core/process.ts';

export interface WatermarkConfig<T> {
  /** Event time of a value, epoch milliseconds; NaN or anything that is no time rejects the record. */
  readonly eventTime: (value: T) => number;
  /** How far behind the greatest time of its partition a record may come and still be in time, in milliseconds. */
  readonly outOfOrdernessMs: number;
  /** A partition read to its end without a record for so long holds nothing back. Default 5 s. */
  readonly idleAfterMs?: number;
  /** A record this far ahead of its append time is rejected, in milliseconds. Default 5 min. */
  readonly maxFutureMs?: number;
  /** A partition this far ahead of the slowest is paused, in milliseconds of event time. Default 1 h. */
  readonly maxDriftMs?: number;
  /** When all partitions are idle: `stay` at the greatest watermark, or follow the `clock`. Default `stay`. */
  readonly whenAllIdle?: 'stay' | 'clock';
  readonly onThrow?: OnThrow;
}

const DEFAULT_IDLE_AFTER_MS = 5_000;
const DEFAULT_MAX_FUTURE_MS = 300_000;
const DEFAULT_MAX_DRIFT_MS = 3_600_000;

/**
 * Gives each record its event time, and the stream its watermarks.
 *
 * `T → T (+ EventTimeError, FutureRecord, CallbackError)` · each partition has its own running watermark, moved record by
 * record; what goes on is the minimum over the partitions that are not idle, and it never goes back · a record from far in
 * the future is rejected and moves nothing · state: one watermark a partition · stands above `keyBy` and windows ·
 * back pressure: a partition far ahead of the others is paused.
 *
 * @throws MillraceError PLAN_INVALID
 * @example
 * ```ts
 * const timed = kafka('clicks').pipe(
 *   decodeJson(),
 *   validate(Click),
 *   watermark({ eventTime: (click) => parseIso(click.at), outOfOrdernessMs: 5_000 }),
 *   toDLQ('clicks-dlq'),
 * );
 * ```
 * @see T. Akidau et al., The Dataflow Model, VLDB 2015
 */
export function watermark<T>(config: WatermarkConfig<T>) {
  const { outOfOrdernessMs } = config;
  const idleAfterMs = config.idleAfterMs ?? DEFAULT_IDLE_AFTER_MS;
  const maxFutureMs = config.maxFutureMs ?? DEFAULT_MAX_FUTURE_MS;
  const maxDriftMs = config.maxDriftMs ?? DEFAULT_MAX_DRIFT_MS;
  if (typeof config.eventTime !== 'function') throw invalidOption('watermark', 'eventTime', 'must be a function');
  const durations = { outOfOrdernessMs, idleAfterMs, maxFutureMs, maxDriftMs };
  for (const [field, value] of Object.entries(durations)) requireDuration('watermark', field, value);
  const whenAllIdle = config.whenAllIdle ?? 'stay';
  const options = { ...durations, followClockWhenIdle: whenAllIdle === 'clock' };

  return <E extends RejectionKind>(
    stream: Stream<T, E>,
  ): Stream<T, E | 'EventTimeError' | 'FutureRecord' | 'CallbackError'> =>
    new Stream({
      kind: 'watermark',
      keepsValues: true,
      name: undefined,
      namedBySources: true,
      role: 'operator',
      inputs: [stream.node],
      options: { ...durations, whenAllIdle },
      stateful: false,
      adds: ['EventTimeError', 'FutureRecord', 'CallbackError'],
      takes: 'none',
      onThrow: config.onThrow,
      topics: [],
      givesWatermarks: true,
      build(ctx, [input]) {
        const step = new WatermarkStep(ctx, config.eventTime, maxFutureMs, options);
        return (input as Observable<Element<T>>).pipe(concatMap((element) => step.take(element)));
      },
    });
}

class WatermarkStep<T> {
  private readonly ctx: NodeContext;
  private readonly eventTime: (value: T) => number;
  private readonly maxFutureMs: number;
  private readonly outOfOrdernessMs: number;
  private readonly tracker: WatermarkTracker;

  constructor(
    ctx: NodeContext,
    eventTime: (value: T) => number,
    maxFutureMs: number,
    options: ConstructorParameters<typeof WatermarkTracker>[1],
  ) {
    this.ctx = ctx;
    this.eventTime = eventTime;
    this.maxFutureMs = maxFutureMs;
    this.outOfOrdernessMs = options.outOfOrdernessMs;
    this.tracker = new WatermarkTracker(ctx.origins, options, ctx.clock.now());
    ctx.keep({
      snapshot: () => this.tracker.snapshot(),
      restore: (snapshot) => this.tracker.restore(snapshot as WatermarkSnapshot),
    });
    ctx.report(() => ({
      watermark: { time: this.tracker.current, heldBackBy: this.tracker.heldBackBy },
    }));
  }

  /** The element, and behind a chunk the watermark where it has risen. */
  take(element: Element<T>): Element<T>[] {
    if (element.kind === 'barrier') {
      this.ctx.cut(element);
      return [element];
    }
    // The end of time: what a source says when it is drained.
    if (element.kind === 'watermark') return [element];
    const now = this.ctx.clock.now();
    const progress = this.tracker.progress(element.origin);
    progress.caughtUp = element.caughtUp;
    const timed = element.length === 0 ? element : this.assign(element, progress, now);
    countIn(this.ctx, element);
    countOut(this.ctx, timed);
    for (const { origin, paused } of this.tracker.driftChanges(now)) this.ctx.setPaused(origin, paused);
    if (!this.tracker.advance(now)) return [timed];
    this.ctx.touch();
    return [timed, new Watermark(this.tracker.current)];
  }

  /** Sets times and watermarks, and moves the partition's watermark record by record. */
  private assign(chunk: Chunk<T>, progress: PartitionProgress, now: number): Chunk<T> {
    const n = chunk.length;
    const times = new Float64Array(n);
    const watermarks = new Float64Array(n);
    let rejected: Map<number, Rejection> | undefined;
    let running = progress.watermark;
    let kept = 0;
    for (let i = 0; i < n; i++) {
      const time = this.timeOf(chunk, i, now);
      if (typeof time !== 'number') {
        (rejected ??= new Map()).set(i, time);
        continue;
      }
      times[kept] = time;
      watermarks[kept] = running;
      kept++;
      if (time - this.outOfOrdernessMs > running) running = time - this.outOfOrdernessMs;
    }
    progress.watermark = running;
    // A partition that gives rejected records only must not hold the others back.
    if (kept > 0) progress.activeAt = now;
    this.ctx.counts.passed += kept;
    if (rejected === undefined) return chunk.withColumns({ times, watermarks });
    this.ctx.counts.rejected += rejected.size;
    const values = chunk.values.filter((_, i) => !rejected.has(i));
    const selected = chunk.without(rejected, values, chunk.fresh);
    return selected.withColumns({ times: times.subarray(0, kept), watermarks: watermarks.subarray(0, kept) });
  }

  private timeOf(chunk: Chunk<T>, i: number, now: number): number | Rejection {
    let time: number;
    try {
      time = this.eventTime(chunk.values[i]);
    } catch (thrown) {
      return callbackRejection(this.ctx, chunk, i, thrown);
    }
    if (!isEventTime(time)) {
      return rejection(this.ctx, chunk, i, 'EventTimeError', `the event time is not a time: ${String(time)}`);
    }
    const appended = this.appendTime(chunk, i, now);
    if (time - appended <= this.maxFutureMs) return time;
    const ahead = `${time - appended} ms ahead of its append time, more than the ${this.maxFutureMs} allowed`;
    return rejection(this.ctx, chunk, i, 'FutureRecord', `the event time is ${ahead}`);
  }

  /** A producer's timestamp proves nothing: where the log gives none of its own, the time of first sight stands in. */
  private appendTime(chunk: Chunk<T>, i: number, now: number): number {
    const { input } = chunk;
    return input?.timestampType === 'append' ? input.timestamps[chunk.row(i)] : now;
  }
}
