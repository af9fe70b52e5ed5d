/** `sink`: the core of every step that lets records leave the pipeline. */
import { Observable } from 'rxjs';
import { type Chunk, type Element } from '../../src/core/element.ts';
import type { NodeContext, PlainOptions, PlanNode, TopicUse } from '../../src/core/operator.ts';
import type { RejectionKind } from '../../src/core/rejection.ts';
import { SealedStream, type Stream } from '../../src/core/stream.ts';
import { countIn } from './process.ts';

export interface SinkWriter<T> {
  /**
   * Takes the records of a chunk; they count as written with the next barrier. A promise holds back what follows until
   * it settles. Must not keep the chunk's arrays. Returns how many it has rejected and handed to a DLQ, if any.
   */
  write(chunk: Chunk<T>): number | void | Promise<void>;
}

export interface SinkSpec<T> {
  readonly kind: string;
  /** What is written to: a topic, or a path. */
  readonly name: string;
  readonly options: PlainOptions;
  readonly topics?: readonly TopicUse[];
  /** The file, or the folder and prefix, that no other sink of the plan may write. */
  readonly exclusive?: string;
  /**
   * Called once a task, with the topic of the nearest toDLQ() above, if there is one. Output outside the log takes part in
   * the checkpoint through `ctx.output`.
   */
  readonly writer: (ctx: NodeContext, dlq: string | undefined) => SinkWriter<T>;
  /** The output cannot be taken back or repeated under a checkpoint: refused under exactly-once. */
  readonly replayable?: false;
}

/**
 * An end of the plan.
 *
 * `Chunk<T> → nothing` · in order, one chunk at a time · back pressure: what waits for a slow writer takes credit, and
 * sources stop fetching when none is left.
 */
export function sink<T>(spec: SinkSpec<T>) {
  return <E extends RejectionKind>(stream: Stream<T, E>): SealedStream<T, E> =>
    new SealedStream({
      kind: spec.kind,
      name: spec.name,
      role: 'sink',
      inputs: [stream.node],
      options: spec.options,
      stateful: false,
      adds: [],
      takes: 'none',
      topics: spec.topics ?? [],
      exclusive: spec.exclusive,
      requires: spec.replayable === false ? { replayable: false } : undefined,
      build: (ctx, [input]) => writeAll(ctx, input as Observable<Element<T>>, spec.writer(ctx, dlqAbove(stream.node))),
    });
}

/** The topic of the nearest toDLQ() above. */
function dlqAbove(node: PlanNode): string | undefined {
  let level: readonly PlanNode[] = [node];
  while (level.length > 0) {
    // The rejections of a split are records in a stream of their own: what a sink refuses cannot join them any more.
    const dlq = level.find(({ takes, topics }) => takes === 'all' && topics.length > 0);
    if (dlq !== undefined) return dlq.topics[0]?.topic;
    level = [...new Set(level.flatMap(({ inputs }) => inputs))];
  }
  return undefined;
}

function writeAll<T>(
  ctx: NodeContext,
  input: Observable<Element<T>>,
  writer: SinkWriter<T>,
): Observable<Element<never>> {
  return new Observable((subscriber) => {
    /** Elements behind a write that has not settled; bounded by the credit they hold. */
    const waiting: Element<T>[] = [];
    let writing = false;

    const take = (element: Element<T>): Promise<void> | undefined => {
      if (element.kind !== 'chunk') {
        if (element.kind === 'barrier') ctx.cut(element);
        subscriber.next(element);
        return undefined;
      }
      countIn(ctx, element);
      ctx.counts.pending += element.length;
      const written = writer.write(element);
      if (typeof written === 'object') return written.then(() => settle(element, 0));
      settle(element, written ?? 0);
      return undefined;
    };

    const settle = (chunk: Chunk<T>, rejected: number): void => {
      ctx.counts.pending -= chunk.length;
      ctx.counts.passed += chunk.length - rejected;
      ctx.counts.rejected += rejected;
      ctx.counts.taken += rejected;
      ctx.counts.carriedOut += chunk.rejections.length;
    };

    const drain = async (first: Promise<void>): Promise<void> => {
      writing = true;
      try {
        await first;
        for (let element = waiting.shift(); element !== undefined; element = waiting.shift()) {
          ctx.release(heldBytes(element));
          await take(element);
        }
      } catch (thrown) {
        subscriber.error(thrown);
      } finally {
        writing = false;
      }
    };

    return input.subscribe({
      next(element) {
        if (writing) {
          ctx.hold(heldBytes(element));
          waiting.push(element);
          return;
        }
        try {
          const written = take(element);
          if (written !== undefined) void drain(written);
        } catch (thrown) {
          subscriber.error(thrown);
        }
      },
      error: (thrown) => subscriber.error(thrown),
      complete: () => subscriber.complete(),
    });
  });
}

/** What an element costs while it waits. A record without bytes of its own counts as a small one. */
export function heldBytes(element: Element<unknown>): number {
  if (element.kind !== 'chunk') return 0;
  return element.input === undefined ? element.length * COMPUTED_RECORD_BYTES : element.input.bytes.length;
}

const COMPUTED_RECORD_BYTES = 256;
