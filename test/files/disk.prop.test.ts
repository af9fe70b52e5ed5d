/** The real disk and the simulated one, without a crash, against one model. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Disk } from '../../src/core/ports.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';

const SEED = 20_260_301;

type Step = (disk: Disk, root: string) => Promise<unknown>;
interface NamedStep {
  readonly name: string;
  readonly run: Step;
}

const FILES = ['a', 'b', 'd/a', 'd/b', 'd', 'missing/a'];
const FOLDERS = ['.', 'd', 'd/deep/er', 'missing', 'a/under-a-file'];

const fileOf = fc.constantFrom(...FILES);
const folderOf = fc.constantFrom(...FOLDERS);
const bytesOf = fc.uint8Array({ maxLength: 12 });

const step = (name: string, run: Step): NamedStep => ({ name, run });

const stepOf: fc.Arbitrary<NamedStep> = fc.oneof(
  fc
    .tuple(fileOf, fc.nat(20), bytesOf)
    .map(([path, at, bytes]) =>
      step(`write ${path} ${at} [${bytes.join()}]`, (disk, root) => disk.write(join(root, path), at, bytes)),
    ),
  fc
    .tuple(fileOf, fc.nat(24))
    .map(([path, size]) => step(`truncate ${path} ${size}`, (disk, root) => disk.truncate(join(root, path), size))),
  fc
    .tuple(fileOf, fc.option(fc.nat(12), { nil: undefined }), fc.option(fc.nat(30), { nil: undefined }))
    .map(([path, start, end]) =>
      step(`read ${path} ${start} ${end}`, async (disk, root) => [...(await disk.read(join(root, path), start, end))]),
    ),
  fileOf.map((path) => step(`size ${path}`, (disk, root) => disk.size(join(root, path)))),
  fileOf.map((path) => step(`sync ${path}`, (disk, root) => disk.sync(join(root, path)))),
  fileOf.map((path) => step(`remove ${path}`, (disk, root) => disk.remove(join(root, path)))),
  fc
    .tuple(fc.constantFrom('a', 'b', 'd/a'), fileOf)
    .map(([from, to]) => step(`rename ${from} ${to}`, (disk, root) => disk.rename(join(root, from), join(root, to)))),
  folderOf.map((path) => step(`mkdir ${path}`, (disk, root) => disk.mkdir(join(root, path)))),
  folderOf.map((path) => step(`list ${path}`, (disk, root) => disk.list(join(root, path)))),
  fc
    .constantFrom('.', 'd', 'missing')
    .map((path) => step(`syncDir ${path}`, (disk, root) => disk.syncDir(join(root, path)))),
);

async function outcomes(disk: Disk, root: string, steps: readonly NamedStep[]): Promise<string[]> {
  await disk.mkdir(root);
  const seen: string[] = [];
  for (const { name, run } of [...steps, ...FILES.map((path) => read(path))]) {
    const outcome = await run(disk, root).then(
      (value) => JSON.stringify(value) ?? 'done',
      (thrown: { code: string }) => thrown.code,
    );
    seen.push(`${name} → ${outcome}`);
  }
  return seen;
}

const read = (path: string) => step(`finally ${path}`, async (disk, root) => [...(await disk.read(join(root, path)))]);

describe('a disk', () => {
  it('does the same whether it is real or simulated', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepOf, { maxLength: 25 }), async (steps) => {
        const root = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
        try {
          expect(await outcomes(new CrashDisk(), root, steps)).toEqual(await outcomes(nodeDisk, root, steps));
        } finally {
          rmSync(root, { recursive: true });
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  });
});
