/**
 * What flows between operators: chunks of records, watermarks and barriers, in band and in order.
 * Nothing is emitted per record; an operator pays RxJS once a chunk and then loops over plain arrays.
 */
import type { LogRecord, RecordBatch } from './record-batch.ts';
import type { Rejection } from './rejection.ts';

export type Element<T> = Chunk<T> | Watermark | Barrier;

/** The partition a record came from. It stays with the record through merges; identity is by reference in a task. */
export interface Origin {
  /** Node id of the source, or of the window whose results these are. */
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
}

/** "No record with an event time < `time` is expected any more", over all partitions above. */
export class Watermark {
  readonly kind = 'watermark';
  readonly time: number;
  constructor(time: number) {
    this.time = time;
  }
}

/** Separates what belongs to checkpoint `epoch` from what comes after it. */
export class Barrier {
  readonly kind = 'barrier';
  readonly epoch: number;
  constructor(epoch: number) {
    this.epoch = epoch;
  }
}

/** The columns of a chunk that belong to its records whatever their values are. */
export interface ChunkColumns {
  readonly origin: Origin;
  /** The original bytes, or `undefined` for records that an operator computed (window results). */
  readonly input: RecordBatch | undefined;
  /** The row of `input` behind each record; `undefined` when record i is row i. */
  readonly rows: Int32Array | undefined;
  /** Event time of each record, epoch ms; the log's timestamp above `watermark()`. */
  readonly times: Float64Array;
  /** Watermark of the record's own partition just before it; `undefined` above `watermark()`. */
  readonly watermarks: Float64Array | undefined;
  /** What `keyBy` chose; `undefined` above it. */
  readonly keys: readonly Key[] | undefined;
  /** The partition's reader has nothing more to fetch behind this chunk. */
  readonly caughtUp: boolean;
}

/** What records can be grouped by. */
export type Key = string | number;

const NONE: readonly Rejection[] = [];
const NO_TIMES = new Float64Array(0);

/** Up to some thousand records of one partition, and the rejections on their way to a DLQ. */
export class Chunk<T> implements ChunkColumns {
  readonly kind = 'chunk';
  readonly origin: Origin;
  readonly input: RecordBatch | undefined;
  readonly rows: Int32Array | undefined;
  readonly times: Float64Array;
  readonly watermarks: Float64Array | undefined;
  readonly keys: readonly Key[] | undefined;
  readonly caughtUp: boolean;
  readonly length: number;
  readonly rejections: readonly Rejection[];
  /** The values are the records of `input`, row by row: a decoder can read the bytes instead. */
  readonly raw: boolean;
  /** Nobody but this chunk holds its values: where the plan does not branch, they may be changed in place. */
  readonly fresh: boolean;
  private materialised: readonly T[] | undefined;

  /** Values of `undefined` stand for the records of `columns.input`, made into objects only when a callback asks for them. */
  constructor(
    columns: ChunkColumns,
    values: readonly T[] | undefined,
    rejections: readonly Rejection[] = NONE,
    fresh = false,
  ) {
    this.origin = columns.origin;
    this.input = columns.input;
    this.rows = columns.rows;
    this.times = columns.times;
    this.watermarks = columns.watermarks;
    this.keys = columns.keys;
    this.caughtUp = columns.caughtUp;
    this.materialised = values;
    this.length = values === undefined ? (columns.input?.length ?? 0) : values.length;
    this.rejections = rejections;
    this.raw = values === undefined;
    this.fresh = fresh;
  }

  /** The records as they were read from the log; one chunk holds records of one batch. */
  static ofBatch(origin: Origin, input: RecordBatch, caughtUp: boolean): Chunk<LogRecord> {
    const columns = { origin, input, rows: undefined, times: input.timestamps, watermarks: undefined, keys: undefined };
    return new Chunk<LogRecord>({ ...columns, caughtUp }, undefined);
  }

  /** No records: a sign of life from a partition. */
  static empty(origin: Origin, caughtUp: boolean): Chunk<never> {
    const columns = { origin, input: undefined, rows: undefined, watermarks: undefined, keys: undefined, caughtUp };
    return new Chunk<never>({ ...columns, times: NO_TIMES }, []);
  }

  get values(): readonly T[] {
    if (this.materialised === undefined) {
      const input = this.input!;
      this.materialised = Array.from({ length: input.length }, (_, row) => input.record(row) as T);
    }
    return this.materialised;
  }

  /** The value of record `i`; the others need not be made for it. */
  value(i: number): T {
    return this.materialised === undefined ? (this.input!.record(i) as T) : this.materialised[i];
  }

  /** The row of `input` behind record `i`. */
  row(i: number): number {
    return this.rows === undefined ? i : this.rows[i];
  }

  /** Offset of record `i` in its log, or −1 for a computed record. */
  offset(i: number): number {
    return this.input === undefined ? -1 : this.input.offsets[this.row(i)];
  }

  /** The same records with other values. */
  withValues<U>(values: readonly U[], fresh = false): Chunk<U> {
    return new Chunk<U>(this, values, this.rejections, fresh);
  }

  /** The same records with other rejections. */
  withRejections(rejections: readonly Rejection[]): Chunk<T> {
    return new Chunk<T>(this, this.materialised, rejections, this.fresh);
  }

  /** The same records with some columns replaced. */
  withColumns(columns: Partial<ChunkColumns>): Chunk<T> {
    return new Chunk<T>({ ...columnsOf(this), ...columns }, this.materialised, this.rejections, this.fresh);
  }

  /** The records that were not rejected (rows rising), with `values` in place of theirs; the rejections join those carried from above. */
  without<U>(rejected: ReadonlyMap<number, Rejection>, values: readonly U[], fresh = false): Chunk<U> {
    const { times, watermarks, rows, input, keys } = this;
    const gaps = [...rejected.keys()];
    const n = this.length - gaps.length;
    return new Chunk<U>(
      {
        origin: this.origin,
        input,
        rows: input && withoutGaps(gaps, rows ?? firstRows(this.length), new Int32Array(n)),
        times: withoutGaps(gaps, times, new Float64Array(n)),
        watermarks: watermarks && withoutGaps(gaps, watermarks, new Float64Array(n)),
        keys: keys?.filter((_, i) => !rejected.has(i)),
        caughtUp: this.caughtUp,
      },
      values,
      [...this.rejections, ...rejected.values()],
      fresh,
    );
  }

  /** The records at `indices` (rising, repeats allowed), with `values` in place of theirs. */
  select<U>(
    indices: ArrayLike<number>,
    values: readonly U[],
    rejections: readonly Rejection[] = this.rejections,
    fresh = false,
  ): Chunk<U> {
    const n = indices.length;
    const times = new Float64Array(n);
    const watermarks = this.watermarks && new Float64Array(n);
    const rows = this.input && new Int32Array(n);
    const keys = this.keys && new Array<Key>(n);
    for (let i = 0; i < n; i++) {
      const from = indices[i];
      times[i] = this.times[from];
      if (watermarks) watermarks[i] = this.watermarks[from];
      if (rows) rows[i] = this.row(from);
      if (keys) keys[i] = this.keys[from];
    }
    return new Chunk<U>(
      { origin: this.origin, input: this.input, rows, times, watermarks, keys, caughtUp: this.caughtUp },
      values,
      rejections,
      fresh,
    );
  }
}

/** The columns of a chunk as a plain object. */
export function columnsOf(chunk: ChunkColumns): ChunkColumns {
  const { origin, input, rows, times, watermarks, keys, caughtUp } = chunk;
  return { origin, input, rows, times, watermarks, keys, caughtUp };
}

/** Shorter runs a loop copies faster than a view of them. */
const LONG_RUN = 32;

/** All of `source` but what is at `gaps` (rising), as `target`. */
function withoutGaps<A extends Int32Array | Float64Array>(gaps: readonly number[], source: A, target: A): A {
  let from = 0;
  let at = 0;
  for (let gap = 0; gap <= gaps.length; gap++) {
    const end = gap < gaps.length ? gaps[gap] : source.length;
    const length = end - from;
    if (length >= LONG_RUN) target.set(source.subarray(from, end), at);
    else for (let i = 0; i < length; i++) target[at + i] = source[from + i];
    at += length;
    from = end + 1;
  }
  return target;
}

/** 0, 1, 2 …: the rows of a chunk that has all of its batch. */
function firstRows(length: number): Int32Array {
  if (length > counted.length) counted = Int32Array.from({ length: length * 2 }, (_, i) => i);
  return counted.subarray(0, length);
}

let counted = new Int32Array(0);
