import { beforeEach, describe, expect, it, vi } from 'vitest';
import { MAX_OPEN_FOLDERS } from '../../src/files/open-rows.ts';
import { RollingOutput } from '../../src/files/rolling-output.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';
import { rowsOf, textFormat } from './text-format.ts';

const DIR = '/output/rows';
const LOG = `${DIR}/.published/rows.jsonl`;
/** 2025-01-01T00:00:00Z */
const START = 1_735_689_600_000;
const AT = '2025-01-01T00:00:00.000Z';

let disk: CrashDisk;

beforeEach(() => {
  disk = new CrashDisk();
});

interface Opening {
  readonly manifest?: unknown;
  readonly keepFiles?: number;
  readonly dir?: string;
  readonly task?: string;
  readonly rollRows?: number;
}

async function opened({ manifest, keepFiles, dir = DIR, task, rollRows = 1 }: Opening = {}) {
  const clock = { now: () => START };
  const output = new RollingOutput({ disk, clock, hold() {}, release() {} }, textFormat('v1'), {
    dir,
    prefix: 'rows',
    task,
    rollEveryMs: 1_000,
    rollRows,
    rollBytes: 1_000,
    keepFiles,
  });
  await output.recover(manifest);
  return output;
}

async function checkpoint(
  output: RollingOutput<number>,
  epoch: number,
  rows: readonly number[] = [epoch],
  folder?: string,
) {
  output.append(rows, folder);
  const manifest = await output.seal(epoch, false);
  await output.publish(manifest);
  return manifest;
}

const name = (epoch: number) => `rows_20250101_000000_${epoch}.text`;
const files = async (dir = DIR) => (await disk.list(dir)).filter((each) => !each.startsWith('.'));
const text = async (path: string) => Buffer.from(await disk.read(path)).toString();
const log = async (path = LOG) =>
  (await text(path))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);

describe('a folder of which the last files are kept', () => {
  it('keeps so many files and no more, from one checkpoint to the next', async () => {
    const output = await opened({ keepFiles: 2 });
    for (const epoch of [1, 2]) await checkpoint(output, epoch);
    expect(await files()).toEqual([name(1), name(2)]);
    await checkpoint(output, 3);
    expect(await files()).toEqual([name(2), name(3)]);
  });

  it('logs every file that was published, with rows, bytes and checkpoint, and every one that was pruned', async () => {
    const output = await opened({ keepFiles: 1 });
    await checkpoint(output, 1, [1, 2]);
    await checkpoint(output, 2);
    expect(await log()).toEqual([
      { published: name(1), rows: 2, bytes: 'begin\n1\n2\nend\n'.length, checkpoint: 1, at: AT },
      { published: name(2), rows: 1, bytes: 'begin\n2\nend\n'.length, checkpoint: 2, at: AT },
      { pruned: name(1), checkpoint: 2, at: AT },
    ]);
  });

  it('keeps all files and logs them where nothing is said', async () => {
    const output = await opened();
    for (const epoch of [1, 2, 3]) await checkpoint(output, epoch);
    expect(await files()).toHaveLength(3);
    expect(await log()).toHaveLength(3);
  });

  it('counts on over a restart', async () => {
    const manifest = await checkpoint(await opened({ keepFiles: 2 }), 1);
    const output = await opened({ keepFiles: 2, manifest });
    for (const epoch of [2, 3]) await checkpoint(output, epoch);
    expect(await files()).toEqual([name(2), name(3)]);
  });

  it('finds the files of runs that kept all in the log', async () => {
    const before = await opened();
    await checkpoint(before, 1);
    const manifest = await checkpoint(before, 2);
    await checkpoint(await opened({ keepFiles: 1, manifest }), 3);
    expect(await files()).toEqual([name(3)]);
  });

  it('counts the files from before a reset', async () => {
    await checkpoint(await opened(), 7);
    await checkpoint(await opened({ keepFiles: 1 }), 1);
    expect(await files()).toEqual([name(1)]);
    expect(await log()).toHaveLength(3);
  });

  it('prunes when it publishes only', async () => {
    const output = await opened({ keepFiles: 1, rollRows: 2 });
    await checkpoint(output, 1, [1, 2]);
    await checkpoint(output, 2, [3]);
    expect(await files()).toEqual([name(1)]);
    await checkpoint(output, 3, [4]);
    expect(await files()).toEqual([name(3)]);
  });

  it('keeps the files that one checkpoint publishes together until the next one', async () => {
    const output = await opened({ keepFiles: 1 });
    output.append([1], 'part=a');
    output.append([2], 'part=b');
    await output.publish(await output.seal(1, false));
    expect([await files(`${DIR}/part=a`), await files(`${DIR}/part=b`)]).toEqual([[name(1)], [name(1)]]);
    await checkpoint(output, 2, [3], 'part=a');
    expect([await files(`${DIR}/part=a`), await files(`${DIR}/part=b`)]).toEqual([[name(2)], []]);
  });

  it('does not mind files and folders that a reader has taken away', async () => {
    const output = await opened({ keepFiles: 1 });
    await checkpoint(output, 1, [1], 'part=a');
    await disk.remove(`${DIR}/part=a/${name(1)}`);
    const manifest = await checkpoint(output, 2, [2], 'part=b');
    await disk.remove(`${DIR}/part=b/${name(2)}`);
    await expect(checkpoint(await opened({ keepFiles: 1, manifest }), 3)).resolves.toBeDefined();
    expect(await files()).toEqual(['part=a', 'part=b', name(3)]);
  });

  it('leaves the files of another pipeline that writes the same folder alone', async () => {
    const [a, b] = [await opened({ keepFiles: 1, task: 'a' }), await opened({ keepFiles: 1, task: 'b' })];
    await checkpoint(a, 1);
    await checkpoint(b, 2);
    await checkpoint(a, 3);
    expect(await files()).toEqual([expect.stringContaining('_2-'), expect.stringContaining('_3-')]);
    expect(await disk.list(`${DIR}/.published`)).toHaveLength(2);
  });
});

describe('two pipelines that write one folder', () => {
  it('never give the same name to a file, though their epochs and times are the same', async () => {
    const [a, b] = [await opened({ task: 'a' }), await opened({ task: 'b' })];
    a.append([1]);
    b.append([2]);
    const manifests = [await a.seal(1, true), await b.seal(1, true)];
    await a.publish(manifests[0]);
    await b.publish(manifests[1]);
    expect(await files()).toHaveLength(2);
  });

  it('keep plain names where one is alone', async () => {
    await checkpoint(await opened({ task: 'a' }), 1);
    expect(await files()).toEqual([name(1)]);
  });

  it('look for each other only where a file is made', async () => {
    const output = await opened({ task: 'a', rollRows: 2 });
    const listed = vi.spyOn(disk, 'list');
    output.append([1]);
    await output.seal(1, false);
    expect(listed).not.toHaveBeenCalled();
    await output.seal(2, true);
    expect(listed).toHaveBeenCalledOnce();
  });
});

describe('the log of what was published', () => {
  it('begins anew when it was removed', async () => {
    const manifest = await checkpoint(await opened(), 1);
    await disk.remove(LOG);
    await checkpoint(await opened({ manifest }), 2);
    expect(await log()).toMatchObject([{ published: name(1) }, { published: name(2) }]);
  });

  it.each([
    ['shorter', (length: number) => disk.truncate(LOG, length - 1)],
    ['longer', (length: number) => disk.write(LOG, length, Buffer.from('{}\n'))],
  ])('is refused when it is %s than the checkpoint can have left it', async (_, change) => {
    const output = await opened({ rollRows: 2 });
    await checkpoint(output, 1, [1, 2]);
    const manifest = await checkpoint(output, 2, [3]);
    await change((await disk.size(LOG))!);
    await expect(opened({ manifest })).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' });
  });

  it('tells that the state is older than the files', async () => {
    const output = await opened();
    const manifest = await checkpoint(output, 1);
    await checkpoint(output, 2);
    await expect(opened({ manifest })).rejects.toThrow('and the checkpoint knows it with');
  });

  it('goes on behind its whole lines after a reset', async () => {
    await checkpoint(await opened(), 1);
    await disk.write(LOG, (await disk.size(LOG))!, Buffer.from('{"published":"half\n{}'));
    await checkpoint(await opened(), 2);
    expect(await log()).toMatchObject([{ published: name(1) }, { published: name(2) }]);
  });

  it('begins anew in another folder', async () => {
    const before = await opened({ keepFiles: 1 });
    await checkpoint(before, 1);
    const manifest = await checkpoint(before, 2, []);
    await checkpoint(await opened({ keepFiles: 1, manifest, dir: '/other' }), 3);
    expect(await files()).toEqual([name(1)]);
    expect(await log('/other/.published/rows.jsonl')).toMatchObject([{ published: name(3) }]);
  });
});

describe('a checkpoint from before there was a log', () => {
  const former = { dir: DIR, signature: 'v1', open: [], openedAt: null, files: [] };

  it('goes on with its open segments', async () => {
    await disk.mkdir(`${DIR}/.staging/rows`);
    await disk.write(`${DIR}/.staging/rows/1.segment`, 0, Buffer.from('1\n'));
    const open = [{ name: '1.segment', rows: 1, bytes: 2 }];
    const output = await opened({ manifest: { ...former, open, openedAt: START - 999 }, rollRows: 2 });
    expect(output.idle).toBe(true);
    await checkpoint(output, 2, [2]);
    expect(rowsOf(await text(`${DIR}/${name(2)}`))).toEqual([1, 2]);
    expect(await disk.list(`${DIR}/.staging/rows`)).toEqual([]);
  });

  it('publishes the files that it names', async () => {
    await disk.mkdir(`${DIR}/.staging/rows`);
    await disk.write(`${DIR}/.staging/rows/${name(1)}`, 0, Buffer.from('begin\n1\nend\n'));
    await opened({ manifest: { ...former, files: [{ name: name(1), rows: 1, bytes: 12 }] }, keepFiles: 1 });
    expect(await files()).toEqual([name(1)]);
  });
});

describe('folders of partitions', () => {
  it('each have files of their own', async () => {
    const output = await opened();
    output.append([1, 3], 'part=odd');
    output.append([2], 'part=even/more=yes');
    await output.publish(await output.seal(1, false));
    expect(rowsOf(await text(`${DIR}/part=odd/${name(1)}`))).toEqual([1, 3]);
    expect(rowsOf(await text(`${DIR}/part=even/more=yes/${name(1)}`))).toEqual([2]);
    expect(await log()).toMatchObject([
      { published: `part=odd/${name(1)}` },
      { published: `part=even/more=yes/${name(1)}` },
    ]);
  });

  it('roll by themselves', async () => {
    const output = await opened({ rollRows: 2 });
    output.append([1], 'part=a');
    const manifest = await checkpoint(output, 1, [2, 3], 'part=b');
    expect(await files()).toEqual(['part=b']);
    const again = await opened({ manifest, rollRows: 2 });
    await checkpoint(again, 2, [4], 'part=a');
    expect(rowsOf(await text(`${DIR}/part=a/${name(2)}`))).toEqual([1, 4]);
  });

  it('are closed, those opened first, where too many are open at a checkpoint', async () => {
    const output = await opened({ rollRows: 1_000 });
    for (let i = 0; i < MAX_OPEN_FOLDERS + 2; i++) output.append([i], `part=${i}`);
    const { open } = await output.seal(1, false).then(async (manifest) => {
      await output.publish(manifest);
      return manifest;
    });
    expect(open).toHaveLength(MAX_OPEN_FOLDERS);
    expect(await files()).toEqual(['part=0', 'part=1']);
  });

  it('give back the credit that they have taken', async () => {
    let held = 0;
    const world = {
      disk,
      clock: { now: () => START },
      hold: (bytes: number) => void (held += bytes),
      release: (bytes: number) => void (held -= bytes),
    };
    const options = { dir: DIR, prefix: 'rows', rollEveryMs: 1_000, rollRows: 1_000, rollBytes: 1_000 };
    const output = new RollingOutput(world, textFormat('v1'), options);
    await output.recover(undefined);
    output.append([1], 'part=a');
    output.append([2], 'part=b');
    expect(held).toBeGreaterThan(20);
    await output.publish(await output.seal(1, false));
    expect(held).toBe(0);
  });
});
