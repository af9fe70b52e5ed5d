import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { makeFolders } from '../../src/state/make-folders.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-folders-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const hasProc = existsSync('/proc/self');

describe('folders that are made with those above them', () => {
  it('are all there, and the first that was missing is named', () => {
    expect(makeFolders(join(root, 'a/b/c'))).toBe(join(root, 'a'));
    expect(makeFolders(join(root, 'a/b/d'))).toBe(join(root, 'a/b/d'));
    expect(makeFolders(join(root, 'a/b'))).toBeUndefined();
    expect(existsSync(join(root, 'a/b/c'))).toBe(true);
  });

  it('are refused below a file and in place of one', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolders(join(root, 'file'))).toThrow(/EEXIST/);
    expect(() => makeFolders(join(root, 'file/a'))).toThrow(/ENOTDIR/);
  });

  it.runIf(hasProc)('are refused, and do not hang, where nothing can be made', async () => {
    expect(() => makeFolders('/proc/millrace/state')).toThrow('no folder can be made in /proc');
    expect(() => openLmdbStore('/proc/millrace/state')).toThrow(
      expect.objectContaining({
        code: 'STORE_FAILED',
        message: expect.stringContaining('no folder can be made in /proc'),
      }),
    );
    await expect(nodeDisk.mkdir('/proc/millrace/output')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: 'cannot make /proc/millrace/output: no folder can be made in /proc',
      hint: expect.stringContaining('choose another folder'),
    });
  });
});

describe('folders of the disk', () => {
  it('are made with those above them, and again', async () => {
    await nodeDisk.mkdir(join(root, 'a/b/c'));
    await nodeDisk.mkdir(join(root, 'a/b/c'));
    expect(await nodeDisk.list(join(root, 'a/b'))).toEqual(['c']);
    await nodeDisk.write(join(root, 'file'), 0, Buffer.from('x'));
    await expect(nodeDisk.mkdir(join(root, 'file/a'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});
