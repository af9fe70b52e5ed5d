/**
 * `npm run soak:kills -- --hours 6 --kills 3 --seed 1`: the orders pipeline on a broker, an hour of event time at full speed over
 * and over, killed at random instants in each. State and memory have to stay flat, and every output exact.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomAt } from '../../src/core/random.ts';
import { systemClock } from '../../src/time/clock.ts';
import { flagsOf, numberOf } from '../flags.ts';
import { startBroker } from '../kafka/broker.ts';
import { compareOrders } from '../torture/compare.ts';
import { Feed } from '../torture/feed.ts';
import { openLog } from '../torture/log.ts';
import { subjectOf } from '../torture/subjects.ts';
import { Victim } from '../torture/victim.ts';

const ORDERS_AN_HOUR = 180_000;
const MAX_LIFE_MS = 2_500;
/** What may be added between the second hour and the last. */
const ALLOWED = 1.2;

const USAGE = `npm run soak:kills -- [--hours 6] [--kills 3] [--seed 1]

The orders pipeline on a broker, killed so many times in each hour of event time, of which there are at least 3: state and memory stay flat, outputs exact.`;

const values = flagsOf(USAGE, {
  hours: { type: 'string', default: '6' },
  kills: { type: 'string', default: '3' },
  seed: { type: 'string', default: '1' },
});
const hours = numberOf(USAGE, 'hours', values.hours, 3);
const kills = numberOf(USAGE, 'kills', values.kills, 1);
const seed = numberOf(USAGE, 'seed', values.seed, 0);

const folder = mkdtempSync(join(tmpdir(), 'millrace-soak-'));
const stateDir = join(folder, '.millrace');
const broker = await startBroker({ progress: (line) => process.stderr.write(`${line}\n`) });
const brokers = broker.bootstrap;
const { log, close } = await openLog(brokers, stateDir);
const subject = await subjectOf('orders', 60_000);
const feed = new Feed(log, seed, subject.input);
await feed.open();
const random = randomAt(seed, 0);

function start(mode: 'live' | 'once' | 'drain'): Victim {
  const timing = { checkpointMs: 200, maxChunkRecords: 2_048, params: subject.params };
  return new Victim({
    ...timing,
    pipeline: 'orders',
    brokers,
    stateDir,
    outputDir: folder,
    mode,
    end: undefined,
    blind: false,
    sabotage: undefined,
  });
}

async function fail(message: string): Promise<never> {
  process.stderr.write(`${message}\nseed ${seed}; everything is kept in ${folder}\n`);
  await broker.stop();
  process.exit(1);
}

const state: number[] = [];
const memory: number[] = [];
for (let hour = 1; hour <= hours; hour++) {
  const began = systemClock.now();
  await feed.burst(ORDERS_AN_HOUR);
  for (let kill = 0; kill < kills; kill++) {
    const victim = start('live');
    await victim.said('started');
    await systemClock.sleep(random() * MAX_LIFE_MS);
    victim.signal('SIGKILL');
    await victim.ended;
  }
  const last = start(hour === hours ? 'drain' : 'once');
  const { code, stderr } = await last.ended;
  if (code !== 0) await fail(`hour ${hour} ended with ${code}:\n${stderr}`);
  state.push(statSync(join(stateDir, 'data.mdb')).size / 2 ** 20);
  memory.push((JSON.parse(last.lastLine) as { peakMiB: number }).peakMiB);
  process.stderr.write(
    `hour ${hour}  state ${state.at(-1)!.toFixed(1)} MiB  memory ${memory.at(-1)!.toFixed(0)} MiB  ${((systemClock.now() - began) / 1000).toFixed(0)} s\n`,
  );
}
const { lines, differences } = await compareOrders(log, folder, feed.written);
process.stdout.write(`${lines.join('\n')}\n`);
if (differences.length > 0) await fail(`NOT EXACT\n${differences.join('\n')}`);
const growing = [state, memory].some((sizes) => sizes.at(-1)! > sizes[1] * ALLOWED);
if (growing)
  await fail(`GROWING: ${state[1]} to ${state.at(-1)} MiB of state, ${memory[1]} to ${memory.at(-1)} MiB of memory`);
await close();
await broker.stop();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`exact and flat after ${hours} hours of event time and ${hours * kills} kills, seed ${seed}\n`);
