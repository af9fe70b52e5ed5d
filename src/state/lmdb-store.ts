/** The durable store: one LMDB environment in a folder, shared by processes, one sub-database a table. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { refuseBrokenFile } from './check-file.ts';
import { MillraceError, messageOf } from '../core/errors.ts';
import { roomText } from '../files/room.ts';
import { DiskProbe } from './disk-probe.ts';
import { makeFolders } from './make-folders.ts';
import { assertKey } from './sorted-image.ts';
import { assertRoom, storeFailure } from './store-failure.ts';
import {
  type RangeOptions,
  type StateStore,
  type StoreKey,
  type Table,
  TABLES,
  type WriteTransaction,
} from './state-store.ts';

/** What the tables mean; raised when a newer millrace writes something that an older one would misread. */
const FORMAT_VERSION = 2;
const FORMAT_KEY = Buffer.from('format');
/** LMDB takes no empty key, not even as a bound; this is the least one there is. */
const FIRST_KEY = Buffer.of(0);
const DEFAULT_COMMIT_TIMEOUT_MS = 30_000;
/** A timer may fire late because the event loop was blocked; what had settled by then gets this long to be seen. */
const SETTLE_GRACE_MS = 1_000;
const MAX_DATABASES = 12;

const FIRST_CHECK_BYTES = 256 * 1024;

const ENVIRONMENT = {
  noSubdir: false,
  maxDbs: MAX_DATABASES,
  encoding: 'binary',
  // Overlapping syncs acknowledge a commit whose sync may still fail.
  overlappingSync: false,
  // A batch of the turn has a promise that nobody can see, and whose rejection would end the process.
  eventTurnBatching: false,
} as const;

export interface LmdbStoreOptions {
  /** How long a commit may take, the wait for other processes' writes included, before the store counts as failed. */
  readonly commitTimeoutMs?: number;
}

type Tables = Readonly<Record<Table, Database<Buffer, Uint8Array>>>;

/**
 * Opens the store in the folder `dir`, and creates both where they are missing.
 *
 * A write resolves when LMDB has synced its pages and its meta page. Reads see every commit, of other processes too. One
 * writer runs at a time over all processes; what several callers of one process write in the same turn may share a
 * commit, each still whole or not at all.
 * @throws MillraceError STORE_FAILED when the folder cannot be used, or was written in a newer format
 */
export function openLmdbStore(dir: string, options: LmdbStoreOptions = {}): StateStore {
  let root: RootDatabase<Buffer, Uint8Array>;
  let tables: Tables;
  try {
    const firstMade = makeFolders(dir);
    refuseBrokenFile(dir);
    root = open({ ...ENVIRONMENT, path: dir });
    const table = (name: Table) => root.openDB<Buffer, Uint8Array>(name, { keyEncoding: 'binary', encoding: 'binary' });
    tables = Object.fromEntries(TABLES.map((name) => [name, table(name)])) as unknown as Tables;
    syncNames(dir, firstMade);
    checkFormat(dir, tables);
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown;
    const message = `the state directory ${dir} cannot be opened: ${messageOf(thrown)}${roomText(dir)}`;
    throw new MillraceError('STORE_FAILED', message, {
      hint: 'check that the directory exists, is a folder, can be written and has space, or give another one (--data DIR)',
      cause: thrown,
    });
  }
  return new LmdbStore(dir, root, tables, options.commitTimeoutMs ?? DEFAULT_COMMIT_TIMEOUT_MS);
}

function checkFormat(dir: string, tables: Tables): void {
  const found = tables.meta.getBinary(FORMAT_KEY)?.toString();
  if (found === String(FORMAT_VERSION)) return;
  if (found !== undefined) {
    const fitting = Number(found) < FORMAT_VERSION ? 'an older one' : 'a newer one';
    throw new MillraceError(
      'STORE_FAILED',
      `the state directory ${dir} has format version ${found}, and this millrace reads version ${FORMAT_VERSION}`,
      { hint: `go on with the millrace that wrote it, ${fitting}, or give this one another directory (--data DIR)` },
    );
  }
  assertRoom(dir, { puts: 1, bytes: 0 });
  tables.meta.putSync(FORMAT_KEY, Buffer.from(String(FORMAT_VERSION)));
}

/** A sync of a file does not cover its name: syncs the folder, and those above it up to the first that was there before. */
function syncNames(dir: string, firstMade: string | undefined): void {
  const last = firstMade === undefined ? resolve(dir) : dirname(resolve(firstMade));
  for (let folder = resolve(dir); ; folder = dirname(folder)) {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (folder === last) return;
  }
}

class LmdbStore implements StateStore {
  private readonly dir: string;
  private readonly root: RootDatabase<Buffer, Uint8Array>;
  private readonly tables: Tables;
  private readonly probe: DiskProbe;
  private readonly commitTimeoutMs: number;
  private readonly running = new Set<Promise<unknown>>();
  private failure: MillraceError | undefined;
  private inBody = false;
  /** By the body that runs. */
  private readonly written = { puts: 0, bytes: 0 };
  /** Doubled with each check: what is tried costs as much as what is written. */
  private checkAtBytes = FIRST_CHECK_BYTES;
  private closing = false;

  constructor(dir: string, root: RootDatabase<Buffer, Uint8Array>, tables: Tables, commitTimeoutMs: number) {
    this.dir = dir;
    this.probe = new DiskProbe(dir);
    this.root = root;
    this.tables = tables;
    this.commitTimeoutMs = commitTimeoutMs;
  }

  get(table: Table, key: StoreKey): Uint8Array | undefined {
    this.assertUsable();
    assertKey(key);
    // Without a reset, a snapshot that was taken earlier in this turn hides what others have committed since.
    if (!this.inBody) this.root.resetReadTxn();
    return this.guard(() => this.tables[table].getBinary(key));
  }

  range(table: Table, options: RangeOptions): Iterable<[StoreKey, Uint8Array]> {
    this.assertUsable();
    if (this.inBody) return this.guard(() => [...this.entries(table, options)]);
    return this.snapshot(table, options);
  }

  keys(table: Table, options: RangeOptions): Iterable<StoreKey> {
    this.assertUsable();
    if (!this.inBody) this.root.resetReadTxn();
    const bounds = boundsOf(options);
    return bounds === undefined ? [] : this.guard(() => [...this.tables[table].getKeys(bounds)]);
  }

  async write<R>(body: (transaction: WriteTransaction) => R): Promise<R> {
    this.assertUsable();
    if (this.inBody) throw new Error('write() was called inside the body of another write(): use its transaction');
    const committed = this.watch(this.transact(body));
    this.running.add(committed);
    try {
      return await committed;
    } finally {
      this.running.delete(committed);
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    await Promise.allSettled(this.running);
    this.probe.close();
    // A poisoned environment waits for ever for the commits that it lost.
    if (this.failure === undefined) await this.root.close();
  }

  private async transact<R>(body: (transaction: WriteTransaction) => R): Promise<R> {
    let thrown: { readonly error: unknown } | undefined;
    try {
      // A child transaction can be taken back alone when its body throws.
      return await this.root.childTransaction(() => {
        this.inBody = true;
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
          this.inBody = false;
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
      this.guard(() => void this.tables[table].put(key, value as Buffer));
    },
    delete: (table, key) => {
      this.assertInBody();
      assertKey(key);
      this.guard(() => void this.tables[table].remove(key));
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
    this.root.resetReadTxn();
    yield* this.entries(table, options);
  }

  private *entries(table: Table, options: RangeOptions): Generator<[StoreKey, Uint8Array]> {
    const bounds = boundsOf(options);
    if (bounds === undefined) return;
    for (const { key, value } of this.tables[table].getRange(bounds)) yield [key, value];
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
    this.failure ??= storeFailure(this.dir, cause);
    return this.failure;
  }

  private assertUsable(): void {
    if (this.failure !== undefined) throw this.failure;
    if (this.closing) throw new MillraceError('STORE_FAILED', `the state in ${this.dir} is closed`);
  }

  private assertInBody(): void {
    if (!this.inBody) throw new Error('a transaction was used after the body of its write() had returned');
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
