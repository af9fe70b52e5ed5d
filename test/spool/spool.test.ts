import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeDisk } from '../../src/files/node-disk.ts';
import type { OutgoingRecord } from '../../src/spool/outgoing.ts';
import { Spool, type SpoolOptions } from '../../src/spool/spool.ts';
import { CrashDisk, type DiskCall } from '../../src/testing/crash-disk.ts';

const FOLDER = '/data/spool/orders';
const ALL = { records: 1_000, bytes: 1_000_000 };

function open(disk: CrashDisk, more: Partial<SpoolOptions> = {}): Promise<Spool> {
  return Spool.open({ disk, folder: FOLDER, maxBytes: 1_000_000, ...more });
}

function records(from: number, to: number): OutgoingRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    topic: 'orders',
    key: `k${(from + i) % 3}`,
    value: `v${from + i}`,
    timestamp: from + i,
  }));
}

async function values(spool: Spool, limits = ALL): Promise<unknown[]> {
  return (await spool.read(limits)).map(({ record }) => record.value);
}

async function last(disk: CrashDisk): Promise<string> {
  const names = await disk.list(FOLDER);
  return join(FOLDER, names.findLast((name) => name.endsWith('.jsonl'))!);
}

describe('a spool', () => {
  it('gives what was appended, in order, until it is acknowledged', async () => {
    const spool = await open(new CrashDisk());
    expect(await spool.append(records(0, 3))).toBe(3);
    expect(await spool.append(records(3, 5))).toBe(2);
    expect(await values(spool)).toEqual(['v0', 'v1', 'v2', 'v3', 'v4']);
    expect(await values(spool, { records: 2, bytes: 1_000 })).toEqual(['v0', 'v1']);
    await spool.acknowledge(2);
    expect(spool.pending).toBe(3);
    expect(await values(spool)).toEqual(['v2', 'v3', 'v4']);
    await spool.acknowledge(5);
    expect(await values(spool)).toEqual([]);
  });

  it('keeps bytes, nulls, headers and times as they are', async () => {
    const spool = await open(new CrashDisk());
    const bytes = Buffer.from([0xff, 0x00, 0x0a, 0xc3]);
    const given: OutgoingRecord[] = [
      { topic: 'a', key: null, value: null, timestamp: -1 },
      { topic: 'b', key: bytes, value: '\n"\u2028\ufeff', timestamp: 1e15 },
      {
        topic: 'b',
        key: '',
        value: bytes,
        timestamp: 0,
        headers: [
          { key: 'h', value: Buffer.from('text') },
          { key: 'h', value: bytes },
        ],
      },
    ];
    await spool.append(given);
    expect((await spool.read(ALL)).map(({ record }) => record)).toEqual(given);
  });

  it('is a file of JSON lines that people can read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-spool-'));
    try {
      const spool = await Spool.open({ disk: nodeDisk, folder, maxBytes: 1_000_000 });
      await spool.append(records(0, 2));
      const name = readdirSync(folder).find((each) => each.endsWith('.jsonl'))!;
      const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
        { n: 0, topic: 'orders', time: 0, key: 'k0', value: 'v0' },
        { n: 1, topic: 'orders', time: 1, key: 'k1', value: 'v1' },
      ]);
      await spool.read(ALL);
      await spool.acknowledge(2);
      expect(readdirSync(folder).filter((each) => each.endsWith('.jsonl'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is one file under a name of its own where that is wanted, which goes when all is sent', async () => {
    const file = '/data/buffer.jsonl';
    const disk = new CrashDisk();
    const before = await open(disk, { file });
    await before.append(records(0, 500));
    expect(await disk.list('/data')).toEqual(['buffer.jsonl', 'spool']);
    await before.read({ records: 4, bytes: 10_000 });
    await before.acknowledge(4);
    const after = await open(disk, { file });
    expect([after.pending, (await after.read(ALL))[0].number]).toEqual([496, 4]);
    await after.acknowledge(500);
    expect(await disk.list('/data')).toEqual(['spool']);
    await after.append(records(500, 501));
    expect((await (await open(disk, { file })).read(ALL)).map(({ number }) => number)).toEqual([500]);
  });

  it('leaves a file of somebody else alone', async () => {
    const file = '/data/buffer.jsonl';
    const disk = new CrashDisk();
    await disk.mkdir('/data');
    const theirs = Buffer.from('{"transaction_id": "1", "card_id": 1004}\n');
    await disk.write(file, 0, theirs);
    await expect(open(disk, { file })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: `${file} was not written by a spool: its first line is none of one`,
    });
    expect(Buffer.from(await disk.read(file))).toEqual(theirs);
  });

  it('refuses a first line that is damaged when records of the one file have been sent', async () => {
    const file = '/data/buffer.jsonl';
    const disk = new CrashDisk();
    const spool = await open(disk, { file });
    await spool.append(records(0, 5));
    await spool.read(ALL);
    await spool.acknowledge(3);
    await disk.write(file, 8, Buffer.from('x'));
    await expect(open(disk, { file })).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  it('goes on where the process before it stopped, with numbers that rise', async () => {
    let disk = new CrashDisk();
    const before = await open(disk);
    await before.append(records(0, 10));
    await before.read({ records: 4, bytes: 10_000 });
    await before.acknowledge(4);
    disk = disk.reopen('none');
    const after = await open(disk);
    expect([after.pending, after.end]).toEqual([6, 10]);
    expect(await values(after)).toEqual(['v4', 'v5', 'v6', 'v7', 'v8', 'v9']);
    await after.acknowledge(10);
    const emptied = await open(disk.reopen('none'));
    expect([emptied.pending, emptied.end]).toEqual([0, 10]);
    await emptied.append(records(10, 11));
    expect((await emptied.read(ALL)).map(({ number }) => number)).toEqual([10]);
  });

  it('takes as many records as its bound has room for, and has room again when they are sent', async () => {
    const disk = new CrashDisk();
    const spool = await open(disk, { maxBytes: 1_000, segmentBytes: 300 });
    const accepted = await spool.append(records(0, 50));
    expect(accepted).toBeGreaterThan(5);
    expect(accepted).toBeLessThan(20);
    expect(spool.bytes).toBeLessThanOrEqual(1_000);
    expect(await spool.append(records(accepted, 50))).toBe(0);
    const first = await spool.read(ALL);
    await spool.acknowledge(first.length);
    expect(await spool.append(records(accepted, 50))).toBe(first.length);
    expect((await disk.list(FOLDER)).length).toBeGreaterThan(2);
  });

  it('takes no record that is larger than itself', async () => {
    const spool = await open(new CrashDisk(), { maxBytes: 1_000 });
    expect(await spool.append([{ topic: 'a', key: null, value: 'x'.repeat(1_000), timestamp: 0 }])).toBe(0);
    expect(spool.bytes).toBe(0);
  });

  it('reads a record that is larger than a read should be', async () => {
    const spool = await open(new CrashDisk(), { segmentBytes: 100 });
    const large = { topic: 'a', key: null, value: 'x'.repeat(5_000), timestamp: 0 };
    await spool.append([...records(0, 1), large, ...records(2, 3)]);
    for (const [number, value] of ['v0', large.value, 'v2'].entries()) {
      expect(await values(spool, { records: 10, bytes: 10 })).toEqual([value]);
      await spool.acknowledge(number + 1);
    }
  });

  it('cuts off a last line that is not whole', async () => {
    const disk = new CrashDisk();
    await (await open(disk)).append(records(0, 3));
    const path = await last(disk);
    const size = (await disk.size(path))!;
    await disk.write(path, size, Buffer.from('{"n":3,"batch":3,"topic":"ord'));
    const spool = await open(disk);
    expect(await values(spool)).toEqual(['v0', 'v1', 'v2']);
    expect(await disk.size(path)).toBe(size);
    await spool.append(records(3, 4));
    expect(await values(await open(disk))).toEqual(['v0', 'v1', 'v2', 'v3']);
  });

  it('cuts off an append of which only the end has reached the disk', async () => {
    const disk = new CrashDisk();
    const spool = await open(disk);
    await spool.append(records(0, 2));
    await spool.append(records(2, 5));
    const path = await last(disk);
    const text = Buffer.from(await disk.read(path)).toString();
    await disk.write(path, text.indexOf('{"n":3'), Buffer.alloc(40));
    expect(await values(await open(disk))).toEqual(['v0', 'v1', 'v2']);
  });

  it('refuses damage to what was accepted, and names the place', async () => {
    const disk = new CrashDisk();
    const spool = await open(disk);
    await spool.append(records(0, 2));
    await spool.append(records(2, 3));
    const path = await last(disk);
    const text = Buffer.from(await disk.read(path)).toString();
    await disk.write(path, text.indexOf('v1'), Buffer.from('w'));
    const second = text.indexOf('\n') + 1;
    await expect(open(disk)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: `${path} is damaged at byte ${second}: the line there is not whole`,
    });
    const rest = Buffer.from(text.slice(0, second) + text.slice(text.indexOf('{"n":2')));
    await disk.write(path, 0, rest);
    await disk.truncate(path, rest.length);
    expect(await values(await open(disk))).toEqual(['v0', 'v2']);
  });

  it('takes nothing more when the disk has failed, and goes on after a restart', async () => {
    const full = ({ operation, path }: DiskCall): number | undefined =>
      operation === 'write' && path.endsWith('.jsonl') && written++ > 0 ? 20 : undefined;
    let written = 0;
    const disk = new CrashDisk(full);
    const spool = await open(disk);
    await spool.append(records(0, 2));
    await expect(spool.append(records(2, 4))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(spool.append(records(2, 4))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    const again = await open(disk.reopen('none'));
    expect(await values(again)).toEqual(['v0', 'v1']);
    expect(await again.append(records(2, 4))).toBe(2);
  });
});
