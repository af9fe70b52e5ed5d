import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CrashWorld, type Step, stepOf } from './crash-world.ts';
import { RetentionWorld } from './retention-world.ts';

// Many runs, or many syncs: a machine with much else to do needs more than the five seconds of other tests.
vi.setConfig({ testTimeout: 120_000 });

const SEED = 20_261_122;

const optionsOf = fc.record({
  keepFiles: fc.constantFrom(undefined, 1, 2, 5),
  rollRows: fc.constantFrom(1, 5, 1_000),
  folders: fc.constantFrom(1, 1, 2, 3),
});

describe('a folder of which the last files are kept', () => {
  it('shows no row twice and loses none but by the log, wherever the machine stops', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepOf, { maxLength: 14 }), optionsOf, fc.nat(), async (steps, options, seed) => {
        const world = new RetentionWorld(options);
        await new CrashWorld(world, seed).run(steps);
        await expect(world.assertSettled()).resolves.toBeUndefined();
      }),
      { seed: SEED, numRuns: 800 },
    );
  });

  const calm = { kind: 'checkpoint', final: true, death: undefined, fails: false, during: 0, recoveries: [] } as const;
  const rows: Step = { kind: 'rows', count: 2 };

  /** Three checkpoints of which the second is deadly, and so are two recoveries behind it. */
  async function survives(folders: number, deadly: Pick<Deadly, 'death' | 'fails' | 'recoveries'>) {
    const world = new RetentionWorld({ keepFiles: 1, rollRows: 1, folders });
    await new CrashWorld(world, seedOf(deadly)).run([rows, calm, rows, { ...calm, ...deadly }, rows, calm]);
    await world.assertSettled();
  }

  it('survives a death at every call on the disk while it publishes and prunes, then at every call of a recovery', async () => {
    for (let death = 0; death <= LAST_CALL; death++) {
      for (let call = 0; call <= LAST_CALL; call++) {
        await expect(survives(1, { fails: false, death, recoveries: [call, call] })).resolves.toBeUndefined();
      }
    }
  });

  it('survives a disk that refuses any call while it publishes and prunes, or while it recovers', async () => {
    for (let call = 0; call <= LAST_CALL; call++) {
      await expect(survives(1, { fails: true, death: call, recoveries: [] })).resolves.toBeUndefined();
      await expect(survives(1, { fails: true, death: 'committed', recoveries: [call, call] })).resolves.toBeUndefined();
    }
  });

  it('survives a death at every call on the disk while it publishes and prunes partitions, or while it recovers', async () => {
    for (let call = 0; call <= 2 * LAST_CALL; call++) {
      await expect(survives(2, { fails: false, death: call, recoveries: [] })).resolves.toBeUndefined();
      await expect(
        survives(2, { fails: false, death: 'committed', recoveries: [call, call] }),
      ).resolves.toBeUndefined();
    }
  });
});

type Deadly = Extract<Step, { kind: 'checkpoint' }>;

/** Another loss for each. */
const seedOf = ({ death, recoveries }: Pick<Deadly, 'death' | 'recoveries'>): number =>
  (typeof death === 'number' ? death : 99) * 100 + (recoveries[0] ?? 0);

/** More calls than a checkpoint or a recovery of one folder makes. */
const LAST_CALL = 25;
