/**
 * Snappy as Kafka's clients write it: Java's in the frame of snappy-java (a head, then blocks behind their lengths),
 * librdkafka as one block without a frame. Read are both, written is Java's.
 *
 * A decoder of our own because it must not write more than it was allowed to, whatever its input claims.
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 * @see https://github.com/xerial/snappy-java#compatibility-notes
 */
import { BLOCK_BYTES, copyLiterals, findMatches, matches } from './matches.ts';
import { Unpacked } from './unpacked.ts';

/** `SNAPPY` between two bytes, then version 1, readable from version 1 on. */
const FRAME_HEAD = Buffer.from('82534e41505059000000000100000001', 'hex');
const FRAME_MAGIC = FRAME_HEAD.subarray(0, 8);
const MAX_PREAMBLE_BYTES = 5;
const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;
/** A literal's length from here on stands behind the tag, in one byte and in two. */
const LENGTH_IN_1 = 60;
const LENGTH_IN_2 = 61;
const MAX_COPY = 64;

/** @throws RangeError for input that is broken, or that grows beyond `limit` bytes */
export function unpackSnappy(packed: Buffer, limit: number): Buffer {
  const out = new Unpacked(packed.length, limit);
  if (packed.length < FRAME_HEAD.length || !packed.subarray(0, FRAME_MAGIC.length).equals(FRAME_MAGIC)) {
    unpackBlock(packed, 0, packed.length, out);
    return out.finish();
  }
  for (let at = FRAME_HEAD.length; at < packed.length; ) {
    const start = at + 4;
    if (start > packed.length) throw new RangeError('it ends too early');
    at = start + packed.readInt32BE(at);
    if (at < start || at > packed.length) throw new RangeError('a block has a wrong length');
    unpackBlock(packed, start, at, out);
  }
  return out.finish();
}

function unpackBlock(packed: Uint8Array, start: number, end: number, out: Unpacked): void {
  let at = start;
  let expected = 0;
  for (let factor = 1, byte = 128; byte > 127; factor *= 128) {
    if (at === end || at - start === MAX_PREAMBLE_BYTES) throw new RangeError('a block has no length');
    byte = packed[at++];
    expected += (byte & 127) * factor;
  }
  const outEnd = out.length + expected;
  while (at < end) {
    const tag = packed[at++];
    const kind = tag & 3;
    if (kind === LITERAL) {
      let length = (tag >>> 2) + 1;
      if (length > LENGTH_IN_1) {
        const bytes = length - LENGTH_IN_1;
        length = littleEndian(packed, at, bytes) + 1;
        at += bytes;
      }
      // Reading past the end of the data has made it NaN.
      if (!(at + length <= end)) throw new RangeError('a literal ends too late');
      out.append(packed, at, at + length);
      at += length;
    } else if (kind === COPY_1) {
      out.repeat(((tag >>> 5) << 8) | packed[at++], ((tag >>> 2) & 7) + 4);
    } else {
      const bytes = kind === COPY_2 ? 2 : 4;
      out.repeat(littleEndian(packed, at, bytes), (tag >>> 2) + 1);
      at += bytes;
    }
    if (out.length > outEnd) throw new RangeError('a block is longer than it says');
  }
  if (at !== end || out.length !== outEnd) throw new RangeError('a block is shorter than it says');
}

function littleEndian(data: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + data[at + i];
  return value;
}

export function packSnappy(plain: Uint8Array): Buffer {
  const blocks = Math.ceil(plain.length / BLOCK_BYTES);
  // What Snappy's own library reserves for a block, and the block's length in front of it.
  const packed = Buffer.allocUnsafe(FRAME_HEAD.length + plain.length + Math.ceil(plain.length / 6) + blocks * (32 + 4));
  packed.set(FRAME_HEAD);
  let at = FRAME_HEAD.length;
  for (let start = 0; start < plain.length; start += BLOCK_BYTES) {
    const from = at + 4;
    at = packBlock(plain, start, Math.min(plain.length, start + BLOCK_BYTES), packed, from);
    packed.writeInt32BE(at - from, from - 4);
  }
  return packed.subarray(0, at);
}

/** As one block without a frame, of any length. */
export function packSnappyBlock(plain: Uint8Array): Buffer {
  const packed = Buffer.allocUnsafe(MAX_PREAMBLE_BYTES + 32 + plain.length + Math.ceil(plain.length / 6));
  let at = writeLength(plain.length, packed, 0);
  for (let start = 0; start < plain.length; start += BLOCK_BYTES) {
    at = packElements(plain, start, Math.min(plain.length, start + BLOCK_BYTES), packed, at);
  }
  return packed.subarray(0, at);
}

function packBlock(plain: Uint8Array, start: number, end: number, packed: Uint8Array, to: number): number {
  return packElements(plain, start, end, packed, writeLength(end - start, packed, to));
}

function writeLength(length: number, packed: Uint8Array, to: number): number {
  let at = to;
  let left = length;
  for (; left > 127; left >>>= 7) packed[at++] = (left & 127) | 128;
  packed[at++] = left;
  return at;
}

/** Literals and copies; copies reach back to `start` only. */
function packElements(plain: Uint8Array, start: number, end: number, packed: Uint8Array, to: number): number {
  let at = to;
  const found = findMatches(plain, start, end);
  let literals = start;
  for (let i = 0; i < found; i += 3) {
    if (matches[i] > literals) at = writeLiteral(plain, literals, matches[i], packed, at);
    at = writeCopy(matches[i + 1], matches[i + 2], packed, at);
    literals = matches[i] + matches[i + 2];
  }
  return literals < end ? writeLiteral(plain, literals, end, packed, at) : at;
}

function writeLiteral(plain: Uint8Array, start: number, end: number, packed: Uint8Array, to: number): number {
  let at = to;
  const length = end - start - 1;
  if (length < LENGTH_IN_1) {
    packed[at++] = length << 2;
  } else if (length < 256) {
    packed[at++] = LENGTH_IN_1 << 2;
    packed[at++] = length;
  } else {
    packed[at++] = LENGTH_IN_2 << 2;
    packed[at++] = length & 255;
    packed[at++] = length >>> 8;
  }
  return copyLiterals(plain, start, end, packed, at);
}

function writeCopy(distance: number, length: number, packed: Uint8Array, to: number): number {
  let at = to;
  let left = length;
  while (left > 0) {
    if (left < 12 && left >= 4 && distance < 2_048) {
      packed[at++] = COPY_1 | ((left - 4) << 2) | ((distance >>> 8) << 5);
      packed[at++] = distance & 255;
      return at;
    }
    const part = Math.min(left, MAX_COPY);
    packed[at++] = COPY_2 | ((part - 1) << 2);
    packed[at++] = distance & 255;
    packed[at++] = distance >>> 8;
    left -= part;
  }
  return at;
}
