/**
 * What flows between operators: chunks of records, watermarks and barriers, in band and in order.
 * Nothing is emitted per record; an operator pays RxJS once a chunk and then loops over plain arrays.
 */
import type { RecordBatch } from './record-batch.ts';
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
  readonly values: readonly T[];
  readonly rejections: readonly Rejection[];

  constructor(columns: ChunkColumns, values: readonly T[], rejections: readonly Rejection[] = NONE) {
    this.origin = columns.origin;
    this.input = columns.input;
    this.rows = columns.rows;
    this.times = columns.times;
    this.watermarks = columns.watermarks;
    this.keys = columns.keys;
    this.caughtUp = columns.caughtUp;
    this.values = values;
    this.rejections = rejections;
  }

  get length(): number {
    return this.values.length;
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
  withValues<U>(values: readonly U[], rejections: readonly Rejection[] = this.rejections): Chunk<U> {
    return new Chunk<U>(this, values, rejections);
  }

  /** The same records with some columns replaced. */
  withColumns(columns: Partial<ChunkColumns>): Chunk<T> {
    return new Chunk<T>({ ...columnsOf(this), ...columns }, this.values, this.rejections);
  }

  /** The records at `indices` (rising, repeats allowed), with `values` in place of theirs. */
  select<U>(
    indices: ArrayLike<number>,
    values: readonly U[],
    rejections: readonly Rejection[] = this.rejections,
  ): Chunk<U> {
    const n = indices.length;
    const times = new Float64Array(n);
    const watermarks = this.watermarks && new Float64Array(n);
    const rows = this.input && new Int32Array(n);
    const keys = this.keys && new Array<Key>(n);
    for (let i = 0; i < n; i++) {
      const from = indices[i];
      times[i] = this.times[from];
      if (watermarks) watermarks[i] = this.watermarks![from];
      if (rows) rows[i] = this.row(from);
      if (keys) keys[i] = this.keys![from];
    }
    return new Chunk<U>(
      { origin: this.origin, input: this.input, rows, times, watermarks, keys, caughtUp: this.caughtUp },
      values,
      rejections,
    );
  }
}

/** The columns of a chunk as a plain object. */
export function columnsOf(chunk: ChunkColumns): ChunkColumns {
  const { origin, input, rows, times, watermarks, keys, caughtUp } = chunk;
  return { origin, input, rows, times, watermarks, keys, caughtUp };
}
