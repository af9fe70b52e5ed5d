/**
 * `npm run torture -- --kills 30 --seed 1 [--pipeline orders] [--brokers auto] [--sabotage NAME]`: runs a pipeline on an
 * embedded log or on Kafka, kills it with SIGKILL at random instants and at each named step, also during recovery, stops it while another
 * instance takes over, runs it to the end and compares every output with a naive computation.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MillraceError } from '../../src/core/errors.ts';
import { randomAt } from '../../src/core/random.ts';
import { systemClock } from '../../src/time/clock.ts';
import { startBroker } from '../kafka/broker.ts';
import { lakehousePython } from '../lakehouse/python.ts';
import type { ChildTask } from './child.ts';
import { Feed } from './feed.ts';
import { readFlags } from './flags.ts';
import { openLog } from './log.ts';
import { isRecovery, killPoints } from './points.ts';
import { proofOfOrders, proofOfTransactions } from './proof.ts';
import { SABOTAGES } from './sabotage.ts';
import { subjectOf } from './subjects.ts';
import { Victim } from './victim.ts';

const MAX_RANDOM_MS = 1_200;
const EARLY_SHARE = 0.25;
const NAMED_PATIENCE_MS = 10_000;
/** Every so many kills, the process is not killed but stopped, while another one takes over. */
const ZOMBIE_EVERY = 8;
const ZOMBIE_POINTS = [
  'before-store-write',
  'before-decision',
  'prepared',
  'outputs-sealed',
  'committed',
  'before-disk-write',
];
const EXIT_ENVIRONMENT = 3;
/** How long the younger instance runs before the older one wakes, and how long that may take to see that it is not wanted. */
const OVERLAP_MS = 600;
const ZOMBIE_PATIENCE_MS = 5_000;

const { pipeline, kills, seed, keep, sabotage, ...flags } = readFlags();
const scenario = sabotage === undefined ? undefined : SABOTAGES[sabotage];
const { missing } = pipeline === 'orders' ? { missing: '' } : lakehousePython();
if (missing !== '') {
  say(`left out: the torture of ${pipeline}, whose folders cannot be read here: ${missing}`);
  process.exit(EXIT_ENVIRONMENT);
}
const folder = mkdtempSync(join(tmpdir(), 'millrace-torture-'));
const stateDir = join(folder, '.millrace');
const broker = flags.brokers === 'auto' ? await startBroker({ progress: say }) : undefined;
const brokers = broker?.bootstrap ?? flags.brokers;
const { log, store, close } = await openLog(brokers, stateDir).catch(async (thrown: unknown) => {
  rmSync(folder, { recursive: true, force: true });
  await broker?.stop();
  say(thrown instanceof MillraceError ? `${thrown.message}\n${thrown.hint ?? ''}` : String(thrown));
  process.exit(EXIT_ENVIRONMENT);
});
const subject = await subjectOf(pipeline, sabotage === 'rename-after-decision' ? 1 : undefined);
const proof = (pipeline === 'orders' ? proofOfOrders : proofOfTransactions)({ log, store, folder });
const points = killPoints({ decidedBy: subject.decidedBy(log.kind), hasFolders: subject.hasFolders });
const feed = new Feed(log, seed, subject.input);
await feed.open();

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function fail(message: string): Promise<never> {
  say(`${message}\nseed ${seed}; everything is kept in ${folder}`);
  await broker?.stop();
  process.exit(1);
}

function start(task: Partial<ChildTask> & Pick<ChildTask, 'mode'>): Victim {
  const timing = { checkpointMs: 25, maxChunkRecords: 64, params: subject.params };
  const plain = { pipeline, brokers, stateDir, outputDir: folder, end: undefined, blind: false, sabotage };
  return new Victim({ ...plain, ...timing, ...task });
}

/** Over, when a step has not come: counted from when the process is ready, which takes long on a busy machine. */
async function patience(victim: Victim): Promise<void> {
  await victim.said('started');
  await systemClock.sleep(NAMED_PATIENCE_MS);
}

/** At a random instant. */
async function killSometime(random: () => number): Promise<string> {
  const victim = start({ mode: 'live' });
  const feeding = feed.until(victim.ended);
  const delay = Math.floor(random() * MAX_RANDOM_MS);
  // Most at work, some while they start.
  const isEarly = random() < EARLY_SHARE;
  if (!isEarly) await victim.said('started');
  await Promise.race([victim.ended, systemClock.sleep(delay)]);
  victim.signal('SIGKILL');
  const { signal, stderr } = await victim.ended;
  await feeding;
  if (signal !== 'SIGKILL') await fail(`a victim ended by itself:\n${stderr}`);
  return `${delay} ms after ${isEarly ? 'its start' : 'it was ready'}`;
}

/** The `count`-th time that it comes to a step. */
async function killAt(point: string, count: number): Promise<string> {
  const victim = start({ mode: 'live', end: { point, count, signal: 'SIGKILL' } });
  const feeding = feed.until(victim.ended);
  // A step that this run does not come to is not waited for for ever.
  await Promise.race([victim.ended, patience(victim)]);
  victim.signal('SIGTERM');
  const { code, signal, stderr } = await victim.ended;
  await feeding;
  if (signal !== 'SIGKILL' && code !== 0) await fail(`at ${point}: the run ended with ${code}:\n${stderr}`);
  return signal === 'SIGKILL' ? `at ${point} (${count})` : `${point} was not reached ${count} times; stopped`;
}

/** Stopped at a step while another instance, as if on another machine, takes over; then it wakes, and must write nothing. */
async function wakeBehind(point: string): Promise<string> {
  const older = start({ mode: 'live', end: { point, count: 3, signal: 'SIGSTOP' } });
  const feeding = feed.until(older.ended);
  const stopped = await Promise.race([older.said('stopping'), patience(older).then(() => false)]);
  if (!stopped) {
    older.signal('SIGTERM');
    // The last checkpoint may be the one that comes to it.
    void older.said('stopping').then(() => older.signal('SIGCONT'));
    const { code, stderr } = await older.ended;
    await feeding;
    if (code !== 0) await fail(`a zombie at ${point} ended before it was one, with ${code}:\n${stderr}`);
    return `${point} was not reached 3 times; stopped`;
  }
  const younger = start({ mode: 'live', blind: true });
  await younger.said('started');
  await systemClock.sleep(OVERLAP_MS);
  older.signal('SIGCONT');
  const ending = await Promise.race([older.ended, systemClock.sleep(ZOMBIE_PATIENCE_MS)]);
  if (ending === undefined) older.signal('SIGKILL');
  await older.ended;
  await feeding;
  younger.tell('gone');
  await systemClock.sleep(OVERLAP_MS);
  younger.signal('SIGTERM');
  const { code, stderr } = await younger.ended;
  if (code !== 0) await fail(`behind a zombie at ${point}: the younger instance ended with ${code}:\n${stderr}`);
  const isStopped = ending?.code === EXIT_ENVIRONMENT && ending.stderr.includes('OWNED_ELSEWHERE');
  if (!isStopped) {
    await fail(
      `a zombie at ${point} did not stop by itself: ${ending?.code ?? 'still running'}\n${ending?.stderr ?? ''}`,
    );
  }
  return `stopped at ${point}, overtaken`;
}

let named = 0;

/** Every third kill comes at a random instant, the others at the named steps in turn, the first to third time they are reached. */
async function torment(n: number): Promise<string> {
  const random = randomAt(seed, 1_000_000 + n);
  if (scenario !== undefined) {
    return scenario.how === 'zombie' ? wakeBehind(scenario.point) : killAt(scenario.point, 1 + (n % 3));
  }
  if (n % ZOMBIE_EVERY === ZOMBIE_EVERY - 1) {
    const reachable = ZOMBIE_POINTS.filter((point) => points.includes(point));
    return wakeBehind(reachable[Math.floor(n / ZOMBIE_EVERY) % reachable.length]);
  }
  if (n % 3 === 0) return killSometime(random);
  const point = points[named++ % points.length];
  return killAt(point, isRecovery(point) ? 1 : 1 + Math.floor(random() * 3));
}

const began = Date.now();
for (let n = 0; n < kills; n++) {
  const how = await torment(n);
  say(`kill ${String(n + 1).padStart(3)} of ${kills}  ${how.padEnd(44)} ${feed.written} records written`);
  const wrong = await proof.wrongNow();
  if (wrong !== undefined) await fail(`NOT EXACT after ${n + 1} kills\n${wrong}`);
}
const last = await start({ mode: 'drain' }).ended;
if (last.code !== 0) await fail(`the last run ended with ${last.code ?? last.signal}:\n${last.stderr}`);
const { lines, differences } = await proof.compare(feed.written);
process.stdout.write(`${lines.join('\n')}\n`);
if (differences.length > 0) await fail(`NOT EXACT after ${kills} kills\n${differences.join('\n')}`);
proof.close();
await close();
await broker?.stop();
process.stdout.write(`exact after ${kills} kills, seed ${seed}, ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
if (keep) say(`kept in ${folder}`);
else rmSync(folder, { recursive: true, force: true });
