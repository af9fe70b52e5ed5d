/**
 * LZ4 frames, as all of Kafka's clients write them.
 *
 * A decoder of our own because it must not write more than it was allowed to, whatever its input claims. Checksums of a
 * frame are not looked at: the record batch around it has one.
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
import { BLOCK_BYTES, copyLiterals, findMatches, matches } from './matches.ts';
import { Unpacked } from './unpacked.ts';

const FRAME_MAGIC = 0x184d2204;
/** Magic, version 1 with independent blocks and no checksums, blocks of 64 KiB, and the checksum of these two bytes. */
const FRAME_HEAD = Buffer.from('04224d18604082', 'hex');
const VERSION_MASK = 0xc0;
const VERSION = 0x40;
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const DICTIONARY = 0x01;
const STORED = 0x80000000;
const MIN_MATCH = 4;
/** The length in a token from here on goes on behind it. */
const LONG = 15;

/** @throws RangeError for input that is broken, or that grows beyond `limit` bytes */
export function unpackLz4(packed: Buffer, limit: number): Buffer {
  if (packed.length < FRAME_HEAD.length || packed.readUInt32LE(0) !== FRAME_MAGIC) {
    throw new RangeError('it does not begin as an LZ4 frame does');
  }
  const flags = packed[4];
  if ((flags & VERSION_MASK) !== VERSION || (flags & DICTIONARY) !== 0) {
    throw new RangeError('it is an LZ4 frame of an unknown kind');
  }
  const checksumBytes = (flags & BLOCK_CHECKSUM) === 0 ? 0 : 4;
  const out = new Unpacked(packed.length, limit);
  for (let at = FRAME_HEAD.length + ((flags & CONTENT_SIZE) === 0 ? 0 : 8); ; ) {
    if (at + 4 > packed.length) throw new RangeError('it ends too early');
    const size = packed.readUInt32LE(at);
    if (size === 0) return out.finish();
    const start = at + 4;
    const end = start + (size >= STORED ? size - STORED : size);
    if (end > packed.length) throw new RangeError('it ends too early');
    if (size >= STORED) out.append(packed, start, end);
    else unpackBlock(packed, start, end, out);
    at = end + checksumBytes;
  }
}

function unpackBlock(packed: Uint8Array, start: number, end: number, out: Unpacked): void {
  for (let at = start; at < end; ) {
    const token = packed[at++];
    let literals = token >>> 4;
    if (literals === LONG) {
      let byte = 255;
      for (; byte === 255; literals += byte) byte = packed[at++];
    }
    // Reading past the end of the block has made it NaN, or `at` is beyond it.
    if (!(at + literals <= end)) throw new RangeError('a literal ends too late');
    out.append(packed, at, at + literals);
    at += literals;
    if (at === end) return;
    const distance = packed[at] | (packed[at + 1] << 8);
    at += 2;
    let length = (token & LONG) + MIN_MATCH;
    if (length === LONG + MIN_MATCH) {
      let byte = 255;
      for (; byte === 255; length += byte) byte = packed[at++];
    }
    if (at > end) throw new RangeError('a block ends too early');
    out.repeat(distance, length);
  }
  throw new RangeError('a block ends without literals');
}

export function packLz4(plain: Uint8Array): Buffer {
  const blocks = Math.ceil(plain.length / BLOCK_BYTES);
  // A block that compression does not shorten is stored, but one is written before that is known.
  const room = plain.length + Math.ceil(BLOCK_BYTES / 255) + 16;
  const packed = Buffer.allocUnsafe(FRAME_HEAD.length + room + blocks * 4 + 4);
  packed.set(FRAME_HEAD);
  let at = FRAME_HEAD.length;
  for (let start = 0; start < plain.length; start += BLOCK_BYTES) {
    const end = Math.min(plain.length, start + BLOCK_BYTES);
    const from = at + 4;
    at = packBlock(plain, start, end, packed, from);
    if (at - from < end - start) {
      packed.writeUInt32LE(at - from, from - 4);
    } else {
      packed.set(plain.subarray(start, end), from);
      packed.writeUInt32LE(STORED + end - start, from - 4);
      at = from + end - start;
    }
  }
  packed.writeUInt32LE(0, at);
  return packed.subarray(0, at + 4);
}

function packBlock(plain: Uint8Array, start: number, end: number, packed: Uint8Array, to: number): number {
  let at = to;
  let from = start;
  const found = findMatches(plain, start, end);
  for (let i = 0; i < found; i += 3) {
    const distance = matches[i + 1];
    const length = matches[i + 2] - MIN_MATCH;
    at = writeLiterals(plain, from, matches[i], Math.min(length, LONG), packed, at);
    packed[at++] = distance & 255;
    packed[at++] = distance >>> 8;
    if (length >= LONG) at = writeLength(length - LONG, packed, at);
    from = matches[i] + matches[i + 2];
  }
  return writeLiterals(plain, from, end, 0, packed, at);
}

/** With the token in front of them, whose lower half is about the match behind them. */
function writeLiterals(
  plain: Uint8Array,
  start: number,
  end: number,
  matchBits: number,
  packed: Uint8Array,
  to: number,
): number {
  let at = to;
  const count = end - start;
  packed[at++] = (Math.min(count, LONG) << 4) | matchBits;
  if (count >= LONG) at = writeLength(count - LONG, packed, at);
  return copyLiterals(plain, start, end, packed, at);
}

function writeLength(length: number, packed: Uint8Array, to: number): number {
  let at = to;
  let left = length;
  for (; left >= 255; left -= 255) packed[at++] = 255;
  packed[at++] = left;
  return at;
}
