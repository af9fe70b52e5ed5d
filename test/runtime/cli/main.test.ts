import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { CheckpointStore } from '../../../src/checkpoint/checkpoint-store.ts';
import type { ProcessProbe } from '../../../src/checkpoint/owner.ts';
import { processProbe } from '../../../src/checkpoint/process-probe.ts';
import { main } from '../../../src/runtime/cli/main.ts';
import { openLmdbStore } from '../../../src/state/lmdb-store.ts';
import { systemClock } from '../../../src/time/clock.ts';
import { numbersProject } from './numbers-project.ts';

const PIPELINE = `
import { kafka, pipeline } from 'millrace';
import { decodeJson, sinkConsole, sinkJsonl, toDLQ } from 'millrace/operators';
const numbers = kafka('numbers', { partitions: 2 }).pipe(decodeJson(), toDLQ('numbers-dlq'));
export default pipeline('numbers', { description: 'copies numbers' },
  numbers.pipe(sinkJsonl('output/numbers.jsonl')), numbers.pipe(sinkConsole()));
`;
const RECORD = `({ index, badRatio, random }) => ({ key: String(index), value: random() < badRatio ? '{' : JSON.stringify({ index }) })`;

const project = numbersProject(PIPELINE, RECORD);
const { call } = project;

describe('the command line', () => {
  it('lists pipelines of the folder and of the package', async () => {
    const { code, out } = await call('');
    expect(code).toBe(0);
    expect(out).toMatch(/^numbers +copies numbers$/m);
    expect(out).toMatch(/^orders +/m);
  });

  it('generates exactly so many records, processes all, closes everything and exits 0', async () => {
    const { code, out, err } = await call('numbers --events 123 --drain');
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(123);
    expect(readFileSync(join(project.cwd, 'output/numbers.jsonl'), 'utf8').trim().split('\n')).toHaveLength(123);
    expect(err).toContain('numbers on embedded log, group numbers, drain');
    expect(err).toContain('exactly-once');
    expect(err).toContain('Balanced: every record is accounted for.');
    expect((await call('numbers')).code).toBe(2);
  });

  it('writes lines of JSON on stdout, and nothing else, when asked to', async () => {
    const { code, out, err } = await call('numbers --once --json --bad-ratio 1');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(code).toBe(0);
    expect(err).toBe('');
    expect(lines.map(({ event }) => event)).toEqual(['start', 'end']);
    expect(lines[1]).toMatchObject({
      drained: false,
      status: { rejected: 100 },
      ledger: { balanced: true, nodes: { decodeJson: { in: 100, rejected: 100 } } },
    });
  });

  it('keeps everything below the folder of --data', async () => {
    await call('numbers --once --data all');
    expect(existsSync(join(project.cwd, 'all/.millrace/data.mdb'))).toBe(true);
    expect(existsSync(join(project.cwd, 'all/output/numbers.jsonl'))).toBe(true);
    expect(existsSync(join(project.cwd, '.millrace'))).toBe(false);
    expect(existsSync(join(project.cwd, 'output'))).toBe(false);
  });

  it('creates nothing in a dry run, and shows where it would go', async () => {
    const first = await call('numbers --dry-run --data all');
    expect(first.code).toBe(0);
    expect(first.out).toContain('topic numbers does not exist yet');
    expect(existsSync(join(project.cwd, 'all'))).toBe(false);
    await call('numbers --once');
    const { out } = await call('numbers --dry-run --json');
    const line = JSON.parse(out) as { positions: { current: number; next: number; end: number }[] };
    expect(line).toMatchObject({ event: 'dry-run', checkpoint: 1, missing: [], plan: { pipeline: 'numbers' } });
    expect(line.positions.every(({ current, next, end }) => current === next && next === end)).toBe(true);
    expect(line.positions.reduce((sum, { next }) => sum + next, 0)).toBe(100);
  });

  it('refuses in a dry run what a run would refuse', async () => {
    await call('numbers --once');
    const { code, err } = await call('numbers --dry-run --drop-state windows');
    expect(code).toBe(2);
    expect(err).toContain('--drop-state windows: there is no such state in the checkpoint');
  });

  it('resets only when told to apply it', async () => {
    await call('numbers --once');
    const shown = await call('reset numbers');
    expect(shown.out).toContain('Nothing was changed. To do it: millrace reset numbers --apply');
    expect(shown.out).not.toContain('Deleted');
    expect(shown.out).toContain('To be repeated: 100 records');
    expect((await call('numbers --once')).err).toContain('goes on from checkpoint 1');
    expect((await call('reset numbers --apply')).out).toContain('Done');
    const again = await call('numbers --once');
    expect(again.err).not.toContain('goes on');
    expect(readFileSync(join(project.cwd, 'output/numbers.jsonl'), 'utf8').trim().split('\n')).toHaveLength(200);
  });

  it('refuses to reset what a process runs, before it says anything else', async () => {
    const store = openLmdbStore(join(project.cwd, '.millrace'));
    const living: ProcessProbe = { pid: process.pid + 1, birth: () => 'b' };
    await new CheckpointStore(store, 'numbers@embedded/numbers').own(living, systemClock.now());
    await store.close();
    const probe = vi.spyOn(processProbe, 'birth').mockReturnValue('b');
    const { code, out, err } = await call('reset numbers --apply');
    probe.mockRestore();
    expect(code).toBe(3);
    expect(out).toBe('');
    expect(err).toContain('is already run by process');
  });

  it('resets to the end of the log', async () => {
    await call('generate numbers --events 10');
    const { out } = await call('reset numbers --to latest --apply');
    expect(out).toContain('To be skipped: 10 records');
    expect((await call('numbers --once --generate 0')).out).toBe('');
  });

  it('asks a generator for what the flags of its pipeline make of it, and tells of progress as that wants', async () => {
    const generator = `
      const record = ({ index }) => ({ key: null, value: String(index) });
      const progress = { every: 20, line: (sent, last) => 'sent ' + sent + ', the last ' + last.value };
      const rest = { topic: 'numbers', partitions: 2, badRatio: 0, description: 'n', record, progress };
      export default {
        description: 'numbers',
        configure: async ({ pace }) => ({ ...rest, rate: pace, backfillMs: 30_000 }),
      };`;
    writeFileSync(join(project.cwd, 'pipelines/numbers/generator.ts'), generator);
    const paced = "{ params: { pace: { default: 1, env: 'PACE', description: 'pace' } } }, () => [";
    const file = join(project.cwd, 'pipelines/numbers/pipeline.ts');
    writeFileSync(file, PIPELINE.replace("{ description: 'copies numbers' },", paced).replace(/\);\s*$/, ']);'));
    const { code, err } = await call('generate numbers --events 50', { env: { PACE: '2' } });
    expect(code).toBe(0);
    expect(err).toContain('generating numbers on embedded log: 50 records, 2 records/s');
    expect(err).toContain('sent 40, the last 49\n50 records written');
    expect((await call('numbers --help')).out).toContain('Generator: numbers');
  });

  it('generates alone', async () => {
    const { code, err } = await call('generate numbers --events 40');
    expect(code).toBe(0);
    expect(err).toContain('40 records written');
    expect((await call('numbers --once --generate 0')).out.trim().split('\n')).toHaveLength(40);
  });

  it('finishes what is in flight at the first Ctrl-C, and ends at once at the second', async () => {
    const world = project.world('numbers');
    const err = world.err;
    const write = err.push.bind(err);
    err.push = (...texts) => {
      if (texts.some((text) => text.includes('delivery'))) {
        queueMicrotask(() => {
          world.stop('signal');
          world.stop('signal');
        });
      }
      return write(...texts);
    };
    expect(await main(world)).toBe(0);
    expect(err.join('')).toContain('stopping: finishing what is in flight (Ctrl-C again to force)');
    expect(world.exits).toEqual([130]);
  });

  it('stops quietly when nobody reads its output any more', async () => {
    const world = project.world('numbers --json');
    const push = world.out.push.bind(world.out);
    world.out.push = (...texts) => {
      queueMicrotask(() => world.stop('closed-output'));
      return push(...texts);
    };
    expect(await main(world)).toBe(0);
    expect(world.err).toEqual([]);
  });

  it('takes a pipeline by path', async () => {
    expect((await call('describe ./pipelines/numbers/pipeline.ts')).out).toContain('kafka(numbers)');
    expect((await call('describe pipelines/numbers')).out).toContain('kafka(numbers)');
  });

  it('says what is wrong with a pipeline that cannot be loaded', async () => {
    writeFileSync(join(project.cwd, 'pipelines/numbers/pipeline.ts'), 'export default 5;');
    const { code, err } = await call('numbers');
    expect(code).toBe(2);
    expect(err).toContain('does not export a pipeline');
    expect((await call('')).out).toContain('does not export a pipeline');
  });

  it('names an operator once in an error', async () => {
    const operators = "import { count, keyBy, lateTo, sinkConsole, tumblingWindow } from 'millrace/operators';";
    const windows = "tumblingWindow('w', { sizeMs: 1, graceMs: 0, aggregate: { n: count() } })";
    const plan = `kafka('numbers').pipe(keyBy(() => 'k'), ${windows}, lateTo('late'), sinkConsole())`;
    const code = `import { kafka, pipeline } from 'millrace';\n${operators}\nexport default pipeline('numbers', ${plan});`;
    writeFileSync(join(project.cwd, 'pipelines/numbers/pipeline.ts'), code);
    expect((await call('numbers')).err).toMatch(/^error PLAN_INVALID: tumblingWindow\(w\) needs event time$/m);
  });

  it('tells errors as JSON, where that was asked for, and without secrets', async () => {
    const { code, out, err } = await call('numbers --json --brokers me:hunter2@host:9092');
    expect(code).toBe(2);
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({ event: 'error', code: 'CONFIG_INVALID', exitCode: 2 });
    expect(out).not.toContain('hunter2');
  });

  it('names the command that helps as it is typed here, with the pipeline and the place of this call', async () => {
    await call('numbers --drain --data all --group g');
    const again = await call('numbers --data all --group=g --once');
    expect(again.err).toContain('begin again with `millrace reset numbers --data all --group=g --apply`');
    const env = { npm_lifecycle_event: 'pipeline', npm_lifecycle_script: 'node bin/millrace.js' };
    const throughNpm = await call('numbers --data all --group=g --once', { env });
    expect(throughNpm.err).toContain('`npm run pipeline reset numbers -- --data all --group=g --apply`');
    expect((await call('reset numbers', { env })).out).toContain('To do it: npm run pipeline reset numbers -- --apply');
    expect((await call('numbers --events 0', { env })).err).toContain('see `npm run pipeline numbers -- --help`');
  });

  it('suggests the pipeline that was meant', async () => {
    const { code, err } = await call('numebrs');
    expect(code).toBe(2);
    expect(err).toContain('did you mean numbers?');
  });
});
