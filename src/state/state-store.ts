/**
 * The port to durable state: one ordered key-value environment with atomic, durable write transactions, shared by the
 * embedded log, the checkpoints and the keyed state. LMDB and memory implement it, under one model-based suite.
 */

/** Keys are compared as unsigned bytes; at most MAX_KEY_BYTES. */
export type StoreKey = Uint8Array;

export const MAX_KEY_BYTES = 1_900;

/** Tables that share the environment. */
export const TABLES = ['meta', 'log', 'tasks', 'state'] as const;
export type Table = (typeof TABLES)[number];

export interface RangeOptions {
  /** Inclusive. */
  readonly from: StoreKey;
  /** Exclusive. */
  readonly to: StoreKey;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface ReadView {
  get(table: Table, key: StoreKey): Uint8Array | undefined;
  range(table: Table, options: RangeOptions): Iterable<[StoreKey, Uint8Array]>;
  /** The keys of a range, without reading what lies under them. */
  keys(table: Table, options: RangeOptions): Iterable<StoreKey>;
}

export interface WriteTransaction extends ReadView {
  put(table: Table, key: StoreKey, value: Uint8Array): void;
  delete(table: Table, key: StoreKey): void;
}

export interface StateStore extends ReadView {
  /** Reads see the last committed transaction, also another process's. */
  get(table: Table, key: StoreKey): Uint8Array | undefined;
  /**
   * Runs `body` synchronously as the only writer of the environment, over all processes, and resolves when its writes are
   * on disk. When `body` throws nothing is written and the promise rejects with what it threw.
   * @throws MillraceError STORE_FAILED when the disk refuses (full, failed sync); the environment is then unusable.
   */
  write<R>(body: (transaction: WriteTransaction) => R): Promise<R>;
  /** Waits for running writes and releases the environment. */
  close(): Promise<void>;
}
