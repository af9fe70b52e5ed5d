/**
 * Records of one topic partition as flat columns over one buffer. A driver fills it from the wire or from a store,
 * operators read slices of it, and a rejected record finds its original bytes in it.
 */

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
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly tail: Uint8Array;
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
  private plainBytes: Uint8Array | undefined;

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

  /** `bytes` as a plain array: views of it cost less than a Buffer's. */
  get plain(): Uint8Array {
    return (this.plainBytes ??= new Uint8Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length));
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

const INITIAL_BYTES = 4_096;
const INITIAL_RECORDS = 64;
/** Memory that is this many times what was needed is not kept. */
const MAX_SPARE = 4;
/** Up to this length a loop of our own writes a text faster than a call of Node does. */
const SHORT_TEXT = 32;
const MAX_ASCII = 127;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_UTF8_PER_UNIT = 3;

/** Collects records for one partition into a batch; offsets are the log's to give and stay 0 until then. */
export class RecordBatchBuilder {
  private buffer: Buffer;
  private used = 0;
  private count = 0;
  private slices: Int32Array;
  private timestamps: Float64Array;
  private headerLists: (readonly Header[])[] | undefined;
  readonly topic: string;
  readonly partition: number;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
    this.buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    this.slices = new Int32Array(INITIAL_RECORDS * 4);
    this.timestamps = new Float64Array(INITIAL_RECORDS);
  }

  get length(): number {
    return this.count;
  }

  /** Bytes of keys and values collected so far. */
  get byteLength(): number {
    return this.used;
  }

  /** Adds one record and returns the bytes it took. Strings are written as UTF-8. */
  add(key: string | Uint8Array | null, value: RecordValue, timestamp: number, headers?: readonly Header[]): number {
    if (this.count === this.timestamps.length) this.growColumns();
    const before = this.used;
    this.put(key, this.count * 4);
    this.put(value, this.count * 4 + 2);
    this.timestamps[this.count] = timestamp;
    if (headers !== undefined && headers.length > 0) {
      this.headerLists ??= [];
      while (this.headerLists.length < this.count) this.headerLists.push(NO_HEADERS);
      this.headerLists.push(headers);
    } else {
      this.headerLists?.push(NO_HEADERS);
    }
    this.count++;
    return this.used - before;
  }

  /** The batch; the builder must not be used after it, or `reset` when nobody needs the batch any more. */
  finish(): RecordBatch {
    return new RecordBatch({
      topic: this.topic,
      partition: this.partition,
      timestampType: 'create',
      offsets: new Float64Array(this.count),
      timestamps: this.timestamps.subarray(0, this.count),
      bytes: this.buffer.subarray(0, this.used),
      slices: this.slices.subarray(0, this.count * 4),
      headerLists: this.headerLists,
    });
  }

  /** Begins anew in the memory of the batch before. Memory that was not used before costs far more than to write into it again. */
  reset(): void {
    this.used = 0;
    this.count = 0;
    this.headerLists = undefined;
  }

  /** Whether most of its memory was not needed. */
  get isOversized(): boolean {
    return this.buffer.length > INITIAL_BYTES && this.used * MAX_SPARE < this.buffer.length;
  }

  private put(data: RecordValue, at: number): void {
    if (data === null) {
      this.slices[at] = -1;
      this.slices[at + 1] = -1;
      return;
    }
    const start = this.used;
    if (typeof data === 'string') {
      this.reserve(data.length * MAX_UTF8_PER_UNIT);
      this.used = this.writeShort(data, start) ?? start + this.buffer.write(data, start);
    } else if (data instanceof Uint8Array) {
      this.reserve(data.length);
      this.buffer.set(data, start);
      this.used += data.length;
    } else {
      const { bytes, from, to, tail } = data;
      const length = to - from;
      this.reserve(length + tail.length);
      this.buffer.set(bytes.subarray(from, to), start);
      this.buffer.set(tail, start + length);
      this.used += length + tail.length;
    }
    this.slices[at] = start;
    this.slices[at + 1] = this.used;
  }

  /** Where a short text in ASCII ends, `undefined` for any other. */
  private writeShort(text: string, start: number): number | undefined {
    if (text.length > SHORT_TEXT) return undefined;
    const { buffer } = this;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > MAX_ASCII) return undefined;
      buffer[start + i] = code;
    }
    return start + text.length;
  }

  private reserve(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.used + bytes));
    larger.set(this.buffer.subarray(0, this.used));
    this.buffer = larger;
  }

  private growColumns(): void {
    const slices = new Int32Array(this.slices.length * 2);
    slices.set(this.slices);
    this.slices = slices;
    const timestamps = new Float64Array(this.timestamps.length * 2);
    timestamps.set(this.timestamps);
    this.timestamps = timestamps;
  }
}
