/** A delta: what one checkpoint changed of a keyed-state table, packed into a few values of the store. */
import type { Key } from '../core/element.ts';
import { packShapes, unpackShapes } from './codec.ts';
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
const FIRST_PART_ENTRIES = 256;

export class DeltaWriter {
  readonly parts: [StoreKey, Uint8Array][] = [];
  bytes = 0;
  entries = 0;
  private readonly layout: StateLayout;
  private readonly sequence: number;
  private forgotten: readonly number[];
  private changes: SlotChanges[] = [];
  private entriesInPart = 0;
  private maxEntriesInPart = FIRST_PART_ENTRIES;

  constructor(layout: StateLayout, sequence: number, forgotten: readonly number[]) {
    this.layout = layout;
    this.sequence = sequence;
    this.forgotten = forgotten;
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
    const part: DeltaPart = { forgotten: this.forgotten, changes: this.changes };
    const bytes = packShapes([part.forgotten, part.changes.map(({ slot, set, removed }) => [slot, set, removed])]);
    this.parts.push([this.layout.delta(this.sequence, this.parts.length), bytes]);
    this.bytes += bytes.length;
    this.maxEntriesInPart = Math.max(1, Math.floor((PART_BYTES * this.entries) / Math.max(1, this.bytes)));
    this.forgotten = [];
    this.changes = [];
    this.entriesInPart = 0;
  }
}

export function readDeltaPart(bytes: Uint8Array): DeltaPart {
  const [forgotten, changes] = unpackShapes(bytes) as [number[], [number, unknown[], Key[]][]];
  return { forgotten, changes: changes.map(([slot, set, removed]) => ({ slot, set, removed })) };
}
