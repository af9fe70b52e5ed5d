/** `process`: the core of every stateless step, a pure function from chunk to chunk. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { map as rxMap, type Observable } from 'rxjs';
import { type Chunk, type Element } from '../../src/core/element.ts';
import { MillraceError, messageOf } from '../../src/core/errors.ts';
import type { NodeContext, OnThrow, PlainOptions, PlanNode, PlanRequirement } from '../../src/core/operator.ts';
import type { Rejection, RejectionKind } from '../../src/core/rejection.ts';
import { type AnyStream, Stream } from '../../src/core/stream.ts';

export interface ProcessSpec<T, U> {
  readonly kind: string;
  readonly name?: string;
  readonly options?: PlainOptions;
  readonly adds?: readonly RejectionKind[];
  readonly onThrow?: OnThrow | undefined;
  readonly requires?: PlanRequirement;
  /** What all values that leave the step were checked against. */
  readonly schema?: StandardSchemaV1;
  /** The step hands values on as they came, or drops them. */
  readonly keepsValues?: true;
  /** Called once a task; the function it returns is called for every chunk and accounts for its records in `ctx.counts`. */
  readonly logic: (ctx: NodeContext) => (chunk: Chunk<T>) => Chunk<U>;
}

/**
 * A step that looks at one chunk at a time and remembers nothing that a checkpoint would have to keep.
 *
 * `Chunk<T> → Chunk<U> (+ rejections)` · keeps order, watermarks and barriers · no state · holds nothing back.
 */
export function process<T, U, Adds extends RejectionKind = never>(spec: ProcessSpec<T, U>) {
  return <E extends RejectionKind>(stream: Stream<T, E>): Stream<U, E | Adds> => new Stream(processNode(stream, spec));
}

function processNode<T, U>(stream: AnyStream, spec: ProcessSpec<T, U>): PlanNode {
  return {
    kind: spec.kind,
    name: spec.name,
    role: 'operator',
    inputs: [stream.node],
    options: spec.options ?? {},
    stateful: false,
    adds: spec.adds ?? [],
    takes: 'none',
    onThrow: spec.onThrow,
    topics: [],
    requires: spec.requires,
    schema: spec.schema,
    keepsValues: spec.keepsValues,
    build(ctx, [input]) {
      const logic = spec.logic(ctx);
      return mapChunks(ctx, input as Observable<Element<T>>, logic);
    },
  };
}

/** Runs `logic` on chunks, counts what comes in and goes out, and lets the rest pass. */
export function mapChunks<T, U>(
  ctx: NodeContext,
  input: Observable<Element<T>>,
  logic: (chunk: Chunk<T>) => Chunk<U>,
): Observable<Element<U>> {
  return input.pipe(
    rxMap((element): Element<U> => {
      if (element.kind === 'chunk') {
        countIn(ctx, element);
        const out = logic(element);
        countOut(ctx, out);
        return out;
      }
      if (element.kind === 'barrier') ctx.cut(element);
      return element;
    }),
  );
}

export function countIn(ctx: NodeContext, chunk: Chunk<unknown>): void {
  ctx.counts.in += chunk.length;
  ctx.counts.carriedIn += chunk.rejections.length;
}

export function countOut(ctx: NodeContext, chunk: Chunk<unknown>): void {
  ctx.counts.emitted += chunk.length;
  ctx.counts.carriedOut += chunk.rejections.length;
}

/**
 * Calls `step` for every record; where it throws, the record is rejected as CallbackError and the loop goes on behind it
 * (or the pipeline stops, see `onThrow`). Returns the rejections. The try stands outside the loop, so that a chunk in
 * which nothing throws pays for one.
 */
export function forEachRecord<T>(
  ctx: NodeContext,
  chunk: Chunk<T>,
  step: (value: T, i: number) => void,
): readonly Rejection[] {
  const { values } = chunk;
  const n = values.length;
  let rejections: Rejection[] | undefined;
  let i = 0;
  while (i < n) {
    try {
      for (; i < n; i++) step(values[i], i);
    } catch (thrown) {
      rejections ??= [];
      rejections.push(callbackRejection(ctx, chunk, i, thrown));
      i++;
    }
  }
  return rejections ?? NONE;
}

const NONE: readonly Rejection[] = [];

/** One value for each: the chunk with `project` applied, without the records on which it threw. Counts them. */
export function projectRecords<T, U>(
  ctx: NodeContext,
  chunk: Chunk<T>,
  project: (value: T, i: number) => U,
  fresh = false,
): Chunk<U> {
  const values = new Array<U>(chunk.length);
  const rejections = forEachRecord(ctx, chunk, (value, i) => {
    values[i] = project(value, i);
  });
  ctx.counts.rejected += rejections.length;
  ctx.counts.passed += values.length - rejections.length;
  if (rejections.length === 0) return chunk.withValues(values, fresh);
  const kept: number[] = [];
  // A value that was never set is a hole, which `in` tells from one that is undefined.
  for (let i = 0; i < values.length; i++) if (i in values) kept.push(i);
  const all = joinRejections(chunk.rejections, rejections);
  return chunk.select(
    kept,
    kept.map((i) => values[i]),
    all,
    fresh,
  );
}

/** The rejection of record `i`. */
export function rejection<T>(
  ctx: NodeContext,
  chunk: Chunk<T>,
  i: number,
  kind: RejectionKind,
  reason: string,
  stack?: string,
): Rejection {
  return {
    kind,
    reason,
    operator: ctx.id,
    origin: chunk.origin,
    time: chunk.times[i],
    input: chunk.input,
    row: chunk.row(i),
    value: chunk.value(i),
    stack,
  };
}

/** @throws MillraceError CALLBACK_FAILED where a throw stops the pipeline. */
export function callbackRejection<T>(ctx: NodeContext, chunk: Chunk<T>, i: number, thrown: unknown): Rejection {
  if (thrown instanceof MillraceError) throw thrown;
  if (!ctx.rejectsThrows) throw callbackFailed(ctx, chunk, i, thrown);
  return rejection(
    ctx,
    chunk,
    i,
    'CallbackError',
    messageOf(thrown),
    thrown instanceof Error ? thrown.stack : undefined,
  );
}

export function callbackFailed<T>(ctx: NodeContext, chunk: Chunk<T>, i: number, thrown: unknown): MillraceError {
  return new MillraceError('CALLBACK_FAILED', `a callback threw: ${messageOf(thrown)}`, {
    place: { operator: ctx.id, topic: chunk.origin.topic, partition: chunk.origin.partition, offset: chunk.offset(i) },
    hint: 'mend the callback (DEBUG=millrace shows where) and start again: the pipeline goes on from its last checkpoint; a toDLQ() below a stateless step takes such records instead',
    cause: thrown,
  });
}

/** Rejections of a chunk, those carried from above first. */
export function joinRejections(carried: readonly Rejection[], added: readonly Rejection[]): readonly Rejection[] {
  if (added.length === 0) return carried;
  return carried.length === 0 ? added : [...carried, ...added];
}
