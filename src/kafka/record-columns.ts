/** Fills the columns of a RecordBatch with the records of several of Kafka's batches. */
import { type Header, RecordBatch } from '../core/record-batch.ts';
import { BrokenRecord, RecordReader } from './record-reader.ts';

/** A header costs far more memory than its bytes: no more than so many are taken at once. */
const MAX_HEADERS = 250_000;
const NO_HEADERS: readonly Header[] = [];

/** What the header of a batch says about all its records. */
export interface BatchHead {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly baseTime: number;
  readonly maxTime: number;
  readonly count: number;
}

export class ColumnBuilder {
  /** No more rows are to be added, since they have too many headers. */
  isFull = false;
  private readonly bytes: Buffer;
  /** The first that is wanted: rows before it are read, and left out. */
  private readonly firstOffset: number;
  private readonly offsets: Float64Array;
  private readonly timestamps: Float64Array;
  private readonly slices: Int32Array;
  private rows = 0;
  /** Headers are rare: nothing is kept until there is one. */
  private headerLists: (readonly Header[])[] | undefined;
  private headers = 0;

  constructor(bytes: Buffer, rows: number, firstOffset: number) {
    this.bytes = bytes;
    this.firstOffset = firstOffset;
    this.offsets = new Float64Array(rows);
    this.timestamps = new Float64Array(rows);
    this.slices = new Int32Array(rows * 4);
  }

  /** @throws BrokenRecord */
  add(head: BatchHead, start: number, end: number, isAppendTime: boolean): void {
    const { baseOffset, baseTime, maxTime, nextOffset } = head;
    const { offsets, timestamps, slices, firstOffset } = this;
    const reader = new RecordReader(this.bytes, start, end);
    let row = this.rows;
    let minOffset = baseOffset;
    for (let left = head.count; left > 0; left--) {
      reader.startRecord();
      const offset = baseOffset + reader.offsetDelta;
      if (!(offset >= minOffset && offset < nextOffset)) throw new BrokenRecord(`a record claims offset ${offset}`);
      minOffset = offset + 1;
      offsets[row] = offset;
      timestamps[row] = isAppendTime ? maxTime : baseTime + reader.timeDelta;
      const at = row * 4;
      const key = reader.bytes();
      slices[at] = key;
      slices[at + 1] = key < 0 ? -1 : reader.at;
      const value = reader.bytes();
      slices[at + 2] = value;
      slices[at + 3] = value < 0 ? -1 : reader.at;
      const headers = reader.headerCount();
      if (headers > 0 && !this.hasRoomFor(headers, row)) break;
      if (headers > 0 || this.headerLists !== undefined) this.setHeaders(reader, headers, row);
      reader.endRecord();
      if (offset < firstOffset) continue;
      this.headers += headers;
      row++;
    }
    this.rows = row;
    if (!this.isFull && reader.at !== end) throw new BrokenRecord('there are bytes behind the last record of a batch');
  }

  /** `undefined` without a single row. */
  finish(fields: Pick<RecordBatch, 'topic' | 'partition' | 'timestampType'>): RecordBatch | undefined {
    const { rows } = this;
    if (rows === 0) return undefined;
    const headerLists = this.headerLists?.slice(0, rows);
    while (headerLists !== undefined && headerLists.length < rows) headerLists.push(NO_HEADERS);
    return new RecordBatch({
      ...fields,
      offsets: this.offsets.subarray(0, rows),
      timestamps: this.timestamps.subarray(0, rows),
      bytes: this.bytes,
      slices: this.slices.subarray(0, rows * 4),
      headerLists,
    });
  }

  private hasRoomFor(headers: number, row: number): boolean {
    if (headers > MAX_HEADERS) throw new BrokenRecord(`a record has ${headers} headers, more than ${MAX_HEADERS}`);
    this.isFull = row > 0 && this.headers + headers > MAX_HEADERS;
    return !this.isFull;
  }

  private setHeaders(reader: RecordReader, count: number, row: number): void {
    this.headerLists ??= [];
    while (this.headerLists.length < row) this.headerLists.push(NO_HEADERS);
    this.headerLists[row] = count === 0 ? NO_HEADERS : Array.from({ length: count }, () => reader.header());
  }
}
