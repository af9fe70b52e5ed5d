import { beforeEach, describe, expect, it } from 'vitest';
import { RollingOutput } from '../../src/files/rolling-output.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';
import { rowsOf, textFormat } from './text-format.ts';

const DIR = '/output/rows';
const STAGING = `${DIR}/.staging/rows`;
/** 2025-01-01T00:00:00Z */
const START = 1_735_689_600_000;

let disk: CrashDisk;
let now: number;
let held: number;

beforeEach(() => {
  disk = new CrashDisk();
  now = START;
  held = 0;
});

async function opened(
  manifest?: unknown,
  signature = 'v1',
  dir = DIR,
  when: { rollFirstMs?: number } = {},
): Promise<RollingOutput<number>> {
  const world = {
    disk,
    clock: { now: () => now },
    hold: (bytes: number) => void (held += bytes),
    release: (bytes: number) => void (held -= bytes),
  };
  const options = { dir, prefix: 'rows', rollEveryMs: 1_000, rollRows: 4, rollBytes: 1_000, ...when };
  const output = new RollingOutput(world, textFormat(signature), options);
  await output.recover(manifest);
  return output;
}

async function checkpoint(output: RollingOutput<number>, epoch: number, final = false): Promise<unknown> {
  const manifest = await output.seal(epoch, final);
  await output.publish(manifest);
  return manifest;
}

const files = async () => (await disk.list(DIR)).filter((name) => !name.startsWith('.'));
const rows = async (name: string) => rowsOf(Buffer.from(await disk.read(`${DIR}/${name}`)).toString());

describe('a folder of whole files', () => {
  it('publishes a file at a stop, named for the time and the checkpoint', async () => {
    const output = await opened();
    output.append([1, 2]);
    await checkpoint(output, 42, true);
    expect(await files()).toEqual(['rows_20250101_000000_42.text']);
    expect(await rows('rows_20250101_000000_42.text')).toEqual([1, 2]);
  });

  it('publishes no file without rows', async () => {
    await checkpoint(await opened(), 1, true);
    expect(await files()).toEqual([]);
  });

  it.each([
    [999, []],
    [1_000, ['rows_20250101_000001_2.text']],
  ])('rolls at the first checkpoint 1 s after the first row: %i ms', async (ms, expected) => {
    const output = await opened();
    output.append([1]);
    await checkpoint(output, 1);
    now += ms;
    expect(output.idle).toBe(expected.length === 0);
    await checkpoint(output, 2);
    expect(await files()).toEqual(expected);
  });

  it('rolls sooner for the first file of a run, where it is told to', async () => {
    const output = await opened(undefined, 'v1', DIR, { rollFirstMs: 300 });
    const filesAfter = async (ms: number, epoch: number): Promise<number> => {
      output.append([epoch]);
      now += ms;
      await checkpoint(output, epoch);
      return (await files()).length;
    };
    expect([await filesAfter(299, 1), await filesAfter(1, 2)]).toEqual([0, 1]);
    expect([await filesAfter(300, 3), await filesAfter(699, 4), await filesAfter(1, 5)]).toEqual([1, 1, 2]);
  });

  it('rolls at the first checkpoint with enough rows', async () => {
    const output = await opened();
    output.append([1, 2, 3]);
    await checkpoint(output, 1);
    expect(await files()).toEqual([]);
    output.append([4]);
    await checkpoint(output, 2);
    expect(await rows('rows_20250101_000000_2.text')).toEqual([1, 2, 3, 4]);
  });

  it('keeps the age of the open file over a restart', async () => {
    const output = await opened();
    output.append([1]);
    const manifest = await checkpoint(output, 1);
    now += 1_000;
    expect((await opened(manifest)).idle).toBe(false);
  });

  it('keeps rows that come while the checkpoint is staged for the next one', async () => {
    const output = await opened();
    output.append([1]);
    const sealing = output.seal(1, true);
    output.append([2]);
    await output.publish(await sealing);
    await checkpoint(output, 2, true);
    expect(await Promise.all((await files()).map(rows))).toEqual([[1], [2]]);
  });

  it('leaves nothing behind in the staging folder', async () => {
    const output = await opened();
    output.append([1]);
    await checkpoint(output, 1);
    output.append([2]);
    await checkpoint(output, 2, true);
    expect(await disk.list(STAGING)).toEqual([]);
  });

  it('gives the credit of rows back when they are on the disk', async () => {
    const output = await opened();
    output.append([1, 2]);
    expect(held).toBe(20);
    const sealing = output.seal(1, false);
    output.append([3]);
    await sealing;
    expect(held).toBe(10);
  });

  it('takes another name where a reset has led to the same one again', async () => {
    for (const row of [1, 2]) {
      const output = await opened();
      output.append([row]);
      await checkpoint(output, 1, true);
    }
    expect(await files()).toEqual(['rows_20250101_000000_1-2.text', 'rows_20250101_000000_1.text']);
  });
});

describe('a restart', () => {
  it('removes what no checkpoint names, and nothing of another prefix', async () => {
    const output = await opened();
    output.append([1]);
    const manifest = await checkpoint(output, 1);
    output.append([2]);
    await output.seal(2, true);
    await disk.mkdir(`${DIR}/.staging/others`);
    await disk.write(`${DIR}/.staging/others/1-0.segment`, 0, Buffer.from('x'));
    await opened(manifest);
    expect(await disk.list(STAGING)).toEqual(['1-0.segment']);
    expect(await disk.list(`${DIR}/.staging/others`)).toEqual(['1-0.segment']);
  });

  it('does not miss a published file that a reader has taken away', async () => {
    const output = await opened();
    output.append([1]);
    const manifest = await checkpoint(output, 1, true);
    await disk.remove(`${DIR}/rows_20250101_000000_1.text`);
    await expect(opened(manifest)).resolves.toBeDefined();
  });

  it('finishes a file of the columns before, when the columns have changed', async () => {
    const output = await opened();
    output.append([1]);
    const manifest = await checkpoint(output, 1);
    const changed = await opened(manifest, 'v2');
    expect(changed.idle).toBe(false);
    changed.append([2]);
    await checkpoint(changed, 2, true);
    expect(await Promise.all((await files()).map(rows))).toEqual([[2], [1]]);
  });

  it.each([
    ['is gone', () => disk.remove(`${STAGING}/1-0.segment`), 'is gone'],
    ['has another size', () => disk.truncate(`${STAGING}/1-0.segment`, 1), 'has 1 bytes instead of 2'],
  ])('refuses a staged segment that %s', async (_, change, words) => {
    const output = await opened();
    output.append([1]);
    const manifest = await checkpoint(output, 1);
    await change();
    await expect(opened(manifest)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining(words) as string,
      hint: expect.stringContaining('.staging') as string,
    });
  });

  it('refuses another folder while segments wait in the old one', async () => {
    const output = await opened();
    output.append([1]);
    const manifest = await checkpoint(output, 1);
    await expect(opened(manifest, 'v1', '/elsewhere/rows')).rejects.toThrow(`when the folder was ${DIR}`);
  });

  it('refuses another folder while a file waits for its name in the old one', async () => {
    const output = await opened();
    output.append([1]);
    const manifest = await output.seal(1, true);
    await expect(opened(manifest, 'v1', '/elsewhere/rows')).rejects.toThrow(`when the folder was ${DIR}`);
  });

  it('never writes over a file of somebody else', async () => {
    const output = await opened();
    output.append([1]);
    const manifest = await output.seal(1, true);
    const foreign = `${DIR}/rows_20250101_000000_1.text`;
    await disk.write(foreign, 0, Buffer.from('foreign'));
    await expect(output.publish(manifest)).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' });
    expect(Buffer.from(await disk.read(foreign)).toString()).toBe('foreign');
  });
});
