/** Keys as bytes, whose order is the order of results: numbers by value, then strings by UTF-8. */
import { createHash } from 'node:crypto';
import type { Key } from './element.ts';

/** Bytes that `writeOrdered` writes. */
export const ORDERED_BYTES = 8;
const NUMBER_TAG = 1;
const STRING_TAG = 2;
/** Longer keys are cut here and go on as a hash: a store bounds its keys, and the value holds the whole one. */
const MAX_PLAIN_BYTES = 1_024;
/** UTF-16 orders these before the rest of its upper range, UTF-8 behind it. */
const SURROGATE = /[\ud800-\udfff]/;
/** Short enough never to be cut and hashed, whatever the characters. */
const MAX_QUICK_UNITS = 300;

export function keyBytes(key: Key): Uint8Array {
  if (typeof key === 'number') {
    const bytes = Buffer.allocUnsafe(1 + ORDERED_BYTES);
    bytes[0] = NUMBER_TAG;
    writeOrdered(bytes, 1, key);
    return bytes;
  }
  const text = Buffer.from(key);
  if (text.length <= MAX_PLAIN_BYTES) return Buffer.concat([Buffer.of(STRING_TAG), text]);
  const hash = createHash('sha256').update(text).digest();
  return Buffer.concat([Buffer.of(STRING_TAG), text.subarray(0, MAX_PLAIN_BYTES), hash]);
}

/** Whether `keyBytes` has cut the key, so that it cannot be had from them. */
export function isCut(bytes: Uint8Array): boolean {
  return bytes.length > 1 + MAX_PLAIN_BYTES;
}

/** The key behind `keyBytes` that are not cut. */
export function keyOfBytes(bytes: Uint8Array): Key {
  if (bytes[0] === NUMBER_TAG) return readOrdered(bytes, 1);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', 1);
}

/** The order of `keyBytes`, mostly without making the bytes. */
export function compareKeys(a: Key, b: Key): number {
  if (a === b) return 0;
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  if (typeof b === 'number') return 1;
  if (!sortsAsText(a) || !sortsAsText(b)) return Buffer.compare(keyBytes(a), keyBytes(b));
  return a < b ? -1 : 1;
}

/** Whether `<` between such keys is the order of their bytes. */
export function sortsAsText(key: Key): key is string {
  return typeof key === 'string' && key.length <= MAX_QUICK_UNITS && !SURROGATE.test(key);
}

/** A double as eight bytes that sort as it does: the sign bit flipped, and all bits of a negative one. */
export function writeOrdered(target: Buffer, at: number, value: number): void {
  // One zero: −0 and 0 are the same slot and key.
  target.writeDoubleBE(value + 0, at);
  const flip = target[at] & 0x80 ? 0xff : 0;
  target[at] ^= flip | 0x80;
  for (let i = 1; i < ORDERED_BYTES; i++) target[at + i] ^= flip;
}

/** The inverse of `writeOrdered`. */
export function readOrdered(bytes: Uint8Array, at: number): number {
  const plain = Buffer.from(bytes.subarray(at, at + ORDERED_BYTES));
  const flip = plain[0] & 0x80 ? 0 : 0xff;
  plain[0] ^= flip | 0x80;
  for (let i = 1; i < ORDERED_BYTES; i++) plain[i] ^= flip;
  return plain.readDoubleBE(0);
}
