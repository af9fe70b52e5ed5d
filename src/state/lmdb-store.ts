/** The durable store: one LMDB environment in a folder, shared by processes, one sub-database a table. */
import { MillraceError } from '../core/errors.ts';
import { DiskProbe } from './disk-probe.ts';
import { environmentAt, type LmdbEnvironment } from './lmdb-environment.ts';
import { assertKey } from './sorted-image.ts';
import type { RangeOptions, StateStore, StoreKey, Table, WriteTransaction } from './state-store.ts';
import { storeFailure } from './store-failure.ts';
import { WritesUnderWay, writesOfProcess } from './writes-under-way.ts';

/** LMDB takes no empty key, not even as a bound; this is the least one there is. */
const FIRST_KEY = Buffer.of(0);
const DEFAULT_COMMIT_TIMEOUT_MS = 30_000;
/** A timer may fire late because the event loop was blocked; what had settled by then gets this long to be seen. */
const SETTLE_GRACE_MS = 1_000;

const FIRST_CHECK_BYTES = 256 * 1024;

export interface LmdbStoreOptions {
  /** How long a commit may take, the wait for other processes' writes included, before the store counts as failed. */
  readonly commitTimeoutMs?: number;
}

/**
 * Opens the store in the folder `dir`, and creates both where they are missing.
 *
 * A write resolves when LMDB has synced its pages and its meta page. Reads see every commit, of other processes too. One
 * writer runs at a time over all processes; what several callers of one process write in the same turn may share a
 * commit, each still whole or not at all.
 * @throws MillraceError STORE_FAILED when the folder cannot be used, or was written in another format
 */
export function openLmdbStore(dir: string, options: LmdbStoreOptions = {}): StateStore {
  return new LmdbStore(dir, environmentAt(dir), options.commitTimeoutMs ?? DEFAULT_COMMIT_TIMEOUT_MS);
}

class LmdbStore implements StateStore {
  private readonly dir: string;
  private readonly environment: LmdbEnvironment;
  private readonly probe: DiskProbe;
  private readonly commitTimeoutMs: number;
  private readonly writes = new WritesUnderWay();
  /** By the body that runs. */
  private readonly written = { puts: 0, bytes: 0 };
  /** Doubled with each check: what is tried costs as much as what is written. */
  private checkAtBytes = FIRST_CHECK_BYTES;
  private closing: Promise<void> | undefined;

  constructor(dir: string, environment: LmdbEnvironment, commitTimeoutMs: number) {
    this.dir = dir;
    this.probe = new DiskProbe(dir);
    this.environment = environment;
    this.commitTimeoutMs = commitTimeoutMs;
  }

  get(table: Table, key: StoreKey): Uint8Array | undefined {
    this.assertUsable();
    assertKey(key);
    // Without a reset, a snapshot that was taken earlier in this turn hides what others have committed since.
    if (!this.environment.inBody) this.environment.root.resetReadTxn();
    return this.guard(() => this.environment.tables[table].getBinary(key));
  }

  range(table: Table, options: RangeOptions): Iterable<[StoreKey, Uint8Array]> {
    this.assertUsable();
    if (this.environment.inBody) return this.guard(() => [...this.entries(table, options)]);
    return this.snapshot(table, options);
  }

  keys(table: Table, options: RangeOptions): Iterable<StoreKey> {
    this.assertUsable();
    if (!this.environment.inBody) this.environment.root.resetReadTxn();
    const bounds = boundsOf(options);
    return bounds === undefined ? [] : this.guard(() => [...this.environment.tables[table].getKeys(bounds)]);
  }

  async write<R>(body: (transaction: WriteTransaction) => R): Promise<R> {
    this.assertUsable();
    if (this.environment.inBody)
      throw new Error('write() was called inside the body of another write(): use its transaction');
    const committed = this.watch(this.transact(body));
    this.writes.add(committed);
    writesOfProcess.add(committed);
    return committed;
  }

  close(): Promise<void> {
    this.closing ??= this.release();
    return this.closing;
  }

  private async release(): Promise<void> {
    await this.writes.ended();
    this.probe.close();
    await this.environment.release();
  }

  private async transact<R>(body: (transaction: WriteTransaction) => R): Promise<R> {
    let thrown: { readonly error: unknown } | undefined;
    try {
      // A child transaction can be taken back alone when its body throws.
      return await this.environment.root.childTransaction(() => {
        this.environment.inBody = true;
        this.written.puts = this.written.bytes = 0;
        this.checkAtBytes = FIRST_CHECK_BYTES;
        try {
          const result = body(this.transaction);
          this.probe.check(this.written);
          return result;
        } catch (error) {
          thrown = { error };
          throw error;
        } finally {
          this.environment.inBody = false;
        }
      });
    } catch (error) {
      if (thrown !== undefined) throw thrown.error;
      throw this.fail(await causeOf(error));
    }
  }

  /** The one transaction that can be open at a time. */
  private readonly transaction: WriteTransaction = {
    get: (table, key) => this.get(table, key),
    range: (table, options) => this.range(table, options),
    keys: (table, options) => this.keys(table, options),
    put: (table, key, value) => {
      this.assertInBody();
      assertKey(key);
      this.count(value.length);
      this.guard(() => void this.environment.tables[table].put(key, value as Buffer));
    },
    delete: (table, key) => {
      this.assertInBody();
      assertKey(key);
      this.guard(() => void this.environment.tables[table].remove(key));
    },
  };

  /** A large transaction is written in part before it is committed: what is to come of it must have room before that. */
  private count(bytes: number): void {
    this.written.puts++;
    this.written.bytes += bytes;
    if (this.written.bytes < this.checkAtBytes) return;
    this.checkAtBytes = this.written.bytes * 2;
    this.probe.check(this.written);
  }

  private *snapshot(table: Table, options: RangeOptions): Generator<[StoreKey, Uint8Array]> {
    this.environment.root.resetReadTxn();
    yield* this.entries(table, options);
  }

  private *entries(table: Table, options: RangeOptions): Generator<[StoreKey, Uint8Array]> {
    const bounds = boundsOf(options);
    if (bounds === undefined) return;
    for (const { key, value } of this.environment.tables[table].getRange(bounds)) yield [key, value];
  }

  /** After a failed sync or a full disk some commits never settle: time decides for them. */
  private watch<R>(commit: Promise<R>): Promise<R> {
    return new Promise((settle, reject) => {
      const giveUp = () => {
        reject(this.fail(new Error(`a commit has not settled within ${this.commitTimeoutMs} ms`)));
      };
      let timer = setTimeout(() => {
        timer = setTimeout(giveUp, SETTLE_GRACE_MS);
      }, this.commitTimeoutMs);
      commit.finally(() => clearTimeout(timer)).then(settle, reject);
    });
  }

  private guard<R>(access: () => R): R {
    try {
      return access();
    } catch (thrown) {
      throw this.fail(thrown);
    }
  }

  private fail(cause: unknown): MillraceError {
    return this.environment.fail(storeFailure(this.dir, cause));
  }

  private assertUsable(): void {
    if (this.environment.failure !== undefined) throw this.environment.failure;
    if (this.closing !== undefined) throw new MillraceError('STORE_FAILED', `the state in ${this.dir} is closed`);
  }

  private assertInBody(): void {
    if (!this.environment.inBody) throw new Error('a transaction was used after the body of its write() had returned');
  }
}

/** As lmdb takes them; `undefined` where there can be nothing within. */
function boundsOf({ from, to, limit, reverse }: RangeOptions) {
  if (Buffer.compare(from, to) >= 0 || limit === 0) return undefined;
  const first = from.length === 0 ? FIRST_KEY : from;
  return reverse
    ? { start: to, end: first, limit, reverse: true, exclusiveStart: true, inclusiveEnd: true }
    : { start: first, end: to, limit };
}

/** LMDB's reason stands behind a promise of its own. */
async function causeOf(error: unknown): Promise<unknown> {
  const reason = (error as { commitError?: Promise<never> } | undefined)?.commitError;
  if (reason === undefined) return error;
  return new Promise((settle) => {
    const timer = setTimeout(settle, SETTLE_GRACE_MS, error);
    reason.catch((cause: unknown) => {
      clearTimeout(timer);
      settle(cause);
    });
  });
}
