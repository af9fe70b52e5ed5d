/** The deltas of a keyed-state table that its base does not hold yet: written by checkpoints, read once at a start. */
import type { StateEntry } from '../core/operator.ts';
import type { BlockBase } from './block-base.ts';
import { type CompactedTable, Compaction, type StoredDelta } from './compaction.ts';
import { DeltaWriter, type DeltaWriterOptions, readDeltaPart } from './delta.ts';
import type { StateLayout } from './state-layout.ts';
import { emptySlot, type StateSlot } from './state-slot.ts';
import type { ReadView, StoreKey } from './state-store.ts';

export interface DeltaLogOptions<V> {
  readonly view: ReadView;
  readonly layout: StateLayout;
  readonly base: BlockBase;
  /** Of the table. What deltas hold stays in memory, so they hold a part of it at most. */
  readonly maxEntries: number;
  readonly table: CompactedTable<V>;
  readonly pace: CompactionPace;
  /** Whose state it is, for an error. */
  readonly operator: string | undefined;
}

/** What a checkpoint does at least while there is something to do; more where more comes in. */
export interface CompactionPace {
  /** Entries that are moved into the base. */
  readonly moved: number;
  /** Blocks of forgotten slots that are deleted. */
  readonly collected: number;
}

export const PACE: CompactionPace = { moved: 4_096, collected: 4_096 };

/** What a start has to read at most, about: half as much again while it is moved. */
const MAX_ENTRIES = 128 * 1024;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_DELTAS = 1_024;
const PINNED_SHARE = 0.5;
/** Entries moved for each that is new. */
const MOVED_FOR_NEW = 2;
/** Part of the blocks left over that is deleted; more while deltas are many, which cannot be moved before. */
const COLLECTED_SHARE = 0.25;
const COLLECTED_SHARE_FULL = 0.5;

/** A delta that is being written. */
export class OpenDelta<V> {
  readonly sequence: number;
  readonly writer: DeltaWriter;
  readonly changes: { slot: StateSlot<V>; entries: StateEntry<V>[] }[] = [];

  constructor(options: DeltaWriterOptions) {
    this.sequence = options.sequence;
    this.writer = new DeltaWriter(options);
  }

  add(slot: StateSlot<V>, entry: StateEntry<V>): void {
    if (this.changes.at(-1)?.slot !== slot) this.changes.push({ slot, entries: [] });
    this.changes.at(-1)!.entries.push(entry);
    slot.isKnown = true;
    entry.since = this.sequence;
    if (entry.gone) this.writer.remove(slot.at, entry.key);
    else this.writer.set(slot.at, entry.key, entry.value);
  }
}

export class DeltaLog<V> {
  /** Versions up to the one of this delta are in the base, where they are the newest. */
  compactedThrough = 0;
  private readonly options: DeltaLogOptions<V>;
  private stored: StoredDelta<V>[] = [];
  private sequence = 0;
  /** Slots that were forgotten and that the store may know of. */
  private forgotten = new Set<number>();
  private compaction: Compaction<V> | undefined;
  private isCompacted = false;

  constructor(options: DeltaLogOptions<V>) {
    this.options = options;
  }

  forget(slot: number, isBased: boolean): void {
    this.forgotten.add(slot);
    if (isBased) this.options.base.drop(slot);
  }

  begin(): OpenDelta<V> {
    const { layout, operator } = this.options;
    const forgotten = [...this.forgotten];
    const delta = new OpenDelta<V>({ layout, operator, forgotten, sequence: ++this.sequence });
    this.forgotten.clear();
    return delta;
  }

  /** What to write, and the deltas that are not needed any more. */
  seal(
    { sequence, writer, changes }: OpenDelta<V>,
    isEmpty: boolean,
  ): { readonly puts: DeltaWriter['parts']; readonly released: StoreKey[] } {
    writer.finish();
    if (writer.parts.length > 0) {
      const keys = writer.parts.map(([key]) => key);
      this.stored.push({ sequence, keys, bytes: writer.bytes, entries: writer.entries, changes });
    }
    return { puts: writer.parts, released: this.compact(writer.entries, isEmpty) };
  }

  /** What the last seal took is durable. */
  settled(): void {
    if (!this.isCompacted) return;
    this.isCompacted = false;
    this.compactedThrough = this.compaction!.through;
    this.stored = this.stored.filter(({ sequence }) => sequence > this.compactedThrough);
    this.compaction = undefined;
  }

  /** Reads all deltas into the slots of a checkpoint, which hold nothing yet. */
  replay(bySlot: Map<number, StateSlot<V>>): void {
    const { view, layout } = this.options;
    let last:
      | { sequence: number; keys: StoreKey[]; bytes: number; entries: number; changes: OpenDelta<V>['changes'] }
      | undefined;
    for (const [key, bytes] of view.range('state', layout.deltas)) {
      const sequence = layout.sequenceIn(key);
      if (last?.sequence !== sequence) {
        last = { sequence, keys: [], bytes: 0, entries: 0, changes: [] };
        this.stored.push(last);
      }
      last.keys.push(Uint8Array.from(key));
      last.bytes += bytes.length;
      const { forgotten, changes } = readDeltaPart(bytes);
      for (const slot of forgotten) this.reopen(bySlot, slot);
      for (const { slot: at, set, removed } of changes) {
        last.entries += set.length / 2 + removed.length;
        const slot = bySlot.get(at);
        // A slot of an older checkpoint: a later delta says that it was forgotten.
        if (slot !== undefined) last.changes.push({ slot, entries: replayInto<V>(slot, sequence, set, removed) });
      }
    }
    this.sequence = last?.sequence ?? 0;
    this.compactedThrough = (this.stored[0]?.sequence ?? 1) - 1;
  }

  /** What the slot has held so far was forgotten. */
  private reopen(bySlot: Map<number, StateSlot<V>>, at: number): void {
    const before = bySlot.get(at);
    if (before === undefined) return;
    if (before.isBased) this.options.base.drop(at);
    bySlot.set(at, { ...emptySlot<V>(at), isKnown: true });
  }

  /** Goes on moving entries into the base. Returns the keys of deltas that are of no use when it has come to an end. */
  private compact(newEntries: number, isEmpty: boolean): StoreKey[] {
    const { base, pace } = this.options;
    const share = this.isFull ? COLLECTED_SHARE_FULL : COLLECTED_SHARE;
    base.collect(Math.max(pace.collected, Math.ceil(base.garbageCount * share)));
    // A slot that was forgotten may come back, and what it held before would then be taken for its own: it goes first.
    if (base.garbageCount > 0) return [];
    if (this.compaction === undefined) {
      if (this.stored.length === 0 || !(isEmpty || this.isFull)) return [];
      this.compaction = new Compaction(this.stored, base, this.options.table);
    }
    if (!this.compaction.step(Math.max(pace.moved, MOVED_FOR_NEW * newEntries))) return [];
    this.isCompacted = true;
    const { through } = this.compaction;
    return this.stored.filter(({ sequence }) => sequence <= through).flatMap(({ keys }) => keys);
  }

  private get isFull(): boolean {
    if (this.stored.length > MAX_DELTAS) return true;
    let [entries, bytes] = [0, 0];
    for (const delta of this.stored) {
      entries += delta.entries;
      bytes += delta.bytes;
    }
    return bytes > MAX_BYTES || entries > Math.min(MAX_ENTRIES, Math.floor(this.options.maxEntries * PINNED_SHARE));
  }
}

function replayInto<V>(
  slot: StateSlot<V>,
  sequence: number,
  set: readonly unknown[],
  removed: readonly StateEntry<V>['key'][],
): StateEntry<V>[] {
  const entries: StateEntry<V>[] = [];
  slot.isKnown = true;
  for (let i = 0; i < set.length; i += 2) {
    const key = set[i] as StateEntry<V>['key'];
    const value = set[i + 1] as V;
    let entry = slot.entries.get(key);
    if (entry === undefined || entry.gone) slot.live++;
    if (entry === undefined) {
      entry = { key, value, dirty: false, stored: slot.isBased, gone: false, since: sequence };
      slot.entries.set(key, entry);
    }
    entry.value = value;
    entry.gone = false;
    entry.since = sequence;
    entries.push(entry);
  }
  for (const key of removed) {
    let entry = slot.entries.get(key);
    if (entry === undefined) {
      if (!slot.isBased) continue;
      entry = { key, value: undefined as V, dirty: false, stored: true, gone: true, since: sequence };
      slot.entries.set(key, entry);
    } else if (!entry.gone) slot.live--;
    entry.gone = true;
    entry.since = sequence;
    entries.push(entry);
    if (!entry.stored) slot.entries.delete(key);
  }
  return entries;
}
