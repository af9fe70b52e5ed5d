/** Ordered tables in memory, as immutable images: a write makes the next image and leaves the one before untouched. */
import {
  MAX_KEY_BYTES,
  type RangeOptions,
  type StoreKey,
  type Table,
  TABLES,
  type WriteTransaction,
} from './state-store.ts';

type Entry = readonly [StoreKey, Uint8Array];
export type Image = Readonly<Record<Table, readonly Entry[]>>;

export function emptyImage(): Image {
  return Object.fromEntries(TABLES.map((table) => [table, []])) as unknown as Image;
}

export function getFrom(entries: readonly Entry[], key: StoreKey): Uint8Array | undefined {
  const at = lowerBound(entries, key);
  return at < entries.length && Buffer.compare(entries[at][0], key) === 0 ? copy(entries[at][1]) : undefined;
}

/** The entries of a range, as they are now. */
export function rangeOf(entries: readonly Entry[], options: RangeOptions): [StoreKey, Uint8Array][] {
  return within(entries, options).map(([key, value]) => [copy(key), copy(value)]);
}

export function keysOf(entries: readonly Entry[], options: RangeOptions): StoreKey[] {
  return within(entries, options).map(([key]) => copy(key));
}

function within(entries: readonly Entry[], options: RangeOptions): readonly Entry[] {
  const first = lowerBound(entries, options.from);
  const end = Math.max(first, lowerBound(entries, options.to));
  const limit = Math.min(options.limit ?? end - first, end - first);
  return options.reverse ? entries.slice(end - limit, end).toReversed() : entries.slice(first, first + limit);
}

/** A transaction over an image. `image` holds what was read and written so far. */
export class ImageTransaction implements WriteTransaction {
  private readonly tables: Record<Table, readonly Entry[]>;
  private readonly own = new Map<Table, Entry[]>();

  constructor(base: Image) {
    this.tables = { ...base };
  }

  get image(): Image {
    return this.tables;
  }

  get(table: Table, key: StoreKey): Uint8Array | undefined {
    return getFrom(this.tables[table], key);
  }

  range(table: Table, options: RangeOptions): Iterable<[StoreKey, Uint8Array]> {
    return rangeOf(this.tables[table], options);
  }

  keys(table: Table, options: RangeOptions): Iterable<StoreKey> {
    return keysOf(this.tables[table], options);
  }

  put(table: Table, key: StoreKey, value: Uint8Array): void {
    assertKey(key);
    const entries = this.writable(table);
    const at = lowerBound(entries, key);
    const replaces = at < entries.length && Buffer.compare(entries[at][0], key) === 0;
    const entry: Entry = [copy(key), copy(value)];
    if (at === entries.length) entries.push(entry);
    else entries.splice(at, replaces ? 1 : 0, entry);
  }

  delete(table: Table, key: StoreKey): void {
    const at = lowerBound(this.tables[table], key);
    const found = this.tables[table][at];
    if (found !== undefined && Buffer.compare(found[0], key) === 0) this.writable(table).splice(at, 1);
  }

  private writable(table: Table): Entry[] {
    let entries = this.own.get(table);
    if (entries === undefined) {
      entries = this.tables[table].slice();
      this.own.set(table, entries);
      this.tables[table] = entries;
    }
    return entries;
  }
}

/** @throws RangeError for a key that no store takes */
export function assertKey(key: StoreKey): void {
  if (key.length > 0 && key.length <= MAX_KEY_BYTES) return;
  throw new RangeError(`a store key has 1 to ${MAX_KEY_BYTES} bytes, this one has ${key.length}: hash long keys`);
}

/** Index of the first entry whose key is ≥ `key`; keys mostly rise, so the end is tried first. */
function lowerBound(entries: readonly Entry[], key: StoreKey): number {
  let high = entries.length;
  if (high === 0 || Buffer.compare(entries[high - 1][0], key) < 0) return high;
  let low = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(entries[middle][0], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}
