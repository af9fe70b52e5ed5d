/** A delta: what one checkpoint changed of a keyed-state table, packed into a few values of the store. */
import type { Key } from '../core/element.ts';
import { pack, packShapes, unpackShapes } from './codec.ts';
import { cannotKeep } from './plain-data.ts';
import type { StateLayout } from './state-layout.ts';
import type { StoreKey } from './state-store.ts';

/** Changes of one slot. */
interface SlotChanges {
  readonly slot: number;
  /** Keys and their new values, by turns. */
  readonly set: unknown[];
  readonly removed: Key[];
}

/** One value of the store; a delta's first names the slots that were forgotten before its changes. */
export interface DeltaPart {
  readonly forgotten: readonly number[];
  readonly changes: readonly SlotChanges[];
}

/** What a part should be at most; how many entries that is, those before it tell. */
const PART_BYTES = 256 * 1024;
/** Of entries as large as nobody knows yet. A part has twice as many as the one before it at most. */
const FIRST_PART_ENTRIES = 16;
const MAX_GROWTH = 2;

export interface DeltaWriterOptions {
  readonly layout: StateLayout;
  readonly sequence: number;
  readonly forgotten: readonly number[];
  /** Whose state it is, for an error. */
  readonly operator: string | undefined;
}

export class DeltaWriter {
  readonly parts: [StoreKey, Uint8Array][] = [];
  bytes = 0;
  entries = 0;
  private readonly options: DeltaWriterOptions;
  private forgotten: readonly number[];
  private changes: SlotChanges[] = [];
  private entriesInPart = 0;
  private maxEntriesInPart = FIRST_PART_ENTRIES;

  constructor(options: DeltaWriterOptions) {
    this.options = options;
    this.forgotten = options.forgotten;
  }

  set(slot: number, key: Key, value: unknown): void {
    this.of(slot).set.push(key, value);
    this.counted();
  }

  remove(slot: number, key: Key): void {
    this.of(slot).removed.push(key);
    this.counted();
  }

  /** Packs what is left. */
  finish(): void {
    if (this.entriesInPart > 0 || this.forgotten.length > 0) this.packPart();
  }

  private of(slot: number): SlotChanges {
    const last = this.changes.at(-1);
    if (last?.slot === slot) return last;
    const changes: SlotChanges = { slot, set: [], removed: [] };
    this.changes.push(changes);
    return changes;
  }

  private counted(): void {
    this.entries++;
    if (++this.entriesInPart >= this.maxEntriesInPart) this.packPart();
  }

  private packPart(): void {
    const { layout, sequence } = this.options;
    const bytes = this.packed();
    this.parts.push([layout.delta(sequence, this.parts.length), bytes]);
    this.bytes += bytes.length;
    const fitting = Math.floor((PART_BYTES * this.entries) / this.bytes);
    this.maxEntriesInPart = Math.max(1, Math.min(fitting, MAX_GROWTH * this.maxEntriesInPart));
    this.forgotten = [];
    this.changes = [];
    this.entriesInPart = 0;
  }

  private packed(): Uint8Array {
    try {
      return packShapes([this.forgotten, this.changes.map(({ slot, set, removed }) => [slot, set, removed])]);
    } catch (thrown) {
      for (const { set } of this.changes) {
        for (let i = 0; i < set.length; i += 2) this.check(set[i] as Key, set[i + 1]);
      }
      throw thrown;
    }
  }

  /** @throws MillraceError CALLBACK_FAILED for a value that cannot be packed */
  private check(key: Key, value: unknown): void {
    try {
      pack(value);
    } catch (thrown) {
      throw cannotKeep(this.options.operator, key, thrown);
    }
  }
}

export function readDeltaPart(bytes: Uint8Array): DeltaPart {
  const [forgotten, changes] = unpackShapes(bytes) as [number[], [number, unknown[], Key[]][]];
  return { forgotten, changes: changes.map(([slot, set, removed]) => ({ slot, set, removed })) };
}
