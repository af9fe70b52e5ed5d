/** Keyed state: kept in memory up to a bound, in the store beyond it, and written by the checkpoint where it was touched. */
import type { Key } from '../core/element.ts';
import type { KeyedState, StateEntry } from '../core/operator.ts';
import { keyBytes, ORDERED_BYTES, sortsAsText, writeOrdered } from '../core/key-order.ts';
import { pack, unpack } from './codec.ts';
import type { ReadView } from './state-store.ts';

export interface KeyedStateOptions {
  /** Reads what is committed. */
  readonly view: ReadView;
  /** In front of all keys of this table in the store. */
  readonly prefix: Uint8Array;
  /** Entries in memory; more are let go when a checkpoint has made them durable. */
  readonly maxEntries: number;
}

/** Writes for the checkpoint: complete store keys. */
export interface SealedState {
  readonly puts: readonly (readonly [key: Uint8Array, value: Uint8Array])[];
  readonly deletes: readonly Uint8Array[];
}

interface Slot<V> {
  readonly entries: Map<Key, StateEntry<V>>;
  /** The store may hold entries of this slot that are not in memory. */
  partial: boolean;
}

/** Part of a table's bound that is let go at once, so that it is not done at every checkpoint. */
const EVICTED_SHARE = 0.25;

export class KeyedStateTable<V> implements KeyedState<V> {
  private readonly options: KeyedStateOptions;
  private readonly bySlot = new Map<number, Slot<V>>();
  private sorted: number[] | undefined;
  private dirty: { readonly slot: number; readonly entry: StateEntry<V> }[] = [];
  private deletes: Uint8Array[] = [];
  /** Removed entries whose deletes the last seal took. */
  private leaving: { readonly slot: number; readonly entry: StateEntry<V> }[] = [];
  private count = 0;
  private lastSlot: { readonly slot: number; readonly found: Slot<V> } | undefined;

  constructor(options: KeyedStateOptions) {
    this.options = options;
  }

  get size(): number {
    return this.count;
  }

  get(slot: number, key: Key): StateEntry<V> | undefined {
    const found = this.slotAt(slot);
    if (found === undefined) return undefined;
    const entry = found.entries.get(key);
    if (entry === undefined) return found.partial ? this.load(slot, found, key) : undefined;
    return entry.gone ? undefined : entry;
  }

  add(slot: number, key: Key, value: V): StateEntry<V> {
    let found = this.slotAt(slot);
    if (found === undefined) {
      found = { entries: new Map(), partial: false };
      this.bySlot.set(slot, found);
      this.sorted = undefined;
    }
    this.count++;
    const removed = found.entries.get(key);
    if (removed !== undefined) {
      // The same entry comes back: a checkpoint then puts it or deletes it, and never both.
      removed.gone = false;
      removed.value = value;
      return removed;
    }
    const entry = { key, value, dirty: false, stored: false, gone: false };
    found.entries.set(key, entry);
    return entry;
  }

  remove(slot: number, key: Key): void {
    const entry = this.get(slot, key);
    if (entry === undefined) return;
    // It stays in place of what the store may still hold, until that is gone, too.
    entry.gone = true;
    this.count--;
    this.touch(entry, slot);
  }

  *entries(slot: number): Iterable<StateEntry<V>> {
    const found = this.slotAt(slot);
    if (found !== undefined) yield* this.inKeyOrder(slot, found);
  }

  private inKeyOrder(slot: number, found: Slot<V>): Iterable<StateEntry<V>> {
    if (found.partial) return this.mergedInKeyOrder(slot, found);
    return sortedByKey([...found.entries.values()].filter(({ gone }) => !gone));
  }

  touch(entry: StateEntry<V>, slot: number): void {
    if (entry.dirty) return;
    entry.dirty = true;
    this.dirty.push({ slot, entry });
  }

  slots(): readonly number[] {
    this.sorted ??= [...this.bySlot.keys()].sort((a, b) => a - b);
    return this.sorted;
  }

  restore(slots: readonly number[]): void {
    for (const slot of slots) this.bySlot.set(slot, { entries: new Map(), partial: true });
    this.sorted = undefined;
  }

  *take(slot: number): Iterable<StateEntry<V>> {
    const found = this.slotAt(slot);
    if (found === undefined) return;
    this.bySlot.delete(slot);
    this.sorted = undefined;
    this.lastSlot = undefined;
    for (const { gone } of found.entries.values()) if (!gone) this.count--;
    for (const entry of this.inKeyOrder(slot, found)) {
      // Whatever is dirty about a taken entry need not reach the store.
      entry.dirty = false;
      if (entry.stored) this.deletes.push(this.storeKey(slot, keyBytes(entry.key)));
      yield entry;
    }
  }

  /** Encodes what was touched since the last seal. Synchronous: later changes belong to the next checkpoint. */
  seal(): SealedState {
    const puts: [Uint8Array, Uint8Array][] = [];
    for (const { slot, entry } of this.dirty) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      const bytes = keyBytes(entry.key);
      if (entry.gone) {
        if (entry.stored) this.deletes.push(this.storeKey(slot, bytes));
        entry.stored = false;
        this.leaving.push({ slot, entry });
        continue;
      }
      entry.stored = true;
      puts.push([this.storeKey(slot, bytes), pack([entry.key, entry.value])]);
    }
    const sealed = { puts, deletes: this.deletes };
    this.dirty = [];
    this.deletes = [];
    return sealed;
  }

  /** What the last seal took is durable: entries beyond the bound can be read again, and are let go. */
  committed(): void {
    for (const { slot, entry } of this.leaving) {
      if (entry.gone && !entry.dirty) this.bySlot.get(slot)?.entries.delete(entry.key);
    }
    this.leaving = [];
    if (this.count <= this.options.maxEntries) return;
    const target = Math.floor(this.options.maxEntries * (1 - EVICTED_SHARE));
    for (const found of this.bySlot.values()) {
      for (const entry of found.entries.values()) {
        if (this.count <= target) return;
        if (entry.dirty || !entry.stored) continue;
        found.entries.delete(entry.key);
        found.partial = true;
        this.count--;
      }
    }
  }

  /** The slot, through the one asked for last: records mostly come for the same. */
  private slotAt(slot: number): Slot<V> | undefined {
    if (this.lastSlot?.slot === slot) return this.lastSlot.found;
    const found = this.bySlot.get(slot);
    if (found !== undefined) this.lastSlot = { slot, found };
    return found;
  }

  private load(slot: number, found: Slot<V>, key: Key): StateEntry<V> | undefined {
    const bytes = this.options.view.get('state', this.storeKey(slot, keyBytes(key)));
    if (bytes === undefined) return undefined;
    const entry = entryOf<V>(bytes);
    found.entries.set(key, entry);
    this.count++;
    return entry;
  }

  /** Entries of memory and store, each once, by the bytes of their keys. */
  private *mergedInKeyOrder(slot: number, found: Slot<V>): Iterable<StateEntry<V>> {
    const inMemory = sortedByKey([...found.entries.values()]);
    const slotPrefix = this.storeKey(slot, NO_BYTES);
    let next = 0;
    for (const [storeKey, value] of this.options.view.range('state', { from: slotPrefix, to: after(slotPrefix) })) {
      const bytes = storeKey.subarray(slotPrefix.length);
      let order = -1;
      for (; next < inMemory.length; next++) {
        order = Buffer.compare(keyBytes(inMemory[next].key), bytes);
        if (order >= 0) break;
        if (!inMemory[next].gone) yield inMemory[next];
      }
      // What is in memory is newer than what the store holds.
      const newer = order === 0 && next < inMemory.length ? inMemory[next++] : undefined;
      if (newer === undefined) yield entryOf<V>(value);
      else if (!newer.gone) yield newer;
    }
    for (const entry of inMemory.slice(next)) if (!entry.gone) yield entry;
  }

  private storeKey(slot: number, key: Uint8Array): Uint8Array {
    const { prefix } = this.options;
    const bytes = Buffer.allocUnsafe(prefix.length + ORDERED_BYTES + key.length);
    bytes.set(prefix);
    writeOrdered(bytes, prefix.length, slot);
    bytes.set(key, prefix.length + ORDERED_BYTES);
    return bytes;
  }
}

const NO_BYTES = new Uint8Array(0);

/** By the bytes of their keys. Most keys sort alike as they are, at a fraction of the cost. */
function sortedByKey<V>(entries: StateEntry<V>[]): StateEntry<V>[] {
  if (entries.every(({ key }) => sortsAsText(key))) return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return entries
    .map((entry) => ({ bytes: keyBytes(entry.key), entry }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry);
}

function entryOf<V>(bytes: Uint8Array): StateEntry<V> {
  const [key, value] = unpack(bytes) as [Key, V];
  return { key, value, dirty: false, stored: true, gone: false };
}

/** The least byte string behind all that begin with `prefix`. */
function after(prefix: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(prefix);
  let last = bytes.length - 1;
  while (last >= 0 && bytes[last] === 0xff) last--;
  bytes[last]++;
  return bytes.subarray(0, last + 1);
}
