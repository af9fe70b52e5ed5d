/** `window`: the core of every window, an assigner of windows × an aggregate × when results leave. */
import type { Observable } from 'rxjs';
import { Chunk, type Element, type Key, type Origin } from '../../src/core/element.ts';
import { MillraceError } from '../../src/core/errors.ts';
import type { KeyedState, NodeContext, StateEntry } from '../../src/core/operator.ts';
import type { Rejection } from '../../src/core/rejection.ts';
import { iso } from '../../src/time/iso.ts';
import { MAX_TIME, type WindowAssigner } from '../../src/time/windows.ts';
import { callbackFailed, joinRejections, rejection } from './process.ts';
import {
  MAX_CHUNK_RESULTS,
  type StatefulStep,
  type StepOutput,
  statefulStep,
  watermarkBefore,
} from './stateful-step.ts';

/** One result: of a closed window (`final`), or of one still open. */
export type WindowResult<K extends Key, R> = {
  readonly key: K;
  /** Inclusive, epoch milliseconds. */
  readonly start: number;
  /** Exclusive, epoch milliseconds. */
  readonly end: number;
  readonly final: boolean;
} & R;

/** Several aggregates as one, over one accumulator that is changed in place. */
export interface CompiledAggregate<T, A, R> {
  /** For the fingerprint: names and kinds. */
  readonly description: string;
  init(): A;
  add(accumulator: A, value: T, chunk: Chunk<unknown>, i: number): void;
  /** Adds the results to `target`, which it returns: a spread would cost more than all else of a result. */
  resultInto<B extends object>(target: B, accumulator: A): B & R;
}

export interface WindowLogic<T, A, R> {
  readonly assigner: WindowAssigner;
  readonly graceMs: number;
  readonly aggregate: CompiledAggregate<T, A, R>;
  readonly emit: 'on-close' | 'update';
}

interface WindowSnapshot {
  readonly watermark: number;
  readonly open: readonly number[];
}

/** Subscribes to keyed, timed elements and emits window results; see `tumblingWindow` for what is promised. */
export function windowed<T, A, R>(
  ctx: NodeContext,
  input: Observable<Element<T>>,
  logic: WindowLogic<T, A, R>,
): Observable<Element<WindowResult<Key, R>>> {
  return statefulStep(ctx, input, (out) => new WindowStep(ctx, logic, out));
}

class WindowStep<T, A, R> implements StatefulStep<T> {
  private readonly ctx: NodeContext;
  private readonly logic: WindowLogic<T, A, R>;
  private readonly state: KeyedState<A>;
  private readonly out: StepOutput<WindowResult<Key, R>>;
  /** Results belong to the operator: they have passed the minimum over the partitions. */
  private readonly origin: Origin;
  private watermark = Number.NEGATIVE_INFINITY;
  private readonly aggregate: CompiledAggregate<T, A, R>;
  private readonly emitsUpdates: boolean;
  /** From the start of a window to the watermark that closes it, milliseconds. */
  private readonly closesAfter: number;

  constructor(ctx: NodeContext, logic: WindowLogic<T, A, R>, out: StepOutput<WindowResult<Key, R>>) {
    this.ctx = ctx;
    this.logic = logic;
    this.out = out;
    this.aggregate = logic.aggregate;
    this.emitsUpdates = logic.emit === 'update';
    this.closesAfter = logic.assigner.size + logic.graceMs;
    this.state = ctx.keyedState<A>();
    this.origin = { source: ctx.id, topic: ctx.id, partition: 0 };
    ctx.keep({
      snapshot: (): WindowSnapshot => ({ watermark: this.watermark, open: this.state.slots() }),
      restore: (snapshot) => {
        const { watermark, open } = snapshot as WindowSnapshot;
        this.watermark = watermark;
        this.state.restore(open);
      },
    });
    ctx.report(() => ({ openWindows: this.state.slots().length, stateEntries: this.state.size }));
  }

  /** Puts the records of a chunk into their windows; those that are late for all of theirs are rejected. */
  absorb(chunk: Chunk<T>): void {
    const updates: WindowResult<Key, R>[] = [];
    const { length, times } = chunk;
    const { startOf, size } = this.logic.assigner;
    let late: Rejection[] | undefined;
    // Most records fall into the window of the one before them, and a remainder of doubles is slow.
    let start = Number.NaN;
    let i = 0;
    try {
      for (; i < length; i++) {
        const time = times[i];
        if (startOf !== undefined && !(time >= start && time < start + size)) start = startOf(time);
        const taken =
          startOf === undefined ? this.absorbIntoAll(chunk, i, updates) : this.absorbInto(start, chunk, i, updates);
        if (!taken) (late ??= []).push(this.lateness(chunk, i));
        if (updates.length >= MAX_CHUNK_RESULTS) this.emit(updates.splice(0), []);
      }
    } catch (thrown) {
      throw thrown instanceof MillraceError ? thrown : callbackFailed(this.ctx, chunk, i, thrown);
    }
    this.ctx.counts.late += late?.length ?? 0;
    this.ctx.counts.passed += length - (late?.length ?? 0);
    this.emit(updates, joinRejections(chunk.rejections, late ?? []));
  }

  /** Where windows overlap: returns whether any of them took the record. */
  private absorbIntoAll(chunk: Chunk<T>, i: number, updates: WindowResult<Key, R>[]): boolean {
    let taken = false;
    for (const start of this.logic.assigner.starts(chunk.times[i])) {
      taken = this.absorbInto(start, chunk, i, updates) || taken;
    }
    return taken;
  }

  private absorbInto(start: number, chunk: Chunk<T>, i: number, updates: WindowResult<Key, R>[]): boolean {
    if (this.watermarkOf(chunk, i) >= start + this.closesAfter) return false;
    const { aggregate } = this;
    const key = chunk.keys![i];
    const entry = this.state.get(start, key) ?? this.state.add(start, key, aggregate.init());
    aggregate.add(entry.value, chunk.values[i], chunk, i);
    if (!entry.dirty) this.state.touch(entry, start);
    if (this.emitsUpdates) updates.push(this.result(start, entry, false));
    return true;
  }

  /**
   * What decides on lateness. Where the operator's own watermark is ahead of a record's, its windows have closed without the
   * record's partition; and a window closes once.
   */
  private watermarkOf(chunk: Chunk<T>, i: number): number {
    return watermarkBefore(chunk, i, this.watermark);
  }

  private lateness(chunk: Chunk<T>, i: number): Rejection {
    const { assigner, graceMs } = this.logic;
    const start = assigner.starts(chunk.times[i]).at(-1)!;
    const end = start + assigner.size;
    const by = this.watermarkOf(chunk, i) - end - graceMs;
    const window = `[${timeText(start)}, ${timeText(end)})`;
    const reason = `the window ${window} closed before this record: the watermark had passed its end and grace by ${by} ms`;
    return rejection(this.ctx, chunk, i, 'LateRecord', reason);
  }

  /** Closes the windows that end at or below the watermark less the grace, in the order of (end, start, key bytes). */
  advance(watermark: number): void {
    if (watermark <= this.watermark) return;
    const { graceMs } = this.logic;
    const results: WindowResult<Key, R>[] = [];
    // Windows of one operator have one size, so their order by start is their order by end.
    for (const start of this.state.slots()) {
      if (start + this.closesAfter > watermark) break;
      for (const entry of this.state.take(start)) {
        results.push(this.result(start, entry, true));
        if (results.length === MAX_CHUNK_RESULTS) this.emit(results.splice(0), []);
      }
    }
    this.emit(results, []);
    this.watermark = watermark;
    this.out.watermark(watermark - graceMs);
  }

  private result(start: number, entry: StateEntry<A>, final: boolean): WindowResult<Key, R> {
    const window = { key: entry.key, start, end: start + this.logic.assigner.size, final };
    return this.aggregate.resultInto(window, entry.value);
  }

  private emit(results: WindowResult<Key, R>[], rejections: readonly Rejection[]): void {
    if (results.length === 0 && rejections.length === 0) return;
    const times = Float64Array.from(results, ({ end }) => end - 1);
    // Less its grace, as it was forwarded: no result ends at or below it, so none is late for a window above.
    const watermarks = new Float64Array(results.length).fill(this.watermark - this.logic.graceMs);
    const columns = { origin: this.origin, input: undefined, rows: undefined, keys: undefined, caughtUp: false };
    this.out.chunk(new Chunk({ ...columns, times, watermarks }, results, rejections, true));
  }
}

/** The first and the last window reach beyond the times that a date can name. */
function timeText(time: number): string {
  return Math.abs(time) <= MAX_TIME ? iso(time) : `${time} ms`;
}
