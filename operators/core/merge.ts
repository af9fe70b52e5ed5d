/** `merge`: the core step that joins streams. */
import { Observable } from 'rxjs';
import { type Barrier, type Element, Watermark } from '../../src/core/element.ts';
import type { NodeContext } from '../../src/core/operator.ts';
import type { RejectionKind } from '../../src/core/rejection.ts';
import { Stream } from '../../src/core/stream.ts';
import { countIn, countOut } from './process.ts';
import { heldBytes } from './sink.ts';

/**
 * Joins two or more streams into one.
 *
 * `Stream<T> & Stream<U> → Stream<T | U>` · each input keeps its order, and each record its partition, so that what is
 * late does not depend on how the inputs interleave; the watermark is the least of the inputs' · no state ·
 * back pressure: an input that is ahead at a barrier waits for the others, and what waits takes credit.
 *
 * @example
 * ```ts
 * const payments = merge(kafka('cards'), kafka('transfers')).pipe(map((r) => r.offset));
 * ```
 */
export function merge<A extends Stream<unknown, RejectionKind>, B extends Stream<unknown, RejectionKind>[]>(
  first: A,
  ...others: B
): Stream<A['~value'] | B[number]['~value'], A['~rejections'] | B[number]['~rejections']> {
  const streams = [first, ...others];
  return new Stream({
    kind: 'merge',
    name: undefined,
    role: 'operator',
    inputs: streams.map((stream) => stream.node),
    options: {},
    stateful: false,
    adds: [],
    takes: 'none',
    topics: [],
    build: (ctx, inputs) => mergeAligned(ctx, inputs),
  });
}

function mergeAligned(ctx: NodeContext, inputs: readonly Observable<Element<unknown>>[]): Observable<Element<unknown>> {
  return new Observable((subscriber) => {
    const watermarks = inputs.map(() => Number.NEGATIVE_INFINITY);
    let forwarded = Number.NEGATIVE_INFINITY;
    /** Elements that came behind a barrier which the other inputs have not reached yet. */
    const waiting: Element<unknown>[][] = inputs.map(() => []);
    const atBarrier = inputs.map(() => false);
    let completed = 0;

    const pass = (element: Element<unknown>, from: number): void => {
      if (element.kind === 'barrier') {
        atBarrier[from] = true;
        if (atBarrier.every(Boolean)) align(element);
      } else if (element.kind === 'watermark') {
        watermarks[from] = element.time;
        const least = Math.min(...watermarks);
        if (least > forwarded) {
          forwarded = least;
          subscriber.next(new Watermark(least));
        }
      } else {
        ctx.counts.passed += element.length;
        countOut(ctx, element);
        subscriber.next(element);
      }
    };

    const align = (barrier: Barrier): void => {
      ctx.cut(barrier);
      subscriber.next(barrier);
      atBarrier.fill(false);
      // There is one barrier under way at a time, so what waits holds no further one.
      waiting.forEach((elements, from) => {
        for (const element of elements.splice(0)) {
          ctx.release(heldBytes(element));
          take(element, from);
        }
      });
    };

    const take = (element: Element<unknown>, from: number): void => {
      if (element.kind === 'chunk') countIn(ctx, element);
      pass(element, from);
    };

    const subscriptions = inputs.map((input, from) =>
      input.subscribe({
        next(element) {
          if (!atBarrier[from]) return take(element, from);
          ctx.hold(heldBytes(element));
          waiting[from].push(element);
        },
        error: (thrown) => subscriber.error(thrown),
        complete() {
          completed++;
          if (completed === inputs.length) subscriber.complete();
        },
      }),
    );
    return () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
  });
}
