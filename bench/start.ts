/** How long a start takes: to the end of `--help`, and to the first window of the orders pipeline on a new embedded log. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { median, mediansOf } from './measure.ts';
import { sampleOf } from './process-tree.ts';

export interface StartRun {
  readonly wallMs: number;
  /** User and system, of the program and what it starts. */
  readonly cpuMs: number;
}

export interface StartMeasurement {
  readonly name: string;
  readonly runs: readonly StartRun[];
}

interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly measure: (command: readonly string[]) => Promise<StartRun>;
}

const ROOT = join(import.meta.dirname, '..');
const MILLRACE = [process.execPath, join(ROOT, 'bin/millrace.js')];
const NPM = ['npm', 'run', '--silent', 'pipeline'];
/** The line that `sinkConsole` of the pipeline writes for a closed window. */
const WINDOW = /^\d\d:\d\d {3}/;

const CONTENDERS: readonly Contender[] = [
  { name: 'node -e 0', command: [process.execPath, '-e', '0'], measure: toEnd },
  { name: 'millrace --help', command: [...MILLRACE, '--help'], measure: toEnd },
  { name: 'npm run pipeline -- --help', command: [...NPM, '--', '--help'], measure: toEnd },
  { name: 'millrace orders, first window', command: [...MILLRACE, 'orders'], measure: toFirstWindow },
  { name: 'npm run pipeline orders, first window', command: [...NPM, 'orders', '--'], measure: toFirstWindow },
];

/** A round ahead of the others, which does not count, makes the compiled copy of the sources. */
export async function benchStart({ runs }: { runs: number }): Promise<StartMeasurement[]> {
  const measured = CONTENDERS.map(({ name }) => ({ name, runs: [] as StartRun[] }));
  for (let round = 0; round <= runs; round++) {
    for (const [index, { command, measure }] of CONTENDERS.entries()) {
      const run = await measure(command);
      if (round > 0) measured[index].runs.push(run);
    }
    process.stderr.write(round === 0 ? '  warmed up\n' : `  ${round}/${runs}\n`);
  }
  return measured;
}

/** The shell's own timing knows milliseconds, where /proc counts hundredths of seconds and forgets who has ended. */
async function toEnd(command: readonly string[]): Promise<StartRun> {
  const env = { ...process.env, TIMEFORMAT: '%3R %3U %3S', LC_ALL: 'C' };
  const { stderr } = await promisify(execFile)('bash', ['-c', 'time "$@"', 'bash', ...command], { cwd: ROOT, env });
  const [wall, user, system] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
  return { wallMs: wall * 1_000, cpuMs: (user + system) * 1_000 };
}

async function toFirstWindow([command, ...args]: readonly string[]): Promise<StartRun> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-start-'));
  const began = process.hrtime.bigint();
  // A group of its own: a signal to npm alone may not come to what it has started.
  const child = spawn(command, [...args, '--data', folder], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let errors = '';
  child.stderr.on('data', (text) => (errors = `${errors}${text}`.slice(-16_384)));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (!WINDOW.test(line)) continue;
      const { at, cpuSeconds } = sampleOf(child.pid!);
      return { wallMs: Number(at - began) / 1e6, cpuMs: cpuSeconds * 1_000 };
    }
    throw new Error(`${command} ended without a window:\n${errors}`);
  } finally {
    child.stdout.resume();
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGINT');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

export function printStart(measurements: readonly StartMeasurement[]): void {
  const rounds = measurements[0].runs.length;
  console.log(`\nstart: ${mediansOf(rounds)}, Node ${process.version}, ${cpus().length} cores`);
  console.log('| | ms | least to most | ms CPU |\n|---|---|---|---|');
  for (const { name, runs } of measurements) {
    const walls = runs.map(({ wallMs }) => wallMs);
    const range = `${Math.min(...walls).toFixed(0)} to ${Math.max(...walls).toFixed(0)}`;
    const cpu = median(runs.map(({ cpuMs }) => cpuMs)).toFixed(0);
    console.log(`| ${name} | ${median(walls).toFixed(0)} | ${range} | ${cpu} |`);
  }
}
