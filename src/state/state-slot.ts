/** The part of a slot that is in memory. */
import type { Key } from '../core/element.ts';
import { keyBytes, sortsAsText } from '../core/key-order.ts';
import type { StateEntry } from '../core/operator.ts';

export interface StateSlot<V> {
  readonly at: number;
  readonly entries: Map<Key, StateEntry<V>>;
  /** Touched since the last seal. */
  dirty: StateEntry<V>[];
  /** Entries in memory that were not removed. */
  live: number;
  /** The base may hold entries that are not in memory. */
  partial: boolean;
  /** The base holds entries of it. */
  isBased: boolean;
  /** The base or a delta may know of it. */
  isKnown: boolean;
}

export function emptySlot<V>(at: number): StateSlot<V> {
  return { at, entries: new Map(), dirty: [], live: 0, partial: false, isBased: false, isKnown: false };
}

/** By the bytes of their keys. Most keys sort alike as they are, at a fraction of the cost. */
export function sortedByKey<V>(entries: StateEntry<V>[]): StateEntry<V>[] {
  if (entries.every(({ key }) => sortsAsText(key))) return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return entries
    .map((entry) => ({ bytes: keyBytes(entry.key), entry }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry);
}
