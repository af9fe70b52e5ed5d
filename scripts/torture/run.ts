/**
 * `npm run torture -- --kills 30 --seed 1 [--brokers auto]`: runs the orders pipeline on an embedded log or on Kafka, kills it
 * with SIGKILL at random instants and at each named step, also during recovery, runs it to the end and compares every output
 * with a naive computation.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBroker } from '../kafka/broker.ts';
import generator from '../../pipelines/orders/generator.ts';
import { randomAt } from '../../src/core/random.ts';
import { RecordBatchBuilder } from '../../src/core/record-batch.ts';
import { partitionFor } from '../../src/log/partitioner.ts';
import { systemClock } from '../../src/time/clock.ts';
import type { ChildOrders } from './child.ts';
import { compareOrders } from './compare.ts';
import { openLog } from './log.ts';
import { isRecovery, killPoints } from './points.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    /** `auto` starts a broker; `host:port` uses one whose topics are not there yet. */
    brokers: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
if (!Number.isSafeInteger(kills) || kills < 0 || !Number.isSafeInteger(seed)) {
  process.stderr.write('--kills and --seed take whole numbers\n');
  process.exit(2);
}

/** Event time between two orders: 50 a second of it, however fast they are written. */
const PACE_MS = 20;
const BATCH = 40;
const BATCH_EVERY_MS = 20;
const MAX_RANDOM_MS = 1_200;
const NAMED_PATIENCE_MS = 10_000;
const CHILD_PATIENCE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'millrace-torture-'));
const stateDir = join(folder, '.millrace');
const broker = values.brokers === 'auto' ? await startBroker({ progress: say }) : undefined;
const brokers = broker?.bootstrap ?? values.brokers;
const { log, close } = await openLog(brokers, stateDir);
const points = killPoints(log.kind);
await log.createTopics([{ topic: generator.topic, partitions: generator.partitions }]);
const start = Math.floor((Date.now() - 30 * 86_400_000) / 60_000) * 60_000;
let written = 0;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Orders are written by this process while the other one runs, is killed and runs again. */
async function feed(until: Promise<unknown>): Promise<void> {
  let going = true;
  const stop = (): void => {
    going = false;
  };
  until.then(stop, stop);
  while (going) {
    const builders = Array.from({ length: generator.partitions }, (_, i) => new RecordBatchBuilder(generator.topic, i));
    for (let i = 0; i < BATCH; i++) {
      const index = written + i;
      const turn = { index, time: start + index * PACE_MS, seed, random: randomAt(seed, index), badRatio: 0.02 };
      const { key, value } = generator.record(turn);
      const bytes = Buffer.from(key!);
      builders[partitionFor(bytes, builders.length)].add(bytes, value, 0);
    }
    await log.append(builders.filter(({ length }) => length > 0).map((builder) => builder.finish()));
    written += BATCH;
    await systemClock.sleep(BATCH_EVERY_MS);
  }
}

function startChild(orders: Pick<ChildOrders, 'mode' | 'killAt'>): ChildProcess {
  const told: ChildOrders = { brokers, stateDir, outputDir: folder, checkpointMs: 25, maxChunkRecords: 64, ...orders };
  return spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'child.ts'), JSON.stringify(told)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

async function ended(child: ChildProcess): Promise<Ending> {
  let stderr = '';
  child.stderr!.on('data', (data: Buffer) => {
    stderr += String(data);
  });
  const patience = setTimeout(() => child.kill('SIGKILL'), CHILD_PATIENCE_MS);
  const ending = await new Promise<Ending>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stderr }));
  });
  clearTimeout(patience);
  return ending;
}

function fail(message: string): never {
  process.stderr.write(`${message}\nseed ${seed}; everything is kept in ${folder}\n`);
  process.exit(1);
}

/** Every third kill comes at a random instant, the others at the named steps in turn, the first to third time they are reached. */
async function killOnce(n: number): Promise<string> {
  const random = randomAt(seed, 1_000_000 + n);
  const nth = n - Math.ceil(n / 3);
  const point = n % 3 === 0 ? undefined : points[nth % points.length];
  const count = point !== undefined && isRecovery(point) ? 1 : 1 + Math.floor(random() * 3);
  const child = startChild({ mode: 'live', killAt: point === undefined ? undefined : { point, count } });
  const ending = ended(child);
  const feeding = feed(ending);
  if (point === undefined) {
    const delay = Math.floor(random() * MAX_RANDOM_MS);
    await Promise.race([ending, systemClock.sleep(delay)]);
    child.kill('SIGKILL');
    await ending;
    await feeding;
    return `after ${delay} ms`;
  }
  // A step that this run does not come to is not waited for for ever.
  await Promise.race([ending, systemClock.sleep(NAMED_PATIENCE_MS)]);
  child.kill('SIGTERM');
  const { code, signal, stderr } = await ending;
  await feeding;
  if (signal !== 'SIGKILL' && code !== 0) fail(`kill ${n + 1} at ${point}: the run ended with ${code}:\n${stderr}`);
  return signal === 'SIGKILL' ? `at ${point} (${count})` : `${point} was not reached ${count} times; stopped`;
}

const began = Date.now();
for (let n = 0; n < kills; n++) {
  const how = await killOnce(n);
  say(`kill ${String(n + 1).padStart(3)} of ${kills}  ${how.padEnd(44)} ${written} orders written`);
}
const last = await ended(startChild({ mode: 'drain', killAt: undefined }));
if (last.code !== 0) fail(`the last run ended with ${last.code ?? last.signal}:\n${last.stderr}`);
const { lines, differences } = await compareOrders(log, folder);
await close();
await broker?.stop();
process.stdout.write(`${lines.join('\n')}\n`);
if (differences.length > 0) fail(`NOT EXACT after ${kills} kills\n${differences.join('\n')}`);
process.stdout.write(`exact after ${kills} kills, seed ${seed}, ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
if (values.keep) process.stderr.write(`kept in ${folder}\n`);
else rmSync(folder, { recursive: true, force: true });
