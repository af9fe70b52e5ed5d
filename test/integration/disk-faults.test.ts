/** The orders pipeline on disks that fail or run full: it stops with exit 3 and says why; with room again, it is exact. */
import { cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareOrders } from '../../scripts/torture/compare.ts';
import { EXIT } from '../../src/core/errors.ts';
import { openEnvironment } from '../../src/runtime/environment.ts';
import { type Fault, FaultyDisk, SmallDisk, whyNot } from './faulty-disk/faulty-disk.ts';
import { MillraceProcess } from './millrace-process.ts';

const MIB = 1024 * 1024;
/** Seven minutes of orders: windows close while the pipeline runs. */
const FEED = ['--events', '4000', '--generate', '10', '--start', '2024-01-01T00:00:00Z'];
const DRAIN = ['--drain', '--json', '--checkpoint-ms', '5'];

const noShim = whyNot('shim');
const noMount = whyNot('mount');
if (noShim !== undefined) console.log(`tests of failing disks are skipped: ${noShim}`);
if (noMount !== undefined) console.log(`tests of full disks are skipped: ${noMount}`);

let folder: string;
let runs = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ended(args: readonly string[], env?: NodeJS.ProcessEnv) {
  const process = new MillraceProcess(args, env);
  const code = await process.code;
  return { code, stderr: process.stderr, last: process.events.at(-1) };
}

/** Runs to the end on a disk that works, and compares every output with what it has to be. */
async function expectExact(data: string, ...flags: string[]): Promise<void> {
  const { code, stderr } = await ended(['orders', '--data', data, ...DRAIN, ...flags]);
  expect({ code, stderr }).toEqual({ code: EXIT.ok, stderr: '' });
  const { log, close } = await openEnvironment({ stateDir: join(data, '.millrace') });
  try {
    expect((await compareOrders(log, data)).differences).toEqual([]);
  } finally {
    await close();
  }
}

describe.skipIf(noShim !== undefined)('a disk that fails', { timeout: 60_000 }, () => {
  let disk: FaultyDisk;
  let fed: string;

  beforeAll(async () => {
    disk = new FaultyDisk(folder);
    fed = join(folder, 'fed');
    const [count, events, , rate, ...start] = FEED;
    const feed = await ended(['generate', 'orders', '--data', fed, count, events, '--rate', rate, ...start]);
    expect(feed.code).toBe(EXIT.ok);
  });

  function copyOfFed(): string {
    const data = join(folder, `run-${runs++}`);
    cpSync(fed, data, { recursive: true });
    return data;
  }

  it.each<[string, Omit<Fault, 'folder'>]>([
    ['before anything is written', { after: 0 }],
    ['in the first commit', { after: 2 }],
    ['in a later commit', { after: 4 }],
    ['once, in a later commit', { after: 3, times: 1 }],
  ])('under the state refuses to sync, %s', async (_, fault) => {
    const data = copyOfFed();
    const env = disk.env({ ...fault, folder: join(data, '.millrace'), call: 'sync', errno: 'EIO' });
    const { code, last } = await ended(['orders', '--data', data, ...DRAIN, '--generate', '0'], env);
    expect(last).toMatchObject({
      event: 'error',
      code: 'STORE_FAILED',
      message: expect.stringContaining(join(data, '.millrace')),
      exitCode: EXIT.environment,
    });
    expect(code).toBe(EXIT.environment);
    await expectExact(data, '--generate', '0');
  });

  it.each<[string, Omit<Fault, 'folder'>]>([
    ['is full from a checkpoint on', { call: 'write', errno: 'ENOSPC', after: 9 }],
    ['refuses one write', { call: 'write', errno: 'EIO', after: 6, times: 1 }],
    ['takes half of a write', { call: 'short', errno: 'ENOSPC', after: 7 }],
    ['takes half of a later write', { call: 'short', errno: 'ENOSPC', after: 10, times: 1 }],
  ])('under the state %s', async (_, fault) => {
    const data = copyOfFed();
    const env = disk.env({ ...fault, folder: join(data, '.millrace') });
    const { code, stderr, last } = await ended(['orders', '--data', data, ...DRAIN, '--generate', '0'], env);
    if (isAborted(code, stderr)) console.log('lmdb has overrun its message of a failed write, and was aborted');
    else {
      expect(last).toMatchObject({ event: 'error', code: 'STORE_FAILED', message: expect.stringMatching(/ free\)$/) });
      expect(code).toBe(EXIT.environment);
    }
    await expectExact(data, '--generate', '0');
  });

  it.each<[string, Omit<Fault, 'folder'>, string]>([
    ['is full', { call: 'write', errno: 'ENOSPC' }, 'make room'],
    ['is full later', { call: 'write', errno: 'ENOSPC', after: 1 }, 'make room'],
    ['takes half of a write', { call: 'short', errno: 'ENOSPC' }, 'make room'],
    ['takes half of a later write', { call: 'short', errno: 'ENOSPC', after: 1 }, 'make room'],
    ['refuses to sync', { call: 'sync', errno: 'EIO', after: 5 }, 'check it'],
    [
      'refuses to sync once, when the last checkpoint is published',
      { call: 'sync', errno: 'EIO', after: 8, times: 1 },
      'check it',
    ],
  ])('under the files %s', async (_, fault, hint) => {
    const data = copyOfFed();
    const env = disk.env({ ...fault, folder: join(data, 'output') });
    const { code, last } = await ended(['orders', '--data', data, ...DRAIN, '--generate', '0'], env);
    expect(last).toMatchObject({
      event: 'error',
      code: 'STORE_FAILED',
      message: expect.stringMatching(new RegExp(`${join(data, 'output')}.* free\\)$`)),
      hint: expect.stringContaining(hint),
    });
    expect(code).toBe(EXIT.environment);
    await expectExact(data, '--generate', '0');
  });

  it('under the state refuses every write, which shows before LMDB meets it', async () => {
    const data = copyOfFed();
    const env = disk.env({ folder: join(data, '.millrace'), call: 'write', errno: 'ENOSPC' });
    const { code, last } = await ended(['orders', '--data', data, ...DRAIN, '--generate', '0'], env);
    expect(last).toMatchObject({
      event: 'error',
      code: 'STORE_FAILED',
      message: expect.stringMatching(/cannot be used: ENOSPC: no space left on device, write .* free\)$/),
      hint: expect.stringContaining('make room on that disk'),
    });
    expect(code).toBe(EXIT.environment);
    await expectExact(data, '--generate', '0');
  });

  it('stops the pipeline before it is full, at the start and later, and spoils nothing', async () => {
    const data = copyOfFed();
    const env = disk.env({ folder: join(data, '.millrace'), free: 20 * MIB });
    const { code, last } = await ended(['orders', '--data', data, ...DRAIN, '--generate', '0'], env);
    expect(last).toMatchObject({
      event: 'error',
      code: 'STORE_FAILED',
      message: expect.stringMatching(/is nearly full: 20 MiB of .* free, and writing goes on from 64 MiB only$/),
      hint: expect.stringContaining('make room on that disk'),
    });
    expect(code).toBe(EXIT.environment);
    await expectExact(data, '--generate', '0');
  });
});

describe.skipIf(noMount !== undefined)('a disk that runs full', { timeout: 60_000 }, () => {
  const disks: SmallDisk[] = [];
  afterAll(() => disks.forEach((disk) => disk.remove()));

  function smallDisk(path: string, bytes: number): SmallDisk {
    const disk = new SmallDisk(path, bytes);
    disks.push(disk);
    return disk;
  }

  it('with the state stops the pipeline while there is room to stop; with more room it is exact', async () => {
    const data = join(folder, `run-${runs++}`);
    const disk = smallDisk(data, 8 * MIB);
    const [, , ...rest] = FEED;
    const { code, last } = await ended(['orders', '--data', data, ...DRAIN, '--events', '60000', ...rest]);
    expect(last).toMatchObject({
      event: 'error',
      code: 'STORE_FAILED',
      message: expect.stringMatching(/is nearly full: .* of 8.0 MiB free/),
    });
    expect(code).toBe(EXIT.environment);
    expect(statSync(join(data, '.millrace/data.mdb')).size).toBeGreaterThan(2 * MIB);
    disk.resize(128 * MIB);
    await expectExact(data, '--generate', '0');
  });

  it('with the files stops the pipeline; with more room it is exact', async () => {
    const data = join(folder, `run-${runs++}`);
    const disk = smallDisk(join(data, 'output'), 12 * 1024);
    const { code, last } = await ended(['orders', '--data', data, ...DRAIN, ...FEED]);
    expect(last).toMatchObject({
      event: 'error',
      code: 'STORE_FAILED',
      message: expect.stringMatching(/ENOSPC.* of 12 KiB free\)$/),
    });
    expect(code).toBe(EXIT.environment);
    expect(existsSync(join(data, '.millrace/data.mdb'))).toBe(true);
    disk.resize(MIB);
    await expectExact(data, '--generate', '0');
  });
});

/**
 * lmdb 3.5 words a failed write into a hundred bytes, which are too few for some numbers; the C library then ends the
 * process. The checkpoint is as safe as under a kill.
 */
function isAborted(code: number | null, stderr: string): boolean {
  return code === null && /corrupted|malloc|free\(\)|invalid/.test(stderr);
}
