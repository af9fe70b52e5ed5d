import { beforeEach, describe, expect, it } from 'vitest';
import { AppendOutput } from '../../src/files/append-output.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';

const PATH = '/output/rows.jsonl';

let disk: CrashDisk;
let held: number;
const credit = {
  hold(bytes: number) {
    held += bytes;
  },
  release(bytes: number) {
    held -= bytes;
  },
};

beforeEach(async () => {
  held = 0;
  disk = new CrashDisk();
  await disk.mkdir('/output');
});

const text = async () => Buffer.from(await disk.read(PATH)).toString();
const put = (offset: number, added: string) => disk.write(PATH, offset, Buffer.from(added));

async function opened(manifest?: unknown): Promise<AppendOutput> {
  const output = new AppendOutput(disk, PATH, credit);
  await output.recover(manifest);
  return output;
}

async function checkpoint(output: AppendOutput, lines: string): Promise<unknown> {
  output.append(lines);
  const manifest = await output.seal();
  await output.publish(manifest);
  return manifest;
}

describe('the output of a file that only grows', () => {
  it('makes the folder, and the file only when there is something in it', async () => {
    disk = new CrashDisk();
    const output = await opened();
    await output.publish(await output.seal());
    expect([await disk.list('/output'), output.idle]).toEqual([[], true]);
  });

  it('puts nothing into the file before the commit', async () => {
    const output = await opened();
    output.append('1\n');
    const manifest = await output.seal();
    expect(await disk.size(PATH)).toBeUndefined();
    expect(manifest).toEqual({ path: PATH, length: 0, pending: Buffer.from('1\n') });
  });

  it('writes the same when it publishes twice', async () => {
    const output = await opened();
    const manifest = await checkpoint(output, '1\n');
    await output.publish(manifest);
    await opened(manifest);
    expect(await text()).toBe('1\n');
  });

  it('appends to a file that was there before the first checkpoint', async () => {
    await put(0, 'old\n');
    const output = await opened();
    const manifest = await checkpoint(output, '1\n');
    expect([await text(), manifest]).toEqual(['old\n1\n', expect.objectContaining({ length: 4 })]);
  });

  it('refuses a file from before whose last line has no end', async () => {
    await put(0, 'half a li');
    await expect(opened()).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: '/output/rows.jsonl does not end with a whole line',
    });
  });

  it('takes credit for what waits for the commit and gives it back when it is written', async () => {
    const output = await opened();
    output.append('123\n');
    const manifest = await output.seal();
    output.append('4\n');
    expect(held).toBe(6);
    await output.publish(manifest);
    expect(held).toBe(2);
  });
});

describe('a file that somebody else has changed', () => {
  it.each([
    ['was removed', () => disk.remove(PATH), 'is shorter than the checkpoint knows it: 0 bytes of 2'],
    ['was cut', () => disk.truncate(PATH, 1), 'is shorter than the checkpoint knows it: 1 bytes of 2'],
    ['was appended to', () => put(4, 'foreign\n'), 'has 12 bytes, some of which the checkpoint does not know of'],
    ['has other bytes where a line was published', () => put(2, 'X'), 'some of which the checkpoint does not know of'],
  ])('is refused at the start: %s', async (_, change, words) => {
    const output = await opened();
    await checkpoint(output, '1\n');
    const manifest = await checkpoint(output, '2\n');
    await change();
    await expect(opened(manifest)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining(words) as string,
      hint: expect.stringContaining('millrace reset NAME --apply') as string,
    });
  });

  it.each([
    ['was removed', () => disk.remove(PATH)],
    ['was appended to', () => put(2, 'foreign\n')],
  ])('is refused in the middle of a run, and left as it is: %s', async (_, change) => {
    const output = await opened();
    await checkpoint(output, '1\n');
    await change();
    const before = await disk.size(PATH);
    await expect(checkpoint(output, '2\n')).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' });
    expect(await disk.size(PATH)).toBe(before);
  });
});

describe('a disk that fails', () => {
  it('stops the publication, which the next run makes whole', async () => {
    let full = true;
    disk = new CrashDisk(({ operation }) => (operation === 'write' && full ? 3 : undefined));
    const output = await opened();
    output.append('12345\n');
    const manifest = await output.seal();
    await expect(output.publish(manifest)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    full = false;
    await opened(manifest);
    expect(await text()).toBe('12345\n');
  });
});
