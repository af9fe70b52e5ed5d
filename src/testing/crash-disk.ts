/** A disk for tests that forgets, at a crash, what was not synced: `kill -9` keeps the page cache and cannot show that. */
import { dirname } from 'node:path';
import { MillraceError, messageOf } from '../core/errors.ts';
import type { Disk, Random } from '../core/ports.ts';

export interface DiskCall {
  readonly operation: keyof Disk;
  readonly path: string;
  /** The new name of a rename. */
  readonly to?: string;
}

/**
 * Called before each operation takes effect. It may call `crash()`, throw (the operation fails with STORE_FAILED), return
 * a number (a write stops after so many bytes: the disk is full), or return a promise that holds the operation there.
 */
export type DiskHook = (call: DiskCall) => void | number | Promise<void | number>;

/**
 * What a crash takes of what was not synced: everything, nothing (only the process dies), or what chance chooses: any
 * subset of the names, and of each write any part.
 */
export type Loss = 'all' | 'none' | Random;

type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number };

/** A file without its name. */
interface Inode {
  content: Uint8Array;
  durable: Uint8Array;
  /** Since the last sync, in order. */
  pending: Change[];
}

/** A name given, moved (at once: both ends or none) or removed; durable with the sync of `folder`. */
interface NameChange {
  readonly folder: string;
  readonly remove: string | undefined;
  readonly add: string | undefined;
  readonly inode: Inode;
}

interface Image {
  readonly names: ReadonlyMap<string, Inode>;
  readonly durableNames: ReadonlyMap<string, Inode>;
  readonly changes: readonly NameChange[];
  readonly folders: ReadonlySet<string>;
}

const EMPTY: Image = { names: new Map(), durableNames: new Map(), changes: [], folders: new Set(['/']) };
const NOTHING = new Uint8Array(0);

/**
 * A disk in memory with a durable and a volatile image. Bytes become durable at `sync` of their file, names at `syncDir`
 * of their folder; `crash()` ends this handle, and `reopen(loss)` gives the disk as the next process would find it. After
 * a sync that failed, what it should have written never becomes durable, as on Linux.
 */
export class CrashDisk implements Disk {
  private readonly hook: DiskHook;
  private readonly names: Map<string, Inode>;
  private readonly durableNames: Map<string, Inode>;
  private readonly folders: Set<string>;
  private changes: NameChange[];
  private crashed = false;

  constructor(hook: DiskHook = () => {}, image = EMPTY) {
    this.hook = hook;
    this.names = new Map(image.names);
    this.durableNames = new Map(image.durableNames);
    this.changes = [...image.changes];
    this.folders = new Set(image.folders);
  }

  /** The machine stops: this handle fails from now on, operations that are under way included. */
  crash(): void {
    this.crashed = true;
  }

  /** The disk after the crash; once a handle. What was not synced and is not lost now can still be lost by the next. */
  reopen(loss: Loss = 'all', hook: DiskHook = () => {}): CrashDisk {
    this.crash();
    if (loss === 'none') return new CrashDisk(hook, this.image);
    const left = new Map(this.durableNames);
    for (const each of this.changes) if (loss !== 'all' && loss() < 0.5) applyName(left, each);
    const names = new Map([...left].map(([path, inode]) => [path, afterCrash(inode, loss)]));
    return new CrashDisk(hook, { names, durableNames: names, changes: [], folders: this.folders });
  }

  async size(path: string): Promise<number | undefined> {
    await this.enter('size', path);
    return this.names.get(path)?.content.length;
  }

  async read(path: string, start = 0, end?: number): Promise<Uint8Array> {
    await this.enter('read', path);
    return this.find('read', path).content.slice(start, end);
  }

  async write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
    // Copied before the first await: the caller may use its buffer again.
    const copy = bytes.slice();
    const stopAfter = await this.enter('write', path);
    const inode = this.names.get(path) ?? this.create(path);
    change(inode, { kind: 'write', offset, bytes: copy.subarray(0, stopAfter) });
    if (stopAfter !== undefined) throw failure('write', path, 'ENOSPC: no space left on device');
  }

  async truncate(path: string, size: number): Promise<void> {
    await this.enter('truncate', path);
    change(this.find('truncate', path), { kind: 'truncate', size });
  }

  async sync(path: string): Promise<void> {
    try {
      await this.enter('sync', path);
    } catch (thrown) {
      const inode = this.names.get(path);
      if (inode !== undefined) inode.pending = [];
      throw thrown;
    }
    const inode = this.find('sync', path);
    inode.durable = inode.pending.reduce(applyChange, inode.durable);
    inode.pending = [];
  }

  async rename(from: string, to: string): Promise<void> {
    await this.enter('rename', from, to);
    const inode = this.find('rename', from);
    this.assertFolder('rename', to);
    this.changeName({ folder: dirname(to), remove: from, add: to, inode });
  }

  async remove(path: string): Promise<void> {
    await this.enter('remove', path);
    const inode = this.names.get(path);
    if (inode !== undefined) this.changeName({ folder: dirname(path), remove: path, add: undefined, inode });
  }

  async mkdir(path: string): Promise<void> {
    await this.enter('mkdir', path, undefined, false);
    const missing: string[] = [];
    for (let made = path; !this.folders.has(made); made = dirname(made)) {
      if (this.names.has(made)) throw failure('mkdir', path, `ENOTDIR: ${made} is a file`);
      missing.push(made);
    }
    for (const made of missing) this.folders.add(made);
  }

  async list(path: string): Promise<string[]> {
    await this.enter('list', path, undefined, false);
    if (this.names.has(path)) throw failure('list', path, 'ENOTDIR: it is a file');
    const inside = [...this.names.keys(), ...this.folders].filter((each) => each !== '/' && dirname(each) === path);
    return inside.map((each) => each.slice(path === '/' ? 1 : path.length + 1)).toSorted();
  }

  async syncDir(path: string): Promise<void> {
    await this.enter('syncDir', path, undefined, false);
    if (!this.folders.has(path)) throw failure('syncDir', path, 'ENOENT: no such folder');
    const isSynced = ({ folder }: NameChange): boolean => folder === path;
    for (const each of this.changes.filter(isSynced)) applyName(this.durableNames, each);
    // A durable rename implies that its file had the old name: an earlier change cannot bring that name back.
    const isPast = (each: NameChange, i: number): boolean =>
      each.add !== undefined && this.changes.some((later, j) => j > i && isSynced(later) && later.remove === each.add);
    this.changes = this.changes.filter((each, i) => !isSynced(each) && !isPast(each, i));
  }

  private get image(): Image {
    const { names, durableNames, changes, folders } = this;
    return { names, durableNames, changes, folders };
  }

  /** Passes the hook; the number of bytes after which a write stops, if it says so. */
  private async enter(operation: keyof Disk, path: string, to?: string, isFile = true): Promise<number | undefined> {
    this.assertAlive();
    let answer: void | number;
    try {
      answer = await this.hook(to === undefined ? { operation, path } : { operation, path, to });
    } catch (thrown) {
      throw failure(operation, path, messageOf(thrown));
    }
    this.assertAlive();
    this.assertNoFileAbove(operation, path);
    if (to !== undefined) this.assertNoFileAbove(operation, to);
    if (isFile && this.folders.has(to ?? path)) throw failure(operation, path, 'EISDIR: it is a folder');
    return typeof answer === 'number' ? answer : undefined;
  }

  private assertAlive(): void {
    if (this.crashed) throw new MillraceError('STORE_FAILED', 'the disk has crashed');
  }

  private assertNoFileAbove(operation: keyof Disk, path: string): void {
    for (let above = dirname(path); above !== '/'; above = dirname(above)) {
      if (this.names.has(above)) throw failure(operation, path, `ENOTDIR: ${above} is a file`);
    }
  }

  private assertFolder(operation: keyof Disk, path: string): void {
    if (!this.folders.has(dirname(path))) throw failure(operation, path, 'ENOENT: no such folder');
  }

  private find(operation: keyof Disk, path: string): Inode {
    const inode = this.names.get(path);
    if (inode === undefined) throw failure(operation, path, 'ENOENT: no such file');
    return inode;
  }

  private create(path: string): Inode {
    this.assertFolder('write', path);
    const inode: Inode = { content: NOTHING, durable: NOTHING, pending: [] };
    this.changeName({ folder: dirname(path), remove: undefined, add: path, inode });
    return inode;
  }

  private changeName(each: NameChange): void {
    applyName(this.names, each);
    this.changes.push(each);
  }
}

function failure(operation: string, path: string, why: string): MillraceError {
  return new MillraceError('STORE_FAILED', `cannot ${operation} ${path}: ${why}`);
}

function applyName(names: Map<string, Inode>, { remove, add, inode }: NameChange): void {
  if (remove !== undefined) names.delete(remove);
  if (add !== undefined) names.set(add, inode);
}

function change(inode: Inode, each: Change): void {
  inode.content = applyChange(inode.content, each);
  inode.pending.push(each);
}

function applyChange(content: Uint8Array, each: Change): Uint8Array {
  if (each.kind === 'truncate') {
    const resized = new Uint8Array(each.size);
    resized.set(content.subarray(0, each.size));
    return resized;
  }
  if (each.bytes.length === 0) return content;
  const written = new Uint8Array(Math.max(content.length, each.offset + each.bytes.length));
  written.set(content);
  written.set(each.bytes, each.offset);
  return written;
}

function afterCrash(inode: Inode, loss: Exclude<Loss, 'none'>): Inode {
  let { durable } = inode;
  if (loss !== 'all') durable = inode.pending.flatMap((each) => torn(each, loss)).reduce(applyChange, durable);
  return { content: durable, durable, pending: [] };
}

/** What reached the disk of one change: nothing, all, its beginning, or pieces with holes between them. */
function torn(each: Change, random: Random): Change[] {
  const choice = Math.floor(random() * 4);
  if (choice === 0) return [];
  if (choice === 1 || each.kind === 'truncate') return [each];
  const { offset, bytes } = each;
  const cut = Math.floor(random() * (bytes.length + 1));
  if (choice === 2) return [{ ...each, bytes: bytes.subarray(0, cut) }];
  const end = cut + Math.floor(random() * (bytes.length - cut + 1));
  return [{ ...each, offset: offset + cut, bytes: bytes.subarray(cut, end) }];
}
