/** The base of a keyed-state table: sorted entries in blocks, whose first keys are in memory, so that one read finds a key. */
import { MillraceError } from '../core/errors.ts';
import { Block, blocksOf, type PackedEntry } from './block.ts';
import { bytesOf, type KeyText, type StateLayout, textOf } from './state-layout.ts';
import type { ReadView, StoreKey } from './state-store.ts';
import { DAMAGED } from './store-failure.ts';

/** What becomes of a key: another value, or nothing. */
export interface BaseChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export class BlockBase {
  private readonly view: ReadView;
  private readonly layout: StateLayout;
  /** Whose state it is, for an error. */
  private readonly operator: string | undefined;
  /** First keys of the blocks, by slot, as far as they were asked for. */
  private readonly indexes = new Map<number, KeyText[]>();
  /** Blocks that were written (or deleted: `undefined`) and may not be in the store yet. */
  private readonly unsettled = new Map<KeyText, Uint8Array | undefined>();
  /** Keys of blocks of slots that were dropped. */
  private readonly garbage: KeyText[] = [];
  private readonly dropped = new Set<number>();

  constructor(view: ReadView, layout: StateLayout, operator: string | undefined) {
    this.view = view;
    this.layout = layout;
    this.operator = operator;
  }

  get garbageCount(): number {
    return this.garbage.length;
  }

  /** All slots of the base; rising. */
  *slots(): Iterable<number> {
    let range = this.layout.allSlots;
    for (;;) {
      const [first] = this.view.keys('state', { ...range, limit: 1 });
      if (first === undefined) return;
      const slot = this.layout.slotIn(first);
      yield slot;
      range = this.layout.slotsAfter(slot);
    }
  }

  /** The packed value of a key. */
  get(slot: number, key: Uint8Array): Uint8Array | undefined {
    const index = this.index(slot);
    const at = floor(index, textOf(key));
    return at < 0 ? undefined : this.block(slot, index[at]).find(key);
  }

  /** All entries of a slot in the order of their keys, a block at a time. It may be dropped meanwhile, but not collected. */
  scan(slot: number): Iterable<PackedEntry> {
    return this.entriesOf(slot, this.index(slot));
  }

  private *entriesOf(slot: number, index: readonly KeyText[]): Iterable<PackedEntry> {
    for (const firstKey of index) {
      const block = this.block(slot, firstKey);
      for (let i = 0; i < block.length; i++) yield block.entry(i);
    }
  }

  /** Begins a slot of which nothing lies in the store: it need not be asked. */
  open(slot: number): void {
    this.indexes.set(slot, []);
  }

  /** Merges changes, sorted by key, from the one at `from` on into the block where they belong; returns the first that does not. */
  merge(slot: number, changes: readonly BaseChange[], from: number): number {
    const index = this.index(slot);
    const at = Math.max(0, floor(index, textOf(changes[from].key)));
    const [firstKey, nextKey] = [index.at(at), index.at(at + 1)] as const;
    let to = from + 1;
    const end = nextKey === undefined ? undefined : bytesOf(nextKey);
    while (to < changes.length) {
      if (end !== undefined && Buffer.compare(changes[to].key, end) >= 0) break;
      to++;
    }
    const block = firstKey === undefined ? undefined : this.block(slot, firstKey);
    const blocks = blocksOf(merged(block, changes, from, to));
    if (firstKey !== undefined && blocks[0]?.firstKey !== firstKey) this.write(slot, firstKey, undefined);
    for (const made of blocks) this.write(slot, made.firstKey, made.bytes);
    if (blocks.length !== 1 || blocks[0].firstKey !== firstKey) {
      index.splice(at, firstKey === undefined ? 0 : 1, ...blocks.map((made) => made.firstKey));
    }
    return to;
  }

  /** Forgets a slot; its blocks are deleted by `collect`. */
  drop(slot: number): void {
    const prefix = this.layout.slot(slot);
    for (const firstKey of this.index(slot)) this.garbage.push(prefix + firstKey);
    this.indexes.set(slot, []);
    this.dropped.add(slot);
  }

  /** Deletes at most `limit` blocks of slots that were dropped. */
  collect(limit: number): void {
    for (const key of this.garbage.splice(Math.max(0, this.garbage.length - limit))) this.unsettled.set(key, undefined);
  }

  /** What the next commit has to write. */
  get writes(): { readonly puts: readonly (readonly [StoreKey, Uint8Array])[]; readonly deletes: readonly StoreKey[] } {
    const puts: [StoreKey, Uint8Array][] = [];
    const deletes: StoreKey[] = [];
    for (const [key, value] of this.unsettled) {
      if (value === undefined) deletes.push(bytesOf(key));
      else puts.push([bytesOf(key), value]);
    }
    return { puts, deletes };
  }

  /** The commit is done: all of `writes` is in the store. */
  settled(): void {
    this.unsettled.clear();
    if (this.garbage.length > 0) return;
    for (const slot of this.dropped) if (this.indexes.get(slot)?.length === 0) this.indexes.delete(slot);
    this.dropped.clear();
  }

  private write(slot: number, firstKey: KeyText, bytes: Uint8Array | undefined): void {
    this.unsettled.set(this.layout.slot(slot) + firstKey, bytes);
  }

  private block(slot: number, firstKey: KeyText): Block {
    const key = this.layout.slot(slot) + firstKey;
    const bytes = this.unsettled.get(key) ?? this.view.get('state', bytesOf(key));
    if (bytes === undefined) throw lostBlock(this.operator);
    return new Block(bytes);
  }

  private index(slot: number): KeyText[] {
    let found = this.indexes.get(slot);
    if (found === undefined) {
      found = Array.from(this.view.keys('state', this.layout.slotRange(slot)), (key) => this.layout.firstKeyIn(key));
      this.indexes.set(slot, found);
    }
    return found;
  }
}

/** Index of the last that is ≤ `key`; −1 when there is none. */
function floor(index: readonly KeyText[], key: KeyText): number {
  let low = 0;
  let high = index.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (index[middle] <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function lostBlock(operator: string | undefined): MillraceError {
  const message = 'the state directory is damaged: a block of keyed state that it had is missing';
  return new MillraceError('STORE_FAILED', message, { place: { operator }, hint: DAMAGED });
}

function merged(block: Block | undefined, changes: readonly BaseChange[], from: number, to: number): PackedEntry[] {
  const entries: PackedEntry[] = [];
  let next = from;
  const add = ({ key, value }: BaseChange): void => {
    if (value !== undefined) entries.push({ key, value });
  };
  for (let i = 0; i < (block?.length ?? 0); i++) {
    const old = block!.entry(i);
    let order = 1;
    for (; next < to; next++) {
      order = Buffer.compare(changes[next].key, old.key);
      if (order >= 0) break;
      add(changes[next]);
    }
    if (next < to && order === 0) add(changes[next++]);
    else entries.push(old);
  }
  for (; next < to; next++) add(changes[next]);
  return entries;
}
