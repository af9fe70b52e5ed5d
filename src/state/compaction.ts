/** Moves what deltas hold into the base, a bounded amount at a time. */
import type { StateEntry } from '../core/operator.ts';
import type { BaseChange, BlockBase } from './block-base.ts';
import { inKeyOrder, type KeyedEntry, type StateSlot } from './state-slot.ts';
import type { StoreKey } from './state-store.ts';
import { packValue } from './packed-value.ts';

/** A delta that lies in the store, and the entries that it holds a version of. */
export interface StoredDelta<V> {
  readonly sequence: number;
  readonly keys: readonly StoreKey[];
  readonly bytes: number;
  readonly entries: number;
  readonly changes: readonly { readonly slot: StateSlot<V>; readonly entries: readonly StateEntry<V>[] }[];
}

/** What a compaction asks of the table and tells it. */
export interface CompactedTable<V> {
  /** The slot was not forgotten. */
  isOpen(slot: StateSlot<V>): boolean;
  /** The base holds nothing of an entry any more that was removed. */
  removed(slot: StateSlot<V>, entry: StateEntry<V>): void;
}

const BATCH_ENTRIES = 2_048;

/**
 * Goes through the newest versions of all entries of some deltas, in the order of slot and key. It must be stepped right behind a
 * seal, when no entry is dirty: a newer version of an entry lies in a delta of its own then, and the one that the base has may be
 * any older one.
 */
export class Compaction<V> {
  /** The last delta that will not be needed any more. */
  readonly through: number;
  private readonly base: BlockBase;
  private readonly table: CompactedTable<V>;
  /** Slots, the first last, with the entries that are to be looked at and how many they are. */
  private readonly work: { readonly slot: StateSlot<V>; readonly entries: Iterator<KeyedEntry<V>>; left: number }[];

  constructor(deltas: readonly StoredDelta<V>[], base: BlockBase, table: CompactedTable<V>) {
    this.through = deltas.at(-1)!.sequence;
    this.base = base;
    this.table = table;
    const bySlot = new Map<StateSlot<V>, StateEntry<V>[]>();
    for (const { sequence, changes } of deltas) {
      for (const { slot, entries } of changes) {
        if (!table.isOpen(slot)) continue;
        const chosen = bySlot.get(slot) ?? [];
        bySlot.set(slot, chosen);
        for (const entry of entries) if (entry.since === sequence) chosen.push(entry);
      }
    }
    this.work = Array.from(bySlot, ([slot, entries]) => ({ slot, entries: inKeyOrder(entries), left: entries.length }));
    this.work.sort((a, b) => b.slot.at - a.slot.at);
  }

  /** Looks at `maxEntries` entries; returns whether all is done. */
  step(maxEntries: number): boolean {
    let left = maxEntries;
    for (let last = this.work.at(-1); last !== undefined; last = this.work.at(-1)) {
      if (!this.table.isOpen(last.slot) || last.left === 0) {
        this.work.pop();
        continue;
      }
      if (left <= 0) return false;
      const size = Math.min(left, last.left, BATCH_ENTRIES);
      const batch = Array.from({ length: size }, () => last.entries.next().value as KeyedEntry<V>);
      last.left -= size;
      left -= size;
      this.merge(last.slot, batch);
    }
    return true;
  }

  private merge(slot: StateSlot<V>, batch: readonly KeyedEntry<V>[]): void {
    const changes: BaseChange[] = [];
    for (const { entry, bytes } of batch) {
      if (entry.since > this.through || (entry.gone && !entry.stored)) continue;
      changes.push({ key: bytes, value: entry.gone ? undefined : packValue(bytes, entry.key, entry.value) });
      entry.stored = !entry.gone;
      if (entry.gone) this.table.removed(slot, entry);
    }
    if (changes.length === 0) return;
    if (!slot.isBased) this.base.open(slot.at);
    slot.isBased = true;
    for (let next = 0; next < changes.length; ) next = this.base.merge(slot.at, changes, next);
  }
}
