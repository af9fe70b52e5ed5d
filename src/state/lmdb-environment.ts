/** LMDB's environments of this process: one for each folder, however often it is opened. */
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { MillraceError, messageOf } from '../core/errors.ts';
import { roomText } from '../files/room.ts';
import { FILE, refuseBrokenFile } from './check-file.ts';
import { makeFolders } from './make-folders.ts';
import { TABLES, type Table } from './state-store.ts';
import { assertRoom } from './store-failure.ts';

/** What the tables mean; raised when a newer millrace writes something that an older one would misread. */
const FORMAT_VERSION = 2;
const FORMAT_KEY = Buffer.from('format');
const MAX_DATABASES = 12;

const OPTIONS = {
  noSubdir: false,
  maxDbs: MAX_DATABASES,
  encoding: 'binary',
  // Overlapping syncs acknowledge a commit whose sync may still fail.
  overlappingSync: false,
  // A batch of the turn has a promise that nobody can see, and whose rejection would end the process.
  eventTurnBatching: false,
} as const;

type Tables = Readonly<Record<Table, Database<Buffer, Uint8Array>>>;

/** By their file, which a path may name in several ways, and which another one may follow under the same path. */
const environments = new Map<string, LmdbEnvironment>();

/**
 * The environment of the folder `dir`, which is created where it is missing. One that is open already is shared: to open a second
 * one takes the lock of writers on this thread, and whoever holds it may wait for this thread.
 * @throws MillraceError STORE_FAILED when the folder cannot be used, or was written in another format
 */
export function environmentAt(dir: string): LmdbEnvironment {
  try {
    const found = environments.get(fileIn(dir) ?? '');
    if (found === undefined) return LmdbEnvironment.open(dir);
    found.users++;
    return found;
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown;
    const message = `the state directory ${dir} cannot be opened: ${messageOf(thrown)}${roomText(dir)}`;
    throw new MillraceError('STORE_FAILED', message, {
      hint: 'check that the directory exists, is a folder, can be written and has space, or give another one (--data DIR)',
      cause: thrown,
    });
  }
}

export class LmdbEnvironment {
  readonly root: RootDatabase<Buffer, Uint8Array>;
  readonly tables: Tables;
  /** What has made it useless, for all who share it. */
  failure: MillraceError | undefined;
  /** The body of a transaction runs. */
  inBody = false;
  users = 1;
  private readonly file: string;

  static open(dir: string): LmdbEnvironment {
    const firstMade = makeFolders(dir);
    refuseBrokenFile(dir);
    const root = open<Buffer, Uint8Array>({ ...OPTIONS, path: dir });
    try {
      const table = (name: Table) =>
        root.openDB<Buffer, Uint8Array>(name, { keyEncoding: 'binary', encoding: 'binary' });
      const tables = Object.fromEntries(TABLES.map((name) => [name, table(name)])) as unknown as Tables;
      syncNames(dir, firstMade);
      checkFormat(dir, tables);
      return new LmdbEnvironment(fileIn(dir)!, root, tables);
    } catch (thrown) {
      root.close().catch(() => {});
      throw thrown;
    }
  }

  private constructor(file: string, root: RootDatabase<Buffer, Uint8Array>, tables: Tables) {
    this.file = file;
    this.root = root;
    this.tables = tables;
    environments.set(file, this);
  }

  fail(failure: MillraceError): MillraceError {
    this.failure ??= failure;
    this.forget();
    return this.failure;
  }

  /** To be called once by each who has opened it, when nothing of his is under way; the last one closes it. */
  async release(): Promise<void> {
    if (--this.users > 0) return;
    // A poisoned environment waits for ever for the commits that it lost.
    if (this.failure !== undefined) return;
    // What was taken back may hold the lock yet. Whoever opens the folder meanwhile shares this one, and it stays.
    await Promise.resolve(this.root.committed).catch(() => {});
    if (this.users > 0) return;
    this.forget();
    await this.root.close();
  }

  private forget(): void {
    if (environments.get(this.file) === this) environments.delete(this.file);
  }
}

/** Tells the file in a folder from every other that is there or open; `undefined` when there is none. */
function fileIn(dir: string): string | undefined {
  const found = statSync(join(dir, FILE), { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
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
