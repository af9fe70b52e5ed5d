/** A store for tests that forgets, at a crash, what was not synced: `kill -9` keeps the page cache and cannot show that. */
import { MillraceError, messageOf } from '../core/errors.ts';
import { emptyImage, getFrom, type Image, ImageTransaction, keysOf, rangeOf } from '../state/sorted-image.ts';
import type { RangeOptions, StateStore, StoreKey, Table, WriteTransaction } from '../state/state-store.ts';

/** Points that every write passes: its effects are visible but not durable; they are durable and nobody knows it yet. */
export type CrashPoint = 'before-sync' | 'after-sync';

/**
 * Called at each point, with the number of the write (from 1). It may call `crash()`, throw (the disk refuses: the write
 * and all later ones fail with STORE_FAILED), or return a promise that holds the write there.
 */
export type CrashHook = (point: CrashPoint, write: number) => void | Promise<void>;

/**
 * A store in memory with a durable and a volatile image. A write changes the volatile one, and becomes durable at its
 * sync; `crash()` drops what was not synced, and `reopen()` gives the store as a new process would find it.
 */
export class CrashStore implements StateStore {
  private durable: Image;
  private volatile: Image;
  private readonly hook: CrashHook;
  private writes = 0;
  private tail: Promise<unknown> = Promise.resolve();
  private failure: MillraceError | undefined;
  private readonly crashed: Promise<void>;
  private release: () => void = () => {};

  constructor(hook: CrashHook = () => {}, image: Image = emptyImage()) {
    this.crashed = new Promise((resolve) => {
      this.release = resolve;
    });
    this.hook = hook;
    this.durable = image;
    this.volatile = image;
  }

  /** The machine stops: this handle fails from now on, writes that are under way included. */
  crash(): void {
    this.failure ??= new MillraceError('STORE_FAILED', 'the store has crashed');
    this.release();
  }

  /** The store after the crash, or after `close()`. */
  reopen(hook: CrashHook = () => {}): CrashStore {
    this.crash();
    return new CrashStore(hook, this.durable);
  }

  get(table: Table, key: StoreKey): Uint8Array | undefined {
    this.assertAlive();
    return getFrom(this.volatile[table], key);
  }

  range(table: Table, options: RangeOptions): Iterable<[StoreKey, Uint8Array]> {
    this.assertAlive();
    return rangeOf(this.volatile[table], options);
  }

  keys(table: Table, options: RangeOptions): Iterable<StoreKey> {
    this.assertAlive();
    return keysOf(this.volatile[table], options);
  }

  async write<R>(body: (transaction: WriteTransaction) => R): Promise<R> {
    this.assertAlive();
    const written = this.tail.then(() => this.commit(body));
    this.tail = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.tail;
    this.failure ??= new MillraceError('STORE_FAILED', 'the store is closed');
  }

  private async commit<R>(body: (transaction: WriteTransaction) => R): Promise<R> {
    this.assertAlive();
    const transaction = new ImageTransaction(this.volatile);
    const result = body(transaction);
    this.volatile = transaction.image;
    const write = ++this.writes;
    await this.pass('before-sync', write);
    this.durable = transaction.image;
    await this.pass('after-sync', write);
    return result;
  }

  private async pass(point: CrashPoint, write: number): Promise<void> {
    try {
      await Promise.race([this.hook(point, write), this.crashed]);
    } catch (thrown) {
      this.failure ??= new MillraceError('STORE_FAILED', `the disk refused write ${write}: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
    this.assertAlive();
  }

  private assertAlive(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
