/**
 * The pipeline of the state bench with another bound than the command line's: `tsx bench/state-run.ts BROKERS FOLDER GROUP INPUT OUTPUT
 * ENTRIES`, of which so many are in memory at most. Runs until SIGTERM.
 */
import { join } from 'node:path';
import { nodeDisk } from '../src/files/node-disk.ts';
import { run } from '../src/runtime/run.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';
import state from './state-pipeline.ts';

const [brokers, folder, group, input, output, entries] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const log = await connectDriver('fast', brokers);
const store = openLmdbStore(join(folder, '.millrace'));
await run(state, {
  log,
  store,
  clock: systemClock,
  disk: nodeDisk,
  mode: 'live',
  delivery: 'exactly-once',
  outputDir: folder,
  group,
  params: { input, output },
  maxStateEntries: Number(entries),
  signal: stop.signal,
});
await log.close();
await store.close();
