/** What the orders pipeline costs a core while nothing happens: the command line, as a user starts it, on a quiet topic. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/time/clock.ts';
import { startBenchBroker } from './child.ts';
import { usageOf } from './java-tools.ts';
import { createTopics, fill, FORGET_SOON } from './topics.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';

export interface Idle {
  readonly seconds: number;
  /** Share of one core, in percent. */
  readonly percentOfCore: number;
}

const ROOT = join(import.meta.dirname, '..');
/** Start, the orders that are there, and the collection of their garbage, for which Node waits until a program is quiet. */
const SETTLE_MS = 30_000;
const RECORDS = 1_000;

export async function benchIdle(seconds = 40): Promise<Idle> {
  const broker = await startBenchBroker({ properties: FORGET_SOON.broker });
  try {
    await createTopics(broker.bootstrap, ['orders']);
    await fill(broker.bootstrap, 'orders', generateOrders(RECORDS, systemClock.now() - RECORDS, emptyTotals()));
    return { seconds, percentOfCore: await measure(['--brokers', broker.bootstrap], seconds) };
  } finally {
    await broker.stop();
  }
}

async function measure(flags: readonly string[], seconds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-idle-'));
  const places = ['--data', folder];
  const args = [join(ROOT, 'bin/millrace.js'), 'orders', ...flags, ...places];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  try {
    await systemClock.sleep(SETTLE_MS);
    const before = cpuOf(child, errors);
    const began = systemClock.now();
    await systemClock.sleep(seconds * 1000);
    return ((cpuOf(child, errors) - before) * 100_000) / (systemClock.now() - began);
  } finally {
    const ended = new Promise((done) => child.on('exit', done));
    if (child.exitCode === null && child.kill('SIGINT')) await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

function cpuOf(child: ChildProcess, errors: string): number {
  const usage = child.exitCode === null ? usageOf(child.pid!) : undefined;
  if (usage === undefined) throw new Error(`the pipeline has ended, or this system has no /proc:\n${errors}`);
  return usage.cpuSeconds;
}
