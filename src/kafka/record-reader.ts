/** Reads the records of a batch one after the other, out of bytes that may be broken: nothing is read beyond `end`. */
import type { Header } from '../core/record-batch.ts';

/** Bytes of the longest varint, which holds 64 bits. */
const MAX_VARINT_BYTES = 10;
/** A header takes at least so many bytes: a key and a value without any. */
const MIN_HEADER_BYTES = 2;

/** What a record cannot be read for; whoever knows the place makes a message of it. */
export class BrokenRecord extends Error {}

export class RecordReader {
  at: number;
  /** Of the record that `startRecord` has begun. */
  timeDelta = 0;
  offsetDelta = 0;
  private recordEnd = 0;
  private readonly data: Uint8Array;
  private readonly end: number;

  constructor(data: Uint8Array, at: number, end: number) {
    this.data = data;
    this.at = at;
    this.end = end;
  }

  startRecord(): void {
    const length = this.varint();
    this.recordEnd = this.at + length;
    if (!(length >= 0 && this.recordEnd <= this.end)) throw new BrokenRecord(`a record claims ${length} bytes`);
    // One byte of attributes, which mean nothing yet.
    this.at++;
    this.timeDelta = this.varint();
    this.offsetDelta = this.varint();
  }

  endRecord(): void {
    if (this.at !== this.recordEnd) throw new BrokenRecord('a record ends at another byte than it says');
  }

  /** Where the next bytes start, −1 for null; `at` is then their end. */
  bytes(): number {
    const length = this.varint();
    if (length === -1) return -1;
    const start = this.at;
    this.at += length;
    if (!(length >= 0 && this.at <= this.recordEnd)) throw new BrokenRecord(`a key or value claims ${length} bytes`);
    return start;
  }

  /** The number of headers that follow. */
  headerCount(): number {
    const count = this.varint();
    if (!(count >= 0 && count * MIN_HEADER_BYTES <= this.recordEnd - this.at)) {
      throw new BrokenRecord(`a record claims ${count} headers`);
    }
    return count;
  }

  header(): Header {
    const key = this.bytes();
    if (key < 0) throw new BrokenRecord('a header has no key');
    const name = Buffer.from(this.data.buffer, this.data.byteOffset + key, this.at - key).toString();
    const value = this.bytes();
    return { key: name, value: value < 0 ? new Uint8Array() : this.data.subarray(value, this.at) };
  }

  private varint(): number {
    const bits = this.data[this.at++];
    return bits < 128 ? (bits >>> 1) ^ -(bits & 1) : this.longVarint(bits);
  }

  /** Exact up to 2^53 either way; see varint.ts. */
  private longVarint(first: number): number {
    const { data } = this;
    let byte = data[this.at++];
    let magnitude = ((first & 127) >>> 1) | ((byte & 127) << 6);
    const isNegative = (first & 1) !== 0;
    const last = this.at + MAX_VARINT_BYTES - 2;
    for (let factor = 8_192; byte > 127; factor *= 128) {
      if (this.at === last) throw new BrokenRecord('a number does not end');
      byte = data[this.at++];
      magnitude += (byte & 127) * factor;
    }
    return isNegative ? -1 - magnitude : magnitude;
  }
}
