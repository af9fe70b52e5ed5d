/** The step behind `processKeyed`: calls back for records and timers, and emits what the callbacks give. */
import type { Observable } from 'rxjs';
import { Chunk, type Element, type Key, type Origin } from '../../src/core/element.ts';
import { MillraceError, messageOf } from '../../src/core/errors.ts';
import type { NodeContext } from '../../src/core/operator.ts';
import type { Rejection } from '../../src/core/rejection.ts';
import { KeyedCall, type KeyedContext } from './keyed-call.ts';
import { type KeyEntry, KeyedTimers } from './keyed-timers.ts';
import { callbackFailed } from './process.ts';
import {
  MAX_CHUNK_RESULTS,
  type StatefulStep,
  type StepOutput,
  statefulStep,
  watermarkBefore,
} from './stateful-step.ts';
import { compareNames } from './timer-queue.ts';

export interface KeyedLogic<K extends Key, T, S, U> {
  init(): S;
  onRecord(value: T, context: KeyedContext<K, S>): Iterable<U> | void;
  onTimer?: ((timer: FiredTimer, context: KeyedContext<K, S>) => Iterable<U> | void) | undefined;
}

export interface FiredTimer {
  readonly name: string;
  /** The event time that it was set to, epoch milliseconds. */
  readonly time: number;
}

const NONE: readonly Rejection[] = [];

/** Subscribes to keyed, timed elements; see `processKeyed` for what is promised. */
export function keyedStep<K extends Key, T, S, U>(
  ctx: NodeContext,
  input: Observable<Element<T>>,
  logic: KeyedLogic<K, T, S, U>,
): Observable<Element<U>> {
  return statefulStep(ctx, input, (out) => new KeyedStep(ctx, logic, out));
}

class KeyedStep<K extends Key, T, S, U> implements StatefulStep<T> {
  private readonly ctx: NodeContext;
  private readonly logic: KeyedLogic<K, T, S, U>;
  private readonly out: StepOutput<U>;
  private readonly timers: KeyedTimers<S>;
  private readonly call: KeyedCall<K, S>;
  /** What timers give belongs to the operator: no record is behind it. */
  private readonly origin: Origin;
  /** Results that wait to leave together: of records of the chunk under way, or of timers; never of both, for the sake of order. */
  private values: U[] = [];
  private rows: number[] = [];
  private times: number[] = [];
  private marks: number[] = [];

  constructor(ctx: NodeContext, logic: KeyedLogic<K, T, S, U>, out: StepOutput<U>) {
    this.ctx = ctx;
    this.logic = logic;
    this.out = out;
    this.timers = new KeyedTimers<S>(ctx);
    this.call = new KeyedCall<K, S>(this.timers, () => logic.init(), logic.onTimer !== undefined);
    this.origin = { source: ctx.id, topic: ctx.id, partition: 0 };
  }

  absorb(chunk: Chunk<T>): void {
    const { length } = chunk;
    let i = 0;
    try {
      for (; i < length; i++) this.absorbRecord(chunk, i);
    } catch (thrown) {
      throw thrown instanceof MillraceError ? thrown : callbackFailed(this.ctx, chunk, i, thrown);
    }
    this.ctx.counts.passed += length;
    this.emitTimed();
    this.emitOf(chunk, chunk.rejections);
  }

  private absorbRecord(chunk: Chunk<T>, i: number): void {
    const { timers, call } = this;
    const key = chunk.keys![i] as K;
    const watermark = watermarkBefore(chunk, i, timers.watermark);
    let entry = timers.find(key);
    if (entry?.value.timers !== undefined) entry = this.fireOf(chunk, key, entry, watermark, timers.watermark);
    call.enterRecord(key, entry, chunk, i, watermark);
    const results = this.logic.onRecord(chunk.values[i], call);
    if (results !== undefined) {
      for (const value of results) {
        if (this.times.length > 0) this.emitTimed();
        this.values.push(call.checked(value));
        this.rows.push(i);
      }
    }
    const after = call.leave();
    if (after?.value.timers !== undefined) this.fireOf(chunk, key, after, watermark, watermark);
    if (this.rows.length >= MAX_CHUNK_RESULTS) this.emitOf(chunk, NONE);
  }

  /** Fires what is due of one key, in the order of time and name: its own partition's watermark has come so far. */
  private fireOf(
    chunk: Chunk<T>,
    key: K,
    entry: KeyEntry<S>,
    watermark: number,
    mark: number,
  ): KeyEntry<S> | undefined {
    let current: KeyEntry<S> | undefined = entry;
    while (current !== undefined) {
      const due = firstDue(current, watermark);
      if (due === undefined) break;
      if (this.rows.length > 0) this.emitOf(chunk, NONE);
      current = this.fire(key, current, due, watermark, mark);
    }
    return current;
  }

  /** Fires what is due of all keys. */
  advance(watermark: number): void {
    const { timers } = this;
    if (watermark <= timers.watermark) return;
    timers.load(watermark);
    for (let due = timers.nextDue(watermark); due !== undefined; due = timers.nextDue(watermark)) {
      this.fire(due.timer.key as K, due.entry, due.timer, watermark, timers.watermark);
    }
    this.emitTimed();
    timers.moveTo(watermark);
    this.out.watermark(watermark);
  }

  private fire(key: K, entry: KeyEntry<S>, due: FiredTimer, watermark: number, mark: number): KeyEntry<S> | undefined {
    const { call } = this;
    const timer = { name: due.name, time: due.time };
    call.enterTimer(key, entry, timer, watermark);
    try {
      const results = this.logic.onTimer!(timer, call);
      if (results !== undefined) {
        for (const value of results) {
          this.values.push(call.checked(value));
          this.times.push(timer.time);
          this.marks.push(mark);
        }
      }
    } catch (thrown) {
      if (thrown instanceof MillraceError) throw thrown;
      throw new MillraceError('CALLBACK_FAILED', `onTimer threw on timer '${timer.name}': ${messageOf(thrown)}`, {
        place: { operator: this.ctx.id },
        hint: 'mend the callback (DEBUG=millrace shows where) and start again: the pipeline goes on from its last checkpoint',
        cause: thrown,
      });
    }
    if (this.times.length >= MAX_CHUNK_RESULTS) this.emitTimed();
    return call.leave();
  }

  /** Emits the results of records so far: each has the time, the watermark and the bytes of its record. */
  private emitOf(chunk: Chunk<T>, rejections: readonly Rejection[]): void {
    const results = chunk.select(this.rows, this.values, rejections);
    this.rows = [];
    this.values = [];
    this.out.chunk(results);
  }

  private emitTimed(): void {
    if (this.times.length === 0) return;
    const columns = { origin: this.origin, input: undefined, rows: undefined, keys: undefined, caughtUp: false };
    const times = Float64Array.from(this.times);
    const watermarks = Float64Array.from(this.marks);
    const results = new Chunk<U>({ ...columns, times, watermarks }, this.values);
    this.times = [];
    this.marks = [];
    this.values = [];
    this.out.chunk(results);
  }
}

/** The timer of a key that is due first. */
function firstDue<S>({ value }: KeyEntry<S>, watermark: number): FiredTimer | undefined {
  let first: FiredTimer | undefined;
  for (const [name, time] of value.timers ?? []) {
    if (time > watermark) continue;
    if (first === undefined || time < first.time || (time === first.time && compareNames(name, first.name) < 0)) {
      first = { name, time };
    }
  }
  return first;
}
