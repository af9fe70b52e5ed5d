/**
 * A block: sorted entries of one slot in one value of the store, found by binary search and merged without being unpacked.
 * Layout: how many (u32), where each begins (u32 each), then for each the length of its key (u16), its key and its packed value.
 */
import { textOf } from './state-layout.ts';

const COUNT_BYTES = 4;
const OFFSET_BYTES = 4;
const KEY_LENGTH_BYTES = 2;
/** What LMDB writes is whole pages of 4,096 bytes, of which a long value's first loses 16 to a head. */
const PAGE_BYTES = 4_096;
const PAGE_HEAD_BYTES = 16;
const TARGET_BYTES = PAGE_BYTES - PAGE_HEAD_BYTES;

/** A key as its bytes, and its value as `pack` gives it. */
export interface PackedEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class Block {
  private readonly bytes: Buffer;
  readonly length: number;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = this.bytes.readUInt32BE(0);
  }

  /** The packed value of a key. */
  find(key: Uint8Array): Uint8Array | undefined {
    const { bytes } = this;
    let low = 0;
    let high = this.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const keyAt = this.start(middle) + KEY_LENGTH_BYTES;
      const keyEnd = keyAt + bytes.readUInt16BE(keyAt - KEY_LENGTH_BYTES);
      const order = bytes.compare(key, 0, key.length, keyAt, keyEnd);
      if (order === 0) return bytes.subarray(keyEnd, this.start(middle + 1));
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  entry(i: number): PackedEntry {
    const { bytes } = this;
    const keyAt = this.start(i) + KEY_LENGTH_BYTES;
    const keyEnd = keyAt + bytes.readUInt16BE(keyAt - KEY_LENGTH_BYTES);
    return { key: bytes.subarray(keyAt, keyEnd), value: bytes.subarray(keyEnd, this.start(i + 1)) };
  }

  private start(i: number): number {
    return i === this.length ? this.bytes.length : this.bytes.readUInt32BE(COUNT_BYTES + i * OFFSET_BYTES);
  }
}

/** Sorted entries as blocks of about the same size, each of one page where its entries allow. */
export function blocksOf(entries: readonly PackedEntry[]): { readonly firstKey: string; readonly bytes: Uint8Array }[] {
  const total = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  const room = TARGET_BYTES - COUNT_BYTES;
  // One byte more than an even part, so that rounding makes no block for what is left over.
  const share = Math.min(total / Math.ceil(total / room) + 1, room);
  const blocks: { firstKey: string; bytes: Uint8Array }[] = [];
  let from = 0;
  let size = 0;
  for (let i = 0; i < entries.length; i++) {
    const next = sizeOf(entries[i]);
    if (i > from && size + next > share) {
      blocks.push({ firstKey: textOf(entries[from].key), bytes: encode(entries, from, i, size) });
      from = i;
      size = 0;
    }
    size += next;
  }
  if (from < entries.length) {
    blocks.push({ firstKey: textOf(entries[from].key), bytes: encode(entries, from, entries.length, size) });
  }
  return blocks;
}

function sizeOf({ key, value }: PackedEntry): number {
  return OFFSET_BYTES + KEY_LENGTH_BYTES + key.length + value.length;
}

function encode(entries: readonly PackedEntry[], from: number, to: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(COUNT_BYTES + size);
  bytes.writeUInt32BE(to - from, 0);
  let at = COUNT_BYTES + (to - from) * OFFSET_BYTES;
  for (let i = from; i < to; i++) {
    const { key, value } = entries[i];
    bytes.writeUInt32BE(at, COUNT_BYTES + (i - from) * OFFSET_BYTES);
    bytes.writeUInt16BE(key.length, at);
    bytes.set(key, at + KEY_LENGTH_BYTES);
    bytes.set(value, at + KEY_LENGTH_BYTES + key.length);
    at += KEY_LENGTH_BYTES + key.length + value.length;
  }
  return bytes;
}
