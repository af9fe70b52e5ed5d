import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { RollingOutput } from '../../src/files/rolling-output.ts';
import { CrashWorld, stepOf, type Subject } from './crash-world.ts';
import { rowsOf, textFormat } from './text-format.ts';

// Many runs, or many syncs: a machine with much else to do needs more than the five seconds of other tests.
vi.setConfig({ testTimeout: 120_000 });

const SEED = 20_260_303;
const DIR = '/output/rows';

const subjectOf = (rollRows: number): Subject<RollingOutput<number>> => ({
  open: (disk, now) =>
    new RollingOutput({ disk, clock: { now }, hold() {}, release() {} }, textFormat('v1'), {
      dir: DIR,
      prefix: 'rows',
      rollEveryMs: 1_000,
      rollRows,
      rollBytes: 1_000_000,
    }),
  append(output, from, to) {
    output.append(Array.from({ length: to - from }, (_, i) => from + i));
  },
  async visible(disk) {
    const names = (await disk.list(DIR)).filter((name) => !name.startsWith('.'));
    const byEpoch = names.toSorted((a, b) => epochOf(a) - epochOf(b));
    const files = [];
    for (const name of byEpoch) files.push(rowsOf(Buffer.from(await disk.read(`${DIR}/${name}`)).toString()));
    return files.flat();
  },
});

const epochOf = (name: string): number => Number(/_(\d+)\.text$/.exec(name)![1]);

describe('a folder of whole files', () => {
  it('holds what committed checkpoints say, once and in order, in whole files, wherever the machine stops', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepOf, { maxLength: 14 }),
        fc.constantFrom(1, 5, 1_000),
        fc.nat(),
        async (steps, rollRows, seed) => {
          await expect(new CrashWorld(subjectOf(rollRows), seed).run(steps)).resolves.toBeUndefined();
        },
      ),
      { seed: SEED, numRuns: 1_500 },
    );
  });
});
