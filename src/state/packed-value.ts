/** Values of the base: the key stands in front of them, and is in them, too, where what stands in front is cut. */
import type { Key } from '../core/element.ts';
import { isCut, keyOfBytes } from '../core/key-order.ts';
import type { PackedEntry } from './block.ts';
import { pack, unpack } from './codec.ts';

export function packValue(bytes: Uint8Array, key: Key, value: unknown): Uint8Array {
  return pack(isCut(bytes) ? [key, value] : value);
}

export function unpackValue({ key: bytes, value: packed }: PackedEntry): {
  readonly key: Key;
  readonly value: unknown;
} {
  if (!isCut(bytes)) return { key: keyOfBytes(bytes), value: unpack(packed) };
  const [key, value] = unpack(packed) as [Key, unknown];
  return { key, value };
}
