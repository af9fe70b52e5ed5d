/** Memory that grows with what is written into it, and is written into again: a page that was not used before costs far more. */
import { viewOf } from './copy-bytes.ts';

const INITIAL_BYTES = 4_096;
/** Memory that is this many times what was needed lately is too large. */
const MAX_SPARE = 4;

export class ReusedMemory {
  buffer: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  /** The same bytes. Not a Buffer: code that writes into both kinds is slower. */
  bytes = plain(this.buffer);
  /** The same bytes, to be read and written by the word. */
  view = viewOf(this.buffer);
  /** Bytes that were needed, those of long ago less. */
  private needed = 0;

  /** Makes room up to `end`; the first `used` bytes stay. */
  reserve(used: number, end: number): void {
    if (end <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, end));
    larger.set(this.buffer.subarray(0, used));
    this.buffer = larger;
    this.bytes = plain(larger);
    this.view = viewOf(larger);
  }

  /** Its `used` bytes are not needed any more. */
  reset(used: number): void {
    this.needed = Math.max(used, this.needed / 2);
  }

  /** Whether most of it was not needed the last few times. */
  get isTooLarge(): boolean {
    return this.buffer.length > INITIAL_BYTES && this.needed * MAX_SPARE < this.buffer.length;
  }
}

function plain({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
