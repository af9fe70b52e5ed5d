/** A project in a folder of each test's own, whose one pipeline is called `numbers`, and the command line over it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { main } from '../../../src/runtime/cli/main.ts';
import { systemClock } from '../../../src/time/clock.ts';
import { type FakeWorld, fakeWorld } from './fixtures.ts';

export interface NumbersProject {
  readonly cwd: string;
  /** Where `millrace LINE` would run. */
  world(line: string, given?: Partial<FakeWorld>): FakeWorld;
  /** Runs `millrace LINE` in it. */
  call(line: string, given?: Partial<FakeWorld>): Promise<Called>;
}

export interface Called {
  readonly code: number;
  readonly world: FakeWorld;
  readonly out: string;
  readonly err: string;
}

/** To be called once a file, outside the tests. `record` is the code of that part of the generator. */
export function numbersProject(pipeline: string, record: string): NumbersProject {
  const generator = `
export default {
  topic: 'numbers', partitions: 2, rate: 100, backfillMs: 1000, badRatio: 0, description: 'numbers',
  record: ${record},
};
`;
  let cwd = '';

  beforeEach(() => {
    // Below this package, so that the pipeline finds it by its name.
    cwd = mkdtempSync(join(import.meta.dirname, '.tmp-'));
    mkdirSync(join(cwd, 'pipelines/numbers'), { recursive: true });
    writeFileSync(join(cwd, 'pipelines/numbers/pipeline.ts'), pipeline);
    writeFileSync(join(cwd, 'pipelines/numbers/generator.ts'), generator);
  });

  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  const worldOf = (line: string, given: Partial<FakeWorld> = {}) =>
    fakeWorld(line.split(' ').filter(Boolean), { cwd, clock: systemClock, ...given });

  return {
    get cwd() {
      return cwd;
    },
    world: worldOf,
    async call(line, given) {
      const world = worldOf(line, given);
      const code = await main(world);
      return { code, world, out: world.out.join(''), err: world.err.join('') };
    },
  };
}
