/**
 * The plan a user writes. A stream is an immutable description; nothing runs until a task builds Observables from it.
 */
import {
  type InteropObservable,
  type Observable,
  type Observer,
  observable as observableSymbol,
  type Subscription,
} from 'rxjs';
import { MillraceError } from './errors.ts';
import type { Key } from './element.ts';
import type { PlanNode } from './operator.ts';
import type { RejectionKind } from './rejection.ts';

/** Runs a stream for an RxJS program. The runtime offers itself here when it is loaded, so that the plan need not know it. */
export const streamRunner: { observe?: (stream: Stream<unknown, RejectionKind>) => Observable<unknown> } = {};

/**
 * A stream of values `T`, from which records may so far have been rejected for the reasons `E`.
 *
 * Branching is using a stream twice, by its variable; it is computed once. A Stream is observable:
 * `from(stream)` gives an RxJS program its events, each acknowledged when `next` returns (at-least-once).
 */
export class Stream<out T, out E extends RejectionKind = never> implements InteropObservable<T> {
  readonly node: PlanNode;
  /** Types only; never set. */
  declare readonly '~value': T;
  declare readonly '~rejections': E;

  constructor(node: PlanNode) {
    this.node = node;
  }

  pipe(): this;
  pipe<A>(a: (s: this) => A): A;
  pipe<A, B>(a: (s: this) => A, b: (s: A) => B): B;
  pipe<A, B, C>(a: (s: this) => A, b: (s: A) => B, c: (s: B) => C): C;
  pipe<A, B, C, D>(a: (s: this) => A, b: (s: A) => B, c: (s: B) => C, d: (s: C) => D): D;
  pipe<A, B, C, D, F>(a: (s: this) => A, b: (s: A) => B, c: (s: B) => C, d: (s: C) => D, f: (s: D) => F): F;
  pipe<A, B, C, D, F, G>(
    a: (s: this) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    f: (s: D) => F,
    g: (s: F) => G,
  ): G;
  pipe<A, B, C, D, F, G, H>(
    a: (s: this) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    f: (s: D) => F,
    g: (s: F) => G,
    h: (s: G) => H,
  ): H;
  pipe<A, B, C, D, F, G, H, I>(
    a: (s: this) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    f: (s: D) => F,
    g: (s: F) => G,
    h: (s: G) => H,
    i: (s: H) => I,
  ): I;
  pipe<A, B, C, D, F, G, H, I, J>(
    a: (s: this) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    f: (s: D) => F,
    g: (s: F) => G,
    h: (s: G) => H,
    i: (s: H) => I,
    j: (s: I) => J,
  ): J;
  pipe<A, B, C, D, F, G, H, I, J, K>(
    a: (s: this) => A,
    b: (s: A) => B,
    c: (s: B) => C,
    d: (s: C) => D,
    f: (s: D) => F,
    g: (s: F) => G,
    h: (s: G) => H,
    i: (s: H) => I,
    j: (s: I) => J,
    k: (s: J) => K,
  ): K;
  pipe(...operators: ((s: never) => unknown)[]): unknown {
    return operators.reduce<unknown>((stream, operator) => operator(stream as never), this);
  }

  /** Runs the stream and gives its values to `observer`, each acknowledged when `next` returns. */
  subscribe(observer: Partial<Observer<T>> | ((value: T) => void)): Subscription {
    return this.observe().subscribe(observer);
  }

  [Symbol.observable](): Observable<T> {
    return this.observe();
  }

  private observe(): Observable<T> {
    if (streamRunner.observe === undefined) {
      throw new MillraceError('PLAN_INVALID', 'a stream can be observed only where millrace itself is imported', {
        hint: "import from 'millrace', not from single files of it",
      });
    }
    return streamRunner.observe(this) as Observable<T>;
  }
}

// RxJS looks the method up under its own symbol, which is a string where the host has no Symbol.observable.
Object.defineProperty(Stream.prototype, observableSymbol, {
  value(this: Stream<unknown, RejectionKind>) {
    return streamRunner.observe?.(this);
  },
});

/** A stream whose records have a key: what windows and other keyed operators stand on. */
export class KeyedStream<out K extends Key, out T, out E extends RejectionKind = never> extends Stream<T, E> {
  declare readonly 'key the stream first: put keyBy() above this operator': K;
}

/** A stream with its sink. Nothing can be piped behind it. */
export class SealedStream<out T, out E extends RejectionKind = never> {
  readonly node: PlanNode;
  declare readonly '~sealed': T;
  declare readonly '~rejections': E;

  constructor(node: PlanNode) {
    this.node = node;
  }
}

export type AnyStream = Stream<unknown, RejectionKind>;
export type AnySealedStream = SealedStream<unknown, RejectionKind>;
