/**
 * Records of one topic partition as flat columns over one buffer. A driver fills it from the wire or from a store,
 * operators read slices of it, and a rejected record finds its original bytes in it.
 */
import { viewOf } from './copy-bytes.ts';
import type { JsonRows } from './json-rows.ts';
import type { ScannedRows } from './scanned-rows.ts';

export interface Header {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Whose time a record's timestamp is: the producer's, or the log's at the append. */
export type TimestampType = 'create' | 'append';

/** One record, as a user's callback sees it above any decoder. */
export interface LogRecord {
  /** `String(record.key)` is its text, if it is one. */
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds; `timestampType` says whose. */
  readonly timestamp: number;
  readonly timestampType: TimestampType;
}

/** A value that is bytes `from` to `to` of others, and more behind them. */
export interface SplicedValue {
  readonly bytes: DataView;
  readonly from: number;
  readonly to: number;
  readonly tail: DataView;
}

/** Texts are written as UTF-8. */
export type RecordValue = string | Uint8Array | SplicedValue | null;

const NO_HEADERS: readonly Header[] = [];

export class RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly timestampType: TimestampType;
  readonly length: number;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
  readonly bytes: Buffer;
  /** Start and end of each key and value in `bytes`: four numbers a record; a start of −1 stands for null. */
  readonly slices: Int32Array;
  readonly headerLists: readonly (readonly Header[])[] | undefined;
  /** Set by the decoder that read the values. */
  scanned: ScannedRows | undefined;
  jsonRows: JsonRows | undefined;
  private viewOfBytes: DataView | undefined;

  constructor(fields: {
    topic: string;
    partition: number;
    timestampType: TimestampType;
    offsets: Float64Array;
    timestamps: Float64Array;
    bytes: Uint8Array;
    slices: Int32Array;
    headerLists?: readonly (readonly Header[])[] | undefined;
  }) {
    this.topic = fields.topic;
    this.partition = fields.partition;
    this.timestampType = fields.timestampType;
    this.length = fields.offsets.length;
    this.offsets = fields.offsets;
    this.timestamps = fields.timestamps;
    const { bytes } = fields;
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.slices = fields.slices;
    this.headerLists = fields.headerLists;
  }

  key(row: number): Buffer | null {
    return this.slice(row * 4);
  }

  value(row: number): Buffer | null {
    return this.slice(row * 4 + 2);
  }

  headers(row: number): readonly Header[] {
    return this.headerLists?.[row] ?? NO_HEADERS;
  }

  record(row: number): LogRecord {
    return {
      key: this.key(row),
      value: this.value(row),
      headers: this.headers(row),
      topic: this.topic,
      partition: this.partition,
      offset: this.offsets[row],
      timestamp: this.timestamps[row],
      timestampType: this.timestampType,
    };
  }

  /** `bytes`, to be read by the word. */
  get view(): DataView {
    return (this.viewOfBytes ??= viewOf(this.bytes));
  }

  /** The offset a reader goes on from. */
  get nextOffset(): number {
    return this.offsets[this.length - 1] + 1;
  }

  /** Rows `from` to `to` (exclusive), over the same bytes. */
  subarray(from: number, to: number): RecordBatch {
    return new RecordBatch({
      topic: this.topic,
      partition: this.partition,
      timestampType: this.timestampType,
      offsets: this.offsets.subarray(from, to),
      timestamps: this.timestamps.subarray(from, to),
      bytes: this.bytes,
      slices: this.slices.subarray(from * 4, to * 4),
      headerLists: this.headerLists?.slice(from, to),
    });
  }

  private slice(at: number): Buffer | null {
    const start = this.slices[at];
    return start < 0 ? null : this.bytes.subarray(start, this.slices[at + 1]);
  }
}
