import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
const BIN = join(ROOT, 'bin/millrace.js');

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'millrace-bin-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function millrace(args: readonly string[], env: Record<string, string> = {}, bin = BIN) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: scratch,
    env: { ...process.env, KAFKA_BOOTSTRAP_SERVERS: '', ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the program', { timeout: 30_000 }, () => {
  it('prints its version and help from any folder', () => {
    expect(millrace(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
    expect(millrace(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('--dry-run'), stderr: '' });
  });

  it('exits 2 for a mistake in its arguments, with nothing on stdout', () => {
    const { status, stdout, stderr } = millrace(['orders', '--evnts', '5']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Did you mean --events?');
  });

  it.each([
    { args: ['orders', '--events', '0'], help: 'orders --help' },
    { args: ['reset', 'orders', '--to', 'never'], help: 'reset orders --help' },
  ])('tells of a bad value once: $args', ({ args, help }) => {
    const { status, stdout, stderr } = millrace(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.match(/is invalid/g)).toHaveLength(1);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect(stderr).toContain(`see \`millrace ${help}\``);
  });

  it('exits 2 when npm kept a flag for itself', () => {
    const env = {
      npm_lifecycle_event: 'pipeline',
      npm_lifecycle_script: 'node bin/millrace.js',
      npm_config_dry_run: 'true',
    };
    const { status, stderr } = millrace(['orders'], env);
    expect(status).toBe(2);
    expect(stderr).toContain('npm run pipeline orders -- --dry-run');
  });
});

/** Files that a process loads, in all its threads. */
function loadedBy(args: readonly string[]): string[] {
  const coverage = join(scratch, 'coverage');
  expect(millrace(args, { NODE_V8_COVERAGE: coverage }).status).toBe(0);
  const reports = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), 'utf8'));
  rmSync(coverage, { recursive: true });
  const scripts = reports.flatMap((text) => (JSON.parse(text) as { result: { url: string }[] }).result);
  return scripts.map(({ url }) => url).filter((url) => url.startsWith('file:'));
}

describe('the start of the program', { timeout: 60_000 }, () => {
  it.each(['--help', '--version'])('loads no package for %s, and no source', (flag) => {
    millrace(['--version']);
    const loaded = loadedBy([flag]);
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.filter((url) => !/\/bin\/[\w-]+\.js$|\/\.cache\/millrace\/copy-/.test(url))).toEqual([]);
  });

  it('loads no log that a pipeline does not run on', () => {
    const loaded = loadedBy(['orders', '--drain', '--generate', '0', '--json', '--data', join(scratch, 'data')]);
    expect(loaded.some((url) => url.includes('/node_modules/lmdb/'))).toBe(true);
    expect(loaded.filter((url) => /\/node_modules\/(@platformatic|kafkajs|fast-check)\//.test(url))).toEqual([]);
  });

  it('runs pipelines outside of any package, with all that tsx takes, on its own instance of millrace', () => {
    writePipeline('outside');
    const { status, stdout, stderr } = millrace(['describe', 'outside/pipeline.ts']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('outside');
    writePipeline('refused', `throw new MillraceError('CONFIG_INVALID', 'refused here', { hint: 'as it should be' });`);
    expect(millrace(['describe', 'refused/pipeline.ts'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('error CONFIG_INVALID: refused here\n  as it should be'),
    });
  });

  it("names the lines of a pipeline's own file in a stack, and those of its own sources", () => {
    writePipeline(
      'thrower',
      `const fail = (): never => { throw new TypeError('on line 4'); };\n\nmap(fail() as never);`,
    );
    const own = millrace(['describe', 'thrower/pipeline.ts'], { DEBUG: 'millrace' }).stderr;
    expect(own).toMatch(/thrower\/pipeline\.ts:4:\d+/);
    expect(own).toMatch(/thrower\/pipeline\.ts:6:\d+/);
    expect(own).toMatch(/src\/runtime\/cli\/find-pipeline\.ts:\d+:\d+/);
  });

  it('runs from its sources where nothing can be kept', () => {
    const home = join(scratch, 'read-only');
    cpSync(join(ROOT, 'bin'), join(home, 'bin'), { recursive: true });
    for (const name of ['package.json', 'src', 'operators', 'pipelines'])
      symlinkSync(join(ROOT, name), join(home, name));
    mkdirSync(join(home, 'node_modules'));
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(home, 'node_modules', name));
    writeFileSync(join(home, 'node_modules/.cache'), 'not a folder');
    const bin = join(home, 'bin/millrace.js');
    expect(millrace(['--version'], {}, bin)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d/),
      stderr: '',
    });
    expect(millrace(['describe', 'orders'], {}, bin)).toMatchObject({ status: 0, stderr: '' });
  });
});

/** The folder has no package.json, and no node_modules above it. */
function writePipeline(name: string, statements = ''): void {
  mkdirSync(join(scratch, name));
  const text = `import { kafka, MillraceError, pipeline, Stream } from 'millrace';
import { map, sinkConsole } from 'millrace/operators';
enum Size { Small = 1 }
${statements}
const sizes = kafka('sizes').pipe(map(() => Size.Small));
if (!(sizes instanceof Stream)) throw new Error('there are two of millrace');
export default pipeline('${name}', sizes.pipe(sinkConsole({ format: String })));
void MillraceError;
`;
  writeFileSync(join(scratch, name, 'pipeline.ts'), text);
}
