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

export interface KeyedEntry<V> {
  readonly entry: StateEntry<V>;
  /** Of its key. */
  readonly bytes: Uint8Array;
}

/** By the bytes of their keys. */
export function sortedByKey<V>(entries: StateEntry<V>[]): StateEntry<V>[] {
  return quicklySorted(entries) ?? sortedByBytes(entries).map(({ entry }) => entry);
}

/** As `sortedByKey`, with the bytes, which are made once; sorted when the first is asked for. */
export function* inKeyOrder<V>(entries: StateEntry<V>[]): Generator<KeyedEntry<V>, undefined> {
  const sorted = quicklySorted(entries);
  if (sorted === undefined) yield* sortedByBytes(entries);
  else for (const entry of sorted) yield { entry, bytes: keyBytes(entry.key) };
}

/** Most keys sort alike as they are, at a fraction of the cost; `undefined` where these may not. */
function quicklySorted<V>(entries: StateEntry<V>[]): StateEntry<V>[] | undefined {
  if (entries.every(({ key }) => typeof key === 'number')) return entries.sort((a, b) => Number(a.key) - Number(b.key));
  if (entries.every(({ key }) => sortsAsText(key))) return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return undefined;
}

function sortedByBytes<V>(entries: readonly StateEntry<V>[]): KeyedEntry<V>[] {
  return entries
    .map((entry) => ({ entry, bytes: keyBytes(entry.key) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
}
