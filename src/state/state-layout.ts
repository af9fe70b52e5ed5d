/** Where the values of one keyed-state table lie in the store: its base by slot and key, its deltas by their number. */
import { ORDERED_BYTES, readOrdered, writeOrdered } from '../core/key-order.ts';
import type { StoreKey } from './state-store.ts';

const BASE = 1;
const DELTAS = 2;
const PART_BYTES = 4;

/** A store key as a string of bytes, so that maps can have it as their key. */
export type KeyText = string;

export function textOf(bytes: Uint8Array): KeyText {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function bytesOf(text: KeyText): StoreKey {
  return Buffer.from(text, 'latin1');
}

export interface KeyRange {
  readonly from: StoreKey;
  readonly to: StoreKey;
}

export class StateLayout {
  /** In front of all blocks of the base. */
  private readonly base: KeyText;
  private readonly deltaPrefix: KeyText;

  /** `prefix` stands in front of all keys of the table. */
  constructor(prefix: Uint8Array) {
    this.base = textOf(prefix) + String.fromCharCode(BASE);
    this.deltaPrefix = textOf(prefix) + String.fromCharCode(DELTAS);
  }

  /** In front of all blocks of a slot; what follows in a block's key is its first key. */
  slot(slot: number): KeyText {
    return this.base + ordered(slot);
  }

  slotRange(slot: number): KeyRange {
    return rangeOf(this.slot(slot));
  }

  /** All slots of the base that are greater. */
  slotsAfter(slot: number): KeyRange {
    return { from: rangeOf(this.slot(slot)).to, to: rangeOf(this.base).to };
  }

  get allSlots(): KeyRange {
    return rangeOf(this.base);
  }

  /** The slot of a block. */
  slotIn(blockKey: StoreKey): number {
    return readOrdered(blockKey, this.base.length);
  }

  /** First key of a block, among those of its slot. */
  firstKeyIn(blockKey: StoreKey): KeyText {
    return textOf(blockKey.subarray(this.base.length + ORDERED_BYTES));
  }

  delta(sequence: number, part: number): StoreKey {
    const bytes = Buffer.allocUnsafe(this.deltaPrefix.length + ORDERED_BYTES + PART_BYTES);
    bytes.write(this.deltaPrefix, 'latin1');
    writeOrdered(bytes, this.deltaPrefix.length, sequence);
    bytes.writeUInt32BE(part, bytes.length - PART_BYTES);
    return bytes;
  }

  /** All deltas, in the order in which they were written. */
  get deltas(): KeyRange {
    return rangeOf(this.deltaPrefix);
  }

  sequenceIn(deltaKey: StoreKey): number {
    return readOrdered(deltaKey, this.deltaPrefix.length);
  }
}

function ordered(value: number): KeyText {
  const bytes = Buffer.allocUnsafe(ORDERED_BYTES);
  writeOrdered(bytes, 0, value);
  return bytes.toString('latin1');
}

/** All keys that begin with `prefix`, itself included. */
function rangeOf(prefix: KeyText): KeyRange {
  let end = prefix.length - 1;
  while (end >= 0 && prefix.charCodeAt(end) === 0xff) end--;
  const to = prefix.slice(0, end) + String.fromCharCode(prefix.charCodeAt(end) + 1);
  return { from: bytesOf(prefix), to: bytesOf(to) };
}
