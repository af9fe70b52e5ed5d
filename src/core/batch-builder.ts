/** Collects records for one partition until they are appended, in memory that is used again. */
import { copyBytes } from './copy-bytes.ts';
import { ReusedMemory } from './reused-memory.ts';
import { type Header, RecordBatch, type RecordValue, type SplicedValue } from './record-batch.ts';

/** What a log's driver may bring of its own, to write records only once as they travel. */
export interface BatchBuilder {
  readonly partition: number;
  readonly length: number;
  /** Bytes of all records so far. */
  readonly byteLength: number;
  /** What it takes to keep it for later. */
  readonly memoryBytes: number;
  /** Whether most of its memory was not needed lately. */
  readonly isTooLarge: boolean;
  /** Adds one record, strings as UTF-8, and returns the bytes it took; below 0: it is for the next batch. */
  add(key: string | Uint8Array | null, value: RecordValue, timestamp: number, headers?: readonly Header[]): number;
  /** The batch; the builder must not be used after it, or `reset` when nobody needs the batch any more. */
  finish(): RecordBatch;
  /** Begins anew in the memory of the batch before. */
  reset(): void;
}

/** What `add` returns when the batch is full. */
export const FULL = -1;

/** Up to this length a loop of our own writes a text faster than a call of Node does. */
export const SHORT_TEXT = 32;
const MAX_ASCII = 127;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_UTF8_PER_UNIT = 3;
const NO_HEADERS: readonly Header[] = [];

/** Keys and values one behind the other; offsets are the log's to give and stay 0 until then. */
export class RecordBatchBuilder implements BatchBuilder {
  readonly topic: string;
  readonly partition: number;
  private readonly maxBytes: number;
  private readonly columns = new BatchColumns();
  private readonly memory = new ReusedMemory();
  private used = 0;

  /** `maxBytes`: a batch is full when one more record would make it longer. */
  constructor(topic: string, partition: number, maxBytes = Number.POSITIVE_INFINITY) {
    this.topic = topic;
    this.partition = partition;
    this.maxBytes = maxBytes;
  }

  get length(): number {
    return this.columns.length;
  }

  get byteLength(): number {
    return this.used;
  }

  get memoryBytes(): number {
    return this.memory.buffer.length;
  }

  get isTooLarge(): boolean {
    return this.memory.isTooLarge;
  }

  add(key: string | Uint8Array | null, value: RecordValue, timestamp: number, headers?: readonly Header[]): number {
    const { columns, used: before } = this;
    const most = mostBytes(key) + mostBytes(value);
    if (before + most > this.maxBytes && columns.length > 0) return FULL;
    this.memory.reserve(before, before + most);
    const row = columns.add(timestamp, headers);
    const keyStart = this.put(key);
    columns.slice(row * 4, keyStart, this.used);
    const valueStart = this.put(value);
    columns.slice(row * 4 + 2, valueStart, this.used);
    return this.used - before;
  }

  finish(): RecordBatch {
    const { topic, partition, columns, memory, used } = this;
    return new RecordBatch({ topic, partition, ...columns.finish(), bytes: memory.buffer.subarray(0, used) });
  }

  reset(): void {
    this.memory.reset(this.used);
    this.used = 0;
    this.columns.reset();
  }

  /** Where it begins; −1 for null. */
  private put(data: RecordValue): number {
    const { buffer, view } = this.memory;
    const start = this.used;
    if (data === null) return -1;
    if (typeof data === 'string') {
      this.used = writeShortAscii(data, view, start) ?? start + buffer.write(data, start);
    } else if (data instanceof Uint8Array) {
      buffer.set(data, start);
      this.used += data.length;
    } else {
      this.used = writeSpliced(data, view, start);
    }
    return start;
  }
}

const INITIAL_RECORDS = 64;

/** What a builder keeps of its records beside their bytes. */
export class BatchColumns {
  length = 0;
  private slices = new Int32Array(INITIAL_RECORDS * 4);
  private timestamps = new Float64Array(INITIAL_RECORDS);
  /** Never written to. */
  private offsets = new Float64Array(INITIAL_RECORDS);
  private headerLists: (readonly Header[])[] | undefined;

  /** Returns the row of the record. */
  add(timestamp: number, headers: readonly Header[] | undefined): number {
    const row = this.length;
    if (row === this.timestamps.length) this.grow();
    this.timestamps[row] = timestamp;
    if (headers !== undefined && headers.length > 0) {
      this.headerLists ??= [];
      while (this.headerLists.length < row) this.headerLists.push(NO_HEADERS);
      this.headerLists.push(headers);
    } else {
      this.headerLists?.push(NO_HEADERS);
    }
    this.length++;
    return row;
  }

  /** A start of −1 stands for null. */
  slice(at: number, start: number, end: number): void {
    this.slices[at] = start;
    this.slices[at + 1] = start < 0 ? -1 : end;
  }

  finish(): Pick<RecordBatch, 'timestampType' | 'offsets' | 'timestamps' | 'slices' | 'headerLists'> {
    const { length, headerLists } = this;
    return {
      timestampType: 'create',
      offsets: this.offsets.subarray(0, length),
      timestamps: this.timestamps.subarray(0, length),
      slices: this.slices.subarray(0, length * 4),
      headerLists,
    };
  }

  reset(): void {
    this.length = 0;
    this.headerLists = undefined;
  }

  private grow(): void {
    const slices = new Int32Array(this.slices.length * 2);
    slices.set(this.slices);
    this.slices = slices;
    const timestamps = new Float64Array(this.timestamps.length * 2);
    timestamps.set(this.timestamps);
    this.timestamps = timestamps;
    this.offsets = new Float64Array(timestamps.length);
  }
}

/** Where a short text in ASCII ends that is written at `start`, `undefined` for any other. */
export function writeShortAscii(text: string, target: DataView, start: number): number | undefined {
  const { length } = text;
  if (length > SHORT_TEXT) return undefined;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > MAX_ASCII) return undefined;
    target.setUint8(start + i, code);
  }
  return start + length;
}

/** Returns where it ends. */
export function writeSpliced({ bytes, from, to, tail }: SplicedValue, target: DataView, start: number): number {
  copyBytes(bytes, from, to, target, start);
  const end = start + to - from;
  copyBytes(tail, 0, tail.byteLength, target, end);
  return end + tail.byteLength;
}

/** The bytes of a text are guessed from above. */
export function mostBytes(data: RecordValue): number {
  if (data === null) return 0;
  if (typeof data === 'string') return data.length * MAX_UTF8_PER_UNIT;
  if (data instanceof Uint8Array) return data.length;
  return data.to - data.from + data.tail.byteLength;
}
