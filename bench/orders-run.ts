/** One run of the pipeline for the orders bench: `tsx bench/orders-run.ts DRIVER BROKERS FOLDER GROUP RECORDS DELIVERY`; prints one line of JSON. */
import { join } from 'node:path';
import orders from '../pipelines/orders/pipeline.ts';
import { nodeDisk } from '../src/files/node-disk.ts';
import { run } from '../src/runtime/run.ts';
import type { Delivery, RunningPipeline } from '../src/runtime/run-options.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';
import { Meter } from './meter.ts';

/** How often it is asked how far it is, which takes microseconds. */
const LOOK_MS = 10;

const [driver, brokers, folder, group, total, delivery] = process.argv.slice(2);
const records = Number(total);
const meter = new Meter(records);
const log = await connectDriver(driver, brokers);
const store = openLmdbStore(join(folder, '.millrace'));
let seen = 0;
let looking: NodeJS.Timeout | undefined;

const report = await run(orders, {
  log,
  store,
  clock: systemClock,
  disk: nodeDisk,
  mode: 'drain',
  delivery: delivery as Delivery,
  outputDir: folder,
  group,
  signal: new AbortController().signal,
  onStart(running: RunningPipeline) {
    looking = setInterval(() => count(running.status().nodes[0].counts.in), LOOK_MS);
  },
});
clearInterval(looking);
count(report.status.nodes[0].counts.in);
meter.report();
await log.close();
await store.close();

function count(read: number): void {
  meter.add(read - seen);
  seen = read;
}
