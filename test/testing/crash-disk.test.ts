import { describe, expect, it } from 'vitest';
import { randomAt } from '../../src/core/random.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';

const bytes = (text: string) => Buffer.from(text);
const textOf = async (disk: CrashDisk, path: string) => Buffer.from(await disk.read(path)).toString();

async function written(disk: CrashDisk, path: string, text: string): Promise<CrashDisk> {
  await disk.write(path, 0, bytes(text));
  return disk;
}

describe('the disk for tests', () => {
  it('forgets bytes that were not synced', async () => {
    const disk = await written(new CrashDisk(), '/a', 'old');
    await disk.sync('/a');
    await disk.syncDir('/');
    await disk.write('/a', 3, bytes('new'));
    expect(await textOf(disk, '/a')).toBe('oldnew');
    expect(await textOf(disk.reopen(), '/a')).toBe('old');
  });

  it('forgets a file whose name was not synced, although its bytes were', async () => {
    const disk = await written(new CrashDisk(), '/a', 'x');
    await disk.sync('/a');
    expect(await disk.reopen().size('/a')).toBeUndefined();
  });

  it('knows the name of a file whose bytes were not synced', async () => {
    const disk = await written(new CrashDisk(), '/a', 'x');
    await disk.syncDir('/');
    expect(await disk.reopen().size('/a')).toBe(0);
  });

  it('takes a rename back at both ends, and gives the replaced file again', async () => {
    const disk = await written(await written(new CrashDisk(), '/a', 'a'), '/b', 'b');
    for (const path of ['/a', '/b']) await disk.sync(path);
    await disk.syncDir('/');
    await disk.rename('/a', '/b');
    const left = disk.reopen();
    expect([await textOf(left, '/a'), await textOf(left, '/b')]).toEqual(['a', 'b']);
  });

  it('does not bring a moved name back once the rename is durable', async () => {
    const disk = new CrashDisk();
    await disk.mkdir('/d');
    await written(disk, '/d/a', 'a');
    await disk.sync('/d/a');
    await disk.rename('/d/a', '/a');
    await disk.syncDir('/');
    await disk.syncDir('/d');
    const left = disk.reopen();
    expect([await left.list('/d'), await textOf(left, '/a')]).toEqual([[], 'a']);
  });

  it('keeps everything when only the process dies, until the machine stops', async () => {
    const disk = await written(new CrashDisk(), '/a', 'x');
    const next = disk.reopen('none');
    expect(await textOf(next, '/a')).toBe('x');
    expect(await next.reopen('all').size('/a')).toBeUndefined();
  });

  it('tears writes: every part of one can survive, alone too', async () => {
    const seen = new Set<string | undefined>();
    for (let seed = 0; seed < 300; seed++) {
      const disk = await written(new CrashDisk(), '/a', 'xyz');
      await disk.syncDir('/');
      seen.add(await textOf(disk.reopen(randomAt(seed, 0)), '/a'));
    }
    expect([...seen]).toEqual(expect.arrayContaining(['', 'x', 'xy', 'xyz', '\0y', '\0\0z']));
  });

  it('never makes durable what a failed sync left behind', async () => {
    let broken = true;
    const disk = new CrashDisk(({ operation }) => {
      if (operation === 'sync' && broken) throw new Error('EIO: i/o error');
    });
    await written(disk, '/a', 'lost');
    await expect(disk.sync('/a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    broken = false;
    await disk.write('/a', 4, bytes('kept'));
    await disk.sync('/a');
    await disk.syncDir('/');
    expect(await textOf(disk, '/a')).toBe('lostkept');
    expect(await textOf(disk.reopen(), '/a')).toBe('\0\0\0\0kept');
  });

  it('writes a part and fails when the disk is full', async () => {
    const disk = new CrashDisk(({ operation }) => (operation === 'write' ? 2 : undefined));
    await expect(disk.write('/a', 0, bytes('xyz'))).rejects.toThrow('ENOSPC');
    expect(await textOf(disk, '/a')).toBe('xy');
  });

  it('fails operations that are under way at the crash, and all later ones', async () => {
    const disk: CrashDisk = new CrashDisk(({ operation }) => (operation === 'sync' ? disk.crash() : undefined));
    await written(disk, '/a', 'x');
    await expect(disk.sync('/a')).rejects.toThrow('crashed');
    await expect(disk.size('/a')).rejects.toThrow('crashed');
  });
});
