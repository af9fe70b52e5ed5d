/**
 * Keyed state: kept in memory up to a bound, in the store beyond it. What a checkpoint has touched is written as one delta; what
 * deltas hold moves into a base, in the order of slot and key, when they have become many.
 */
import type { Key } from '../core/element.ts';
import type { KeyedState, StateEntry } from '../core/operator.ts';
import { keyBytes } from '../core/key-order.ts';
import { BlockBase } from './block-base.ts';
import { type CompactionPace, DeltaLog, PACE } from './delta-log.ts';
import { unpackValue } from './packed-value.ts';
import { StateLayout } from './state-layout.ts';
import { emptySlot, inKeyOrder, sortedByKey, type StateSlot } from './state-slot.ts';
import type { ReadView, StoreKey } from './state-store.ts';

export interface KeyedStateOptions {
  /** Reads what is committed. */
  readonly view: ReadView;
  /** In front of all keys of this table in the store. */
  readonly prefix: Uint8Array;
  /** Entries in memory; more are let go when a checkpoint has made them durable and the base holds them. */
  readonly maxEntries: number;
  readonly pace?: CompactionPace;
  /** Whose state it is: named in errors. */
  readonly operator?: string | undefined;
}

type Puts = readonly (readonly [key: StoreKey, value: Uint8Array])[];

/** Writes for the checkpoint: complete store keys. */
export interface SealedState {
  /** What was touched, under keys that are new: without effect for as long as the checkpoint does not count. */
  readonly deltas: Puts;
  /** Where values lie from now on, and not what they are: written with the decision or behind it, and may be left out. */
  readonly moved: { readonly puts: Puts; readonly deletes: readonly StoreKey[] };
}

/** Part of a table's bound that is let go at once, so that it is not done at every checkpoint. */
const EVICTED_SHARE = 0.25;

export class KeyedStateTable<V> implements KeyedState<V> {
  private readonly maxEntries: number;
  private readonly bySlot = new Map<number, StateSlot<V>>();
  private readonly base: BlockBase;
  private readonly deltas: DeltaLog<V>;
  private sorted: number[] | undefined;
  private dirtySlots = new Set<StateSlot<V>>();
  /** Removed entries that the base does not hold: nothing need stand for them once a delta says so. */
  private leaving: { readonly slot: StateSlot<V>; readonly entry: StateEntry<V> }[] = [];
  private count = 0;
  private lastSlot: StateSlot<V> | undefined;

  constructor({ view, prefix, maxEntries, pace = PACE, operator }: KeyedStateOptions) {
    const layout = new StateLayout(prefix);
    this.maxEntries = maxEntries;
    this.base = new BlockBase(view, layout, operator);
    this.deltas = new DeltaLog({
      view,
      layout,
      base: this.base,
      maxEntries,
      pace,
      operator,
      table: {
        isOpen: (slot) => this.bySlot.get(slot.at) === slot,
        removed: (slot, entry) => this.leaving.push({ slot, entry }),
      },
    });
  }

  get size(): number {
    return this.count;
  }

  get(slot: number, key: Key): StateEntry<V> | undefined {
    const found = this.slotAt(slot);
    if (found === undefined) return undefined;
    const entry = found.entries.get(key);
    if (entry === undefined) return found.partial ? this.load(found, key) : undefined;
    return entry.gone ? undefined : entry;
  }

  add(slot: number, key: Key, value: V): StateEntry<V> {
    const found = this.slotAt(slot) ?? this.open(emptySlot(slot));
    this.count++;
    found.live++;
    const removed = found.entries.get(key);
    if (removed !== undefined) {
      // The same entry comes back: it stands in place of what the base may still hold.
      removed.gone = false;
      removed.value = value;
      return removed;
    }
    const entry = { key, value, dirty: false, stored: false, gone: false, since: 0 };
    found.entries.set(key, entry);
    return entry;
  }

  remove(slot: number, key: Key): void {
    const entry = this.get(slot, key);
    if (entry === undefined) return;
    // It stays in place of what the store may still hold, until that is gone, too.
    entry.gone = true;
    this.count--;
    this.slotAt(slot)!.live--;
    this.touch(entry, slot);
  }

  *entries(slot: number): Iterable<StateEntry<V>> {
    const found = this.slotAt(slot);
    if (found !== undefined) yield* this.sortedEntries(found);
  }

  touch(entry: StateEntry<V>, slot: number): void {
    if (entry.dirty) return;
    entry.dirty = true;
    const found = this.slotAt(slot)!;
    if (found.dirty.length === 0) this.dirtySlots.add(found);
    found.dirty.push(entry);
  }

  slots(): readonly number[] {
    this.sorted ??= [...this.bySlot.keys()].sort((a, b) => a - b);
    return this.sorted;
  }

  restore(slots: readonly number[]): void {
    for (const slot of slots) this.open(emptySlot(slot));
    for (const slot of this.base.slots()) {
      const found = this.bySlot.get(slot);
      if (found === undefined) this.base.drop(slot);
      else found.partial = found.isBased = found.isKnown = true;
    }
    this.deltas.replay(this.bySlot);
    this.count = 0;
    for (const { live } of this.bySlot.values()) this.count += live;
  }

  *take(slot: number): Iterable<StateEntry<V>> {
    const found = this.slotAt(slot);
    if (found === undefined) return;
    const entries = this.sortedEntries(found);
    this.forget(slot);
    yield* entries;
  }

  forget(slot: number): void {
    const found = this.slotAt(slot);
    if (found === undefined) return;
    this.bySlot.delete(slot);
    this.dirtySlots.delete(found);
    this.sorted = undefined;
    this.lastSlot = undefined;
    this.count -= found.live;
    if (found.isKnown) this.deltas.forget(slot, found.isBased);
  }

  /** Packs what was touched since the last seal. Synchronous: later changes belong to the next checkpoint. */
  seal(): SealedState {
    const delta = this.deltas.begin();
    for (const slot of this.dirtySlots) {
      for (const entry of slot.dirty) {
        entry.dirty = false;
        // What came and went between two checkpoints is nobody's business.
        if (entry.gone && entry.since === 0 && !entry.stored) slot.entries.delete(entry.key);
        else delta.add(slot, entry);
        if (entry.gone && !entry.stored) this.leaving.push({ slot, entry });
      }
      slot.dirty = [];
    }
    this.dirtySlots.clear();
    const isEmpty = this.count === 0 && [...this.bySlot.values()].every(({ partial }) => !partial);
    const sealed = this.deltas.seal(delta, isEmpty);
    const { puts, deletes } = this.base.writes;
    return {
      deltas: sealed.puts,
      moved: { puts, deletes: [...sealed.released, ...deletes] },
    };
  }

  /** What the last seal took is durable: entries beyond the bound can be read again, and are let go. */
  committed(): void {
    this.base.settled();
    this.deltas.settled();
    for (const { slot, entry } of this.leaving) {
      if (entry.gone && !entry.dirty && !entry.stored && slot.entries.get(entry.key) === entry)
        slot.entries.delete(entry.key);
    }
    this.leaving = [];
    if (this.count > this.maxEntries) this.evict(Math.floor(this.maxEntries * (1 - EVICTED_SHARE)));
  }

  /** Lets go, slot by slot, what the base holds in its newest version. */
  private evict(target: number): void {
    const { compactedThrough } = this.deltas;
    for (const found of this.bySlot.values()) {
      if (!found.isBased) continue;
      for (const entry of found.entries.values()) {
        if (this.count <= target) return;
        if (entry.dirty || entry.gone || !entry.stored || entry.since > compactedThrough) continue;
        found.entries.delete(entry.key);
        found.partial = true;
        found.live--;
        this.count--;
      }
    }
  }

  private open(slot: StateSlot<V>): StateSlot<V> {
    this.bySlot.set(slot.at, slot);
    this.sorted = undefined;
    return slot;
  }

  /** The slot, through the one asked for last: records mostly come for the same. */
  private slotAt(slot: number): StateSlot<V> | undefined {
    if (this.lastSlot?.at === slot) return this.lastSlot;
    const found = this.bySlot.get(slot);
    if (found !== undefined) this.lastSlot = found;
    return found;
  }

  private load(found: StateSlot<V>, key: Key): StateEntry<V> | undefined {
    const bytes = keyBytes(key);
    const value = this.base.get(found.at, bytes);
    if (value === undefined) return undefined;
    const entry = entryOf<V>(unpackValue({ key: bytes, value }));
    found.entries.set(key, entry);
    found.live++;
    this.count++;
    return entry;
  }

  /** Entries of memory and base, each once, by the bytes of their keys. */
  private sortedEntries(found: StateSlot<V>): Iterable<StateEntry<V>> {
    if (found.partial) return mergedWithBase(found, this.base.scan(found.at));
    return sortedByKey([...found.entries.values()].filter(({ gone }) => !gone));
  }
}

function* mergedWithBase<V>(found: StateSlot<V>, base: ReturnType<BlockBase['scan']>): Iterable<StateEntry<V>> {
  const inMemory = inKeyOrder([...found.entries.values()]);
  let next = inMemory.next().value;
  for (const packed of base) {
    let order = 1;
    for (; next !== undefined; next = inMemory.next().value) {
      order = Buffer.compare(next.bytes, packed.key);
      if (order >= 0) break;
      if (!next.entry.gone) yield next.entry;
    }
    if (next === undefined || order > 0) {
      yield entryOf<V>(unpackValue(packed));
      continue;
    }
    // What is in memory is newer than what the store holds.
    if (!next.entry.gone) yield next.entry;
    next = inMemory.next().value;
  }
  for (; next !== undefined; next = inMemory.next().value) if (!next.entry.gone) yield next.entry;
}

function entryOf<V>({ key, value }: { readonly key: Key; readonly value: unknown }): StateEntry<V> {
  return { key, value: value as V, dirty: false, stored: true, gone: false, since: 0 };
}
