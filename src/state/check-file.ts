/**
 * Looks at a store's file before LMDB maps it: of one that is cut off or overwritten at its head LMDB does not say so, it dies
 * by a signal.
 * @see http://www.lmdb.tech/doc/group__internal.html (MDB_page, MDB_meta)
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import { DAMAGED } from './store-failure.ts';

/** Within the folder of a store. */
export const FILE = 'data.mdb';
const MAGIC = 0xbeefc0de;
/** Behind the head of a page. */
const META_AT = 24;
/** Places in a meta page, from its magic on. */
const AT = { pageBytes: 24, lastPage: 120, transaction: 128 };
const META_BYTES = 136;
const MIN_PAGE_BYTES = 256;

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** @throws MillraceError STORE_FAILED when the file cannot be what LMDB wrote; one that is missing or empty is fine */
export function refuseBrokenFile(dir: string): void {
  const file = openIfThere(join(dir, FILE));
  if (file === undefined) return;
  try {
    if (fstatSync(file).size === 0) return;
    // Another process may be writing just now: what looks broken is looked at again.
    const problem = problemOf(file) && problemOf(file);
    if (problem !== undefined) throw broken(dir, problem);
  } finally {
    closeSync(file);
  }
}

function problemOf(file: number): string | undefined {
  const first = readMeta(file, 0);
  const second = first && readMeta(file, first.pageBytes);
  if (first === undefined || second === undefined) return 'its head is not one that LMDB has written';
  const { lastPage, pageBytes } = first.transaction > second.transaction ? first : second;
  const needed = (Number(lastPage) + 1) * pageBytes;
  // Pages are written before the head that names them, so the size is asked for behind it.
  const { size } = fstatSync(file);
  return needed > size ? `${FILE} has ${size} bytes of ${needed}` : undefined;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readMeta(file: number, page: number): Meta | undefined {
  const bytes = Buffer.alloc(META_BYTES);
  if (readSync(file, bytes, 0, META_BYTES, page + META_AT) < META_BYTES || bytes.readUInt32LE(0) !== MAGIC)
    return undefined;
  const pageBytes = bytes.readUInt16LE(AT.pageBytes);
  if (pageBytes < MIN_PAGE_BYTES) return undefined;
  return {
    pageBytes,
    lastPage: bytes.readBigUInt64LE(AT.lastPage),
    transaction: bytes.readBigUInt64LE(AT.transaction),
  };
}

function broken(dir: string, what: string): MillraceError {
  return new MillraceError('STORE_FAILED', `the state directory ${dir} is damaged: ${what}`, {
    hint: DAMAGED,
  });
}
