/** What stands around every step that keeps state: elements in, in order; chunks of its own and watermarks out. */
import { Observable } from 'rxjs';
import { type Chunk, type Element, Watermark } from '../../src/core/element.ts';
import type { NodeContext } from '../../src/core/operator.ts';
import { countIn, countOut } from './process.ts';

/** Results in a chunk at most. */
export const MAX_CHUNK_RESULTS = 4_096;

export interface StatefulStep<T> {
  /** Takes the records of a chunk. */
  absorb(chunk: Chunk<T>): void;
  /** All partitions have come to `watermark`, or are idle. */
  advance(watermark: number): void;
}

/** Where a step's results go. */
export interface StepOutput<U> {
  chunk(results: Chunk<U>): void;
  watermark(time: number): void;
}

/** Subscribes to keyed, timed elements, hands them to a step and cuts its snapshot at barriers; a throw ends the stream. */
export function statefulStep<T, U>(
  ctx: NodeContext,
  input: Observable<Element<T>>,
  start: (out: StepOutput<U>) => StatefulStep<T>,
): Observable<Element<U>> {
  return new Observable((subscriber) => {
    const step = start({
      chunk(results) {
        countOut(ctx, results);
        subscriber.next(results);
      },
      watermark: (time) => subscriber.next(new Watermark(time)),
    });
    return input.subscribe({
      next(element) {
        try {
          if (element.kind === 'chunk') {
            countIn(ctx, element);
            step.absorb(element);
          } else if (element.kind === 'watermark') {
            step.advance(element.time);
          } else {
            ctx.cut(element);
            subscriber.next(element);
          }
        } catch (thrown) {
          subscriber.error(thrown);
        }
      },
      error: (thrown) => subscriber.error(thrown),
      complete: () => subscriber.complete(),
    });
  });
}

/**
 * What decides for record `i`: the watermark of its own partition before it, so that fetch sizes and interleaving do not matter.
 * The step's own is ahead of it only when the partition was idle and left out of the minimum.
 */
export function watermarkBefore(chunk: Chunk<unknown>, i: number, ofStep: number): number {
  const own = chunk.watermarks![i];
  return own > ofStep ? own : ofStep;
}
