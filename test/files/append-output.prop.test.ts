import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppendOutput } from '../../src/files/append-output.ts';
import { CrashWorld, stepOf, type Subject } from './crash-world.ts';

const SEED = 20_260_302;
const PATH = '/output/deep/rows.jsonl';

const subject: Subject<AppendOutput> = {
  open: (disk) => new AppendOutput(disk, PATH, { hold() {}, release() {} }),
  append(output, from, to) {
    for (let row = from; row < to; row++) output.append(`${row}\n`);
  },
  async visible(disk) {
    const size = await disk.size(PATH);
    const text = size === undefined ? '' : Buffer.from(await disk.read(PATH)).toString();
    // The last line may be under way, and after a power loss it may be zeros; a committed one ends with its newline.
    const lines = text.split('\n').slice(0, -1);
    const torn = lines.findIndex((line) => !/^\d+$/.test(line));
    return (torn < 0 ? lines : lines.slice(0, torn)).map(Number);
  },
};

describe('a file that only grows', () => {
  it('holds what committed checkpoints say, once and in order, wherever the machine stops', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepOf, { maxLength: 14 }), fc.nat(), async (steps, seed) => {
        await expect(new CrashWorld(subject, seed).run(steps)).resolves.toBeUndefined();
      }),
      { seed: SEED, numRuns: 1_500 },
    );
  });
});
