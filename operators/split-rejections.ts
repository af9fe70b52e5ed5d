import { concatMap, map as rxMap, type Observable } from 'rxjs';
import { Chunk, type Element } from '../src/core/element.ts';
import type { NodeContext, PlanNode } from '../src/core/operator.ts';
import type { Header } from '../src/core/record-batch.ts';
import { type Rejection, type RejectionKind, textOfComputed } from '../src/core/rejection.ts';
import { Stream } from '../src/core/stream.ts';
import { countIn, countOut } from './core/process.ts';

/** A record that was rejected, as a value: what a quarantine keeps. */
export interface RejectedRecord<K extends RejectionKind = RejectionKind> {
  readonly kind: K;
  /** For a person: what is wrong, and where in the record. */
  readonly reason: string;
  /** Node id of the step that rejected it. */
  readonly step: string;
  /** Where the record stands in the log; for one that an operator computed, that operator. */
  readonly topic: string;
  readonly partition: number;
  /** −1 for a record that an operator computed. */
  readonly offset: number;
  /** The log's timestamp, epoch milliseconds; the event time for a record that an operator computed. */
  readonly timestamp: number;
  /** The bytes as they came; `String(key)` is their text, if they are one. A record that an operator computed has none. */
  readonly key: Buffer | null;
  /** The bytes as they came; of a record that an operator computed, its value as JSON. */
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
  /** Event time where the step stands below `watermark()`, else the log's timestamp; epoch milliseconds. */
  readonly time: number;
}

/**
 * Parts a stream into what was accepted and what was rejected above, both of them streams: for a quarantine that is a file
 * or a table, where `toDLQ` writes a topic.
 *
 * `Stream<T, E> → [Stream<T>, Stream<RejectedRecord>]` · both halves have to lead to a sink · each in order, and each
 * rejection once; the rejected ones have no event time any more, so that a window over them wants a `watermark()` of its
 * own · no state · delivery as for the sinks below · a key of `keyBy` is not kept.
 *
 * @throws MillraceError PLAN_INVALID when one half is not used, or the stream is used besides
 * @example
 * ```ts
 * const [events, rejected] = splitRejections(kafka('events').pipe(decodeJson()));
 * export default pipeline(
 *   'quarantine',
 *   events.pipe(sinkKafka('good')),
 *   rejected.pipe(
 *     map(({ value, reason }) => ({ bad_json: String(value), reason })),
 *     sinkJsonl('quarantine.jsonl'),
 *   ),
 * );
 * ```
 */
export function splitRejections<T, E extends RejectionKind>(
  stream: Stream<T, E>,
): readonly [accepted: Stream<T>, rejected: Stream<RejectedRecord<E>>] {
  const accepted = half(stream.node, 'accepted', (ctx, input) => acceptedOf(ctx, input));
  const rejected = half(stream.node, 'rejected', (ctx, input) => rejectedOf(ctx, input));
  return [new Stream(accepted), new Stream(rejected)];
}

function half(input: PlanNode, name: 'accepted' | 'rejected', build: HalfBuild): PlanNode {
  return {
    kind: 'splitRejections',
    name,
    role: 'operator',
    inputs: [input],
    options: {},
    stateful: false,
    adds: [],
    takes: name === 'rejected' ? 'all' : 'none',
    receives: name === 'rejected' ? 'rejections' : 'records',
    keepsValues: name === 'accepted' ? true : undefined,
    topics: [],
    build: (ctx, [elements]) => build(ctx, elements),
  };
}

type HalfBuild = (ctx: NodeContext, input: Observable<Element<unknown>>) => Observable<Element<unknown>>;

function acceptedOf(ctx: NodeContext, input: Observable<Element<unknown>>): Observable<Element<unknown>> {
  return input.pipe(
    rxMap((element) => {
      if (element.kind === 'barrier') ctx.cut(element);
      return element.kind === 'chunk' ? pass(ctx, element.withRejections([])) : element;
    }),
  );
}

function rejectedOf(ctx: NodeContext, input: Observable<Element<unknown>>): Observable<Element<unknown>> {
  return input.pipe(
    concatMap((element): Element<unknown>[] => {
      if (element.kind === 'chunk') return chunksOf(ctx, element).map((chunk) => pass(ctx, chunk));
      if (element.kind === 'barrier') ctx.cut(element);
      // Watermarks speak of the records that were accepted; the end of time is the end of these, too.
      return element.kind === 'watermark' && element.time !== Number.POSITIVE_INFINITY ? [] : [element];
    }),
  );
}

function pass<T>(ctx: NodeContext, chunk: Chunk<T>): Chunk<T> {
  countIn(ctx, chunk);
  ctx.counts.passed += chunk.length;
  countOut(ctx, chunk);
  return chunk;
}

/** The rejections of a chunk as chunks of records, each of one batch; a chunk without any is still a sign of life. */
function chunksOf(ctx: NodeContext, chunk: Chunk<unknown>): Chunk<RejectedRecord>[] {
  const chunks: Chunk<RejectedRecord>[] = [];
  const { rejections } = chunk;
  for (let from = 0, to = 0; from < rejections.length; from = to) {
    const { input, origin } = rejections[from];
    while (to < rejections.length && rejections[to].input === input && rejections[to].origin === origin) to++;
    const isLast = to === rejections.length && origin === chunk.origin;
    chunks.push(chunkOf(rejections.slice(from, to), isLast && chunk.caughtUp));
  }
  if (rejections.at(-1)?.origin !== chunk.origin && ctx.origins.includes(chunk.origin)) {
    chunks.push(Chunk.empty(chunk.origin, chunk.caughtUp));
  }
  return chunks;
}

/** Rejections of one batch and origin. */
function chunkOf(rejections: readonly Rejection[], caughtUp: boolean): Chunk<RejectedRecord> {
  const [{ input, origin }] = rejections;
  const columns = {
    origin,
    input,
    rows: input && Int32Array.from(rejections, ({ row }) => row),
    times: Float64Array.from(rejections, ({ time }) => time),
    watermarks: undefined,
    keys: undefined,
    caughtUp,
  };
  return new Chunk(columns, rejections.map(recordOf), [], true);
}

function recordOf({ kind, reason, operator, origin, time, input, row, value }: Rejection): RejectedRecord {
  const where = { kind, reason, step: operator, topic: origin.topic, partition: origin.partition };
  if (input === undefined) {
    const bytes = Buffer.from(textOfComputed(value));
    return { ...where, offset: -1, timestamp: time, key: null, value: bytes, headers: [], time };
  }
  const { offset, timestamp, ...record } = input.record(row);
  return { ...where, offset, timestamp, key: record.key, value: record.value, headers: record.headers, time };
}
