/** A store that lives as long as the process: for tests, and for runs that need not survive it. */
import { MillraceError } from '../core/errors.ts';
import { emptyImage, getFrom, ImageTransaction, keysOf, rangeOf } from './sorted-image.ts';
import type { RangeOptions, StateStore, StoreKey, Table, WriteTransaction } from './state-store.ts';

/** An empty store in memory. Writes keep the order they were asked for in. */
export function memoryStore(): StateStore {
  return new MemoryStore();
}

class MemoryStore implements StateStore {
  private image = emptyImage();
  private closed = false;

  get(table: Table, key: StoreKey): Uint8Array | undefined {
    this.assertOpen();
    return getFrom(this.image[table], key);
  }

  range(table: Table, options: RangeOptions): Iterable<[StoreKey, Uint8Array]> {
    this.assertOpen();
    return rangeOf(this.image[table], options);
  }

  keys(table: Table, options: RangeOptions): Iterable<StoreKey> {
    this.assertOpen();
    return keysOf(this.image[table], options);
  }

  async write<R>(body: (transaction: WriteTransaction) => R): Promise<R> {
    this.assertOpen();
    // As on disk, the body runs after the caller's own turn; the microtask queue keeps the order.
    await Promise.resolve();
    const transaction = new ImageTransaction(this.image);
    const result = body(transaction);
    this.image = transaction.image;
    return result;
  }

  async close(): Promise<void> {
    await Promise.resolve();
    this.closed = true;
  }

  private assertOpen(): void {
    if (this.closed) throw new MillraceError('STORE_FAILED', 'the store in memory is closed');
  }
}
