import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeDisk } from '../../src/files/node-disk.ts';

/** Calls on opened files, in order; and how many bytes one write takes at most. */
const seen = vi.hoisted(() => ({ calls: [] as string[], maxWrite: Number.POSITIVE_INFINITY }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const open = async (path: string, flags: string | number): Promise<FileHandle> => {
    const file = await original.open(path, flags);
    const write = file.write.bind(file) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
    const [sync, datasync] = [file.sync.bind(file), file.datasync.bind(file)];
    const log = <R>(call: string, run: () => Promise<R>) => (seen.calls.push(`${call} ${path}`), run());
    const watched = {
      write: (bytes: Uint8Array, from: number, length: number, at: number) =>
        log('write', () => write(bytes, from, Math.min(length, seen.maxWrite), at)),
      sync: () => log('sync', sync),
      datasync: () => log('datasync', datasync),
    };
    return Object.assign<FileHandle, object>(file, watched);
  };
  return { ...original, open };
});

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-node-disk-'));
  seen.calls = [];
  seen.maxWrite = Number.POSITIVE_INFINITY;
});

afterEach(() => rmSync(root, { recursive: true }));

describe('the real disk', () => {
  it('writes all bytes when the system takes a few at a time', async () => {
    seen.maxWrite = 3;
    await nodeDisk.write(join(root, 'a'), 2, Buffer.from('0123456789'));
    expect(readFileSync(join(root, 'a'), 'latin1')).toBe('\0\x000123456789');
    expect(seen.calls).toHaveLength(4);
  });

  it('fails when the system takes no more bytes', async () => {
    seen.maxWrite = 0;
    await expect(nodeDisk.write(join(root, 'a'), 0, Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  it('syncs the contents of a file, and of a folder its names', async () => {
    await nodeDisk.write(join(root, 'a'), 0, Buffer.from('x'));
    await nodeDisk.sync(join(root, 'a'));
    await nodeDisk.syncDir(root);
    expect(seen.calls).toEqual([`write ${root}/a`, `datasync ${root}/a`, `sync ${root}`]);
  });

  it('makes every folder on the way durable', async () => {
    await nodeDisk.mkdir(join(root, 'a/b/c'));
    expect(seen.calls.toSorted()).toEqual([`sync ${root}`, `sync ${root}/a`, `sync ${root}/a/b`]);
  });

  it('makes a folder durable that a run before it has made and not synced', async () => {
    await nodeDisk.mkdir(join(root, 'a'));
    seen.calls = [];
    await nodeDisk.mkdir(join(root, 'a'));
    expect(seen.calls).toEqual([`sync ${root}`]);
  });

  it('reads a part of a file, and less where the file ends', async () => {
    writeFileSync(join(root, 'a'), 'abcdef');
    const part = await nodeDisk.read(join(root, 'a'), 2, 4);
    const rest = await nodeDisk.read(join(root, 'a'), 4, 99);
    expect([Buffer.from(part).toString(), Buffer.from(rest).toString()]).toEqual(['cd', 'ef']);
  });
});

describe('an error of the real disk', () => {
  it.each([
    ['a full disk', () => nodeDisk.write('/dev/full', 0, Buffer.from('x')), 'cannot write /dev/full', /make room/],
    [
      'a folder in place of a file',
      () => nodeDisk.write(root, 0, Buffer.from('x')),
      'cannot write',
      /a folder of that name/,
    ],
    ['the size of a folder', () => nodeDisk.size(root), 'cannot read', /a folder of that name/],
    ['a file that is gone', () => nodeDisk.sync(join(root, 'gone')), 'cannot sync', /put it back/],
    ['a file on the way', () => nodeDisk.mkdir('/dev/null/a'), 'cannot make /dev/null/a', /not a folder/],
  ])('names the path and what to do: %s', async (_, call, message, hint) => {
    await expect(call()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });
});
