/** The bytes that a decoder of a compressed format has written so far, up to a limit that it cannot pass. */

const INITIAL_RATIO = 4;
const MIN_BYTES = 1_024;
/** Up to here a loop is faster than a call. */
const SHORT = 32;

export class Unpacked {
  bytes: Uint8Array;
  length = 0;
  private readonly limit: number;

  constructor(packedBytes: number, limit: number) {
    this.limit = limit;
    this.bytes = new Uint8Array(Math.min(limit, Math.max(MIN_BYTES, packedBytes * INITIAL_RATIO)));
  }

  finish(): Buffer {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.length);
  }

  /** @throws RangeError when the limit is passed or the source ends before `end` */
  append(source: Uint8Array, start: number, end: number): void {
    if (!(start <= end && end <= source.length)) throw new RangeError('it ends too early');
    this.reserve(end - start);
    const { bytes } = this;
    let to = this.length;
    if (end - start > SHORT) bytes.set(source.subarray(start, end), to);
    else for (let at = start; at < end; at++) bytes[to++] = source[at];
    this.length += end - start;
  }

  /** Writes again what was written `distance` bytes ago; what is being written counts, too. */
  repeat(distance: number, count: number): void {
    const from = this.length - distance;
    if (!(distance > 0 && from >= 0)) throw new RangeError('it refers to bytes before its start');
    this.reserve(count);
    const { bytes, length } = this;
    if (count > SHORT && distance >= count) bytes.copyWithin(length, from, from + count);
    else for (let i = 0; i < count; i++) bytes[length + i] = bytes[from + i];
    this.length += count;
  }

  fill(byte: number, count: number): void {
    this.reserve(count);
    this.bytes.fill(byte, this.length, this.length + count);
    this.length += count;
  }

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (needed > this.limit) throw new RangeError(`it grows beyond ${this.limit} bytes`);
    const larger = new Uint8Array(Math.min(this.limit, Math.max(needed, this.bytes.length * 2)));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
