/**
 * The pipeline of the state bench: `tsx bench/state-run.ts BROKERS FOLDER GROUP INPUT OUTPUT ENTRIES`. Counts and sums by key, a
 * result for each record, exactly once; ENTRIES of its state are in memory at most. Runs until its standard input ends.
 */
import { join } from 'node:path';
import { kafka, pipeline } from 'millrace';
import { keyBy, map, processKeyed, sinkKafka, toDLQ, watermark } from 'millrace/operators';
import { nodeDisk } from '../src/files/node-disk.ts';
import { run } from '../src/runtime/run.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';

const [brokers, folder, group, input, output, entries] = process.argv.slice(2);

const counted = kafka(input).pipe(
  map(({ key, value, timestamp }) => ({ key: String(key), amount: Number(value), timestamp })),
  watermark({ eventTime: (event) => event.timestamp, outOfOrdernessMs: 0 }),
  toDLQ(`${output}-dlq`),
  keyBy((event) => event.key),
  processKeyed('counts', {
    init: () => ({ count: 0, sum: 0 }),
    onRecord({ key, amount }, { state }) {
      state.count++;
      state.sum += amount;
      return [{ key, text: `${state.count},${state.sum}` }];
    },
  }),
  sinkKafka(output, { key: (result) => result.key, value: (result) => result.text }),
);

const stop = new AbortController();
process.stdin.on('end', () => stop.abort()).resume();
const log = await connectDriver('fast', brokers);
const store = openLmdbStore(join(folder, '.millrace'));
await run(pipeline('state', counted), {
  log,
  store,
  clock: systemClock,
  disk: nodeDisk,
  mode: 'live',
  delivery: 'exactly-once',
  outputDir: folder,
  group,
  maxStateEntries: Number(entries),
  signal: stop.signal,
});
await log.close();
await store.close();
