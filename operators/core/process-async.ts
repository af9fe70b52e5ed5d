/** `processAsync`: the core of every step that waits for something outside, one promise a record. */
import { Observable } from 'rxjs';
import type { Chunk, Element } from '../../src/core/element.ts';
import type { NodeContext, OnThrow, PlainOptions } from '../../src/core/operator.ts';
import type { Rejection, RejectionKind } from '../../src/core/rejection.ts';
import { Stream } from '../../src/core/stream.ts';
import { callbackRejection, countIn, countOut, rejection } from './process.ts';
import { heldBytes } from './sink.ts';

export interface ProcessAsyncSpec<T, U> {
  readonly kind: string;
  readonly options: PlainOptions;
  /** Calls under way at once. */
  readonly concurrency: number;
  /** A call that takes longer is aborted and its record rejected as TimeoutError. */
  readonly timeoutMs: number;
  readonly onThrow?: OnThrow | undefined;
  readonly call: (ctx: NodeContext, value: T, signal: AbortSignal) => Promise<U>;
}

/**
 * A step that calls something asynchronous for every record.
 *
 * `Chunk<T> → Chunk<U> (+ TimeoutError, CallbackError)` · keeps order; watermarks and barriers wait until the work before
 * them is done · no state: a call may be repeated after a crash · back pressure: chunks that wait take credit.
 */
export function processAsync<T, U>(spec: ProcessAsyncSpec<T, U>) {
  return <E extends RejectionKind>(stream: Stream<T, E>): Stream<U, E | 'CallbackError' | 'TimeoutError'> =>
    new Stream({
      kind: spec.kind,
      name: undefined,
      role: 'operator',
      inputs: [stream.node],
      options: spec.options,
      stateful: false,
      adds: ['CallbackError', 'TimeoutError'],
      takes: 'none',
      onThrow: spec.onThrow,
      topics: [],
      delaysBarriers: true,
      build: (ctx, [input]) => callInOrder(ctx, input as Observable<Element<T>>, spec),
    });
}

function callInOrder<T, U>(
  ctx: NodeContext,
  input: Observable<Element<T>>,
  spec: ProcessAsyncSpec<T, U>,
): Observable<Element<U>> {
  return new Observable((subscriber) => {
    const waiting: Element<T>[] = [];
    const stopped = new AbortController();
    let working = false;

    const work = async (): Promise<void> => {
      working = true;
      try {
        for (let element = waiting.shift(); element !== undefined; element = waiting.shift()) {
          if (element.kind === 'chunk') {
            const out = await callAll(ctx, element, spec, stopped.signal);
            ctx.release(heldBytes(element));
            if (stopped.signal.aborted) return;
            subscriber.next(out);
          } else {
            if (element.kind === 'barrier') ctx.cut(element);
            subscriber.next(element);
          }
        }
      } catch (thrown) {
        subscriber.error(thrown);
      } finally {
        working = false;
      }
    };

    const subscription = input.subscribe({
      next(element) {
        ctx.hold(heldBytes(element));
        waiting.push(element);
        if (!working) void work();
      },
      error: (thrown) => subscriber.error(thrown),
      complete: () => subscriber.complete(),
    });
    return () => {
      stopped.abort();
      subscription.unsubscribe();
    };
  });
}

async function callAll<T, U>(
  ctx: NodeContext,
  chunk: Chunk<T>,
  spec: ProcessAsyncSpec<T, U>,
  stopped: AbortSignal,
): Promise<Chunk<U>> {
  countIn(ctx, chunk);
  const n = chunk.length;
  ctx.counts.pending += n;
  const results = new Array<U>(n);
  const rejected = new Map<number, Rejection>();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < n && !stopped.aborted) {
      const i = next++;
      const outcome = await callOnce(ctx, chunk, i, spec, stopped);
      if ('rejection' in outcome) rejected.set(i, outcome.rejection);
      else results[i] = outcome.value;
    }
  };
  await Promise.all(Array.from({ length: Math.min(spec.concurrency, n) }, worker));
  ctx.counts.pending -= n;
  ctx.counts.rejected += rejected.size;
  ctx.counts.passed += n - rejected.size;
  const out = rejected.size === 0 ? chunk.withValues(results) : withoutRejected(chunk, results, rejected);
  countOut(ctx, out);
  return out;
}

async function callOnce<T, U>(
  ctx: NodeContext,
  chunk: Chunk<T>,
  i: number,
  spec: ProcessAsyncSpec<T, U>,
  stopped: AbortSignal,
): Promise<{ value: U } | { rejection: Rejection }> {
  const finished = new AbortController();
  const call = new AbortController();
  const stop = (): void => call.abort();
  stopped.addEventListener('abort', stop, { once: true });
  try {
    const timeOut = ctx.clock.sleep(spec.timeoutMs, finished.signal).then(() => TIMED_OUT);
    const value = await Promise.race([spec.call(ctx, chunk.values[i], call.signal), timeOut]);
    if (value !== TIMED_OUT) return { value: value as U };
    call.abort();
    return { rejection: rejection(ctx, chunk, i, 'TimeoutError', `no answer within ${spec.timeoutMs} ms`) };
  } catch (thrown) {
    return { rejection: callbackRejection(ctx, chunk, i, thrown) };
  } finally {
    finished.abort();
    stopped.removeEventListener('abort', stop);
  }
}

const TIMED_OUT = Symbol('timed out');

/** Calls end in any order; rejections leave in the order of the records. */
function withoutRejected<T, U>(chunk: Chunk<T>, results: U[], rejected: ReadonlyMap<number, Rejection>): Chunk<U> {
  const values = results.filter((_, i) => !rejected.has(i));
  return chunk.without(new Map([...rejected].sort(([a], [b]) => a - b)), values);
}
