import { type OperatorFunction, Subject } from 'rxjs';
import type { Chunk } from '../src/core/element.ts';
import { MillraceError } from '../src/core/errors.ts';
import type { NodeContext } from '../src/core/operator.ts';
import { callbackFailed, process } from './core/process.ts';

export interface RxOptions {
  /** Promises that the operator remembers nothing from one value to the next. Exactly-once asks for it. */
  readonly stateless?: boolean;
}

/**
 * Applies a plain RxJS operator to single values in place.
 *
 * `T → U…` · what the operator emits belongs to the value whose `next` call caused it, and takes its event time; an emission
 * at any other moment is an error, and completing fails the pipeline · the operator's memory is not checkpointed: a plan
 * with one runs under exactly-once only as `{ stateless: true }` · an operator that errors stops the pipeline.
 *
 * @throws MillraceError OPERATOR_CONTRACT when it emits later or completes, CALLBACK_FAILED when it errors
 * @example
 * ```ts
 * const pairs = kafka('ticks').pipe(rx(concatMap((tick) => [tick, tick]), { stateless: true }));
 * ```
 */
export function rx<T, U>(operator: OperatorFunction<T, U>, options: RxOptions = {}) {
  return process<T, U>({
    kind: 'rx',
    options: { stateless: options.stateless === true },
    requires: options.stateless === true ? {} : { replayable: false },
    logic: (ctx) => {
      const inPlace = new InPlace(ctx, operator);
      return (chunk) => inPlace.run(chunk);
    },
  });
}

class InPlace<T, U> {
  private readonly input = new Subject<T>();
  private readonly ctx: NodeContext;
  private values: U[] = [];
  private rows: number[] = [];
  /** The record whose `next` call is under way, or −1 between calls. */
  private current = -1;
  private failure: { readonly thrown: unknown } | undefined;

  constructor(ctx: NodeContext, operator: OperatorFunction<T, U>) {
    this.ctx = ctx;
    this.input.pipe(operator).subscribe({
      next: (value) => this.take(value),
      error: (thrown) => this.fail(thrown),
      complete: () =>
        this.fail(this.breach('completed', 'operators such as take() end a stream; a pipeline has no end')),
    });
  }

  run(chunk: Chunk<T>): Chunk<U> {
    this.values = [];
    this.rows = [];
    let filtered = 0;
    for (let i = 0; i < chunk.length; i++) {
      const before = this.rows.length;
      this.current = i;
      this.input.next(chunk.values[i]);
      this.current = -1;
      if (this.failure !== undefined) throw this.failureOf(chunk, i);
      if (this.rows.length === before) filtered++;
    }
    this.ctx.counts.filtered += filtered;
    this.ctx.counts.passed += chunk.length - filtered;
    return chunk.select(this.rows, this.values);
  }

  private take(value: U): void {
    if (this.current < 0) {
      this.fail(
        this.breach('emitted outside a next() call', 'delays and timers belong into a window or an asynchronous step'),
      );
      return;
    }
    this.values.push(value);
    this.rows.push(this.current);
  }

  private fail(thrown: unknown): void {
    this.failure ??= { thrown };
    if (this.current < 0) this.ctx.fail(thrown);
  }

  private failureOf(chunk: Chunk<T>, i: number): unknown {
    const thrown = this.failure!.thrown;
    return thrown instanceof MillraceError ? thrown : callbackFailed(this.ctx, chunk, i, thrown);
  }

  private breach(what: string, hint: string): MillraceError {
    return new MillraceError('OPERATOR_CONTRACT', `the RxJS operator given to rx() ${what}`, {
      place: { operator: this.ctx.id },
      hint,
    });
  }
}
