/** One run of the pipeline for the orders bench: `tsx bench/orders-run.ts DRIVER BROKERS FOLDER GROUP RECORDS DELIVERY`; prints `begin` and `end`. */
import { once } from 'node:events';
import { join } from 'node:path';
import orders from '../pipelines/orders/pipeline.ts';
import { nodeDisk } from '../src/files/node-disk.ts';
import { letHeapGrow } from '../src/runtime/cli/heap.ts';
import { run } from '../src/runtime/run.ts';
import type { Delivery, RunningPipeline } from '../src/runtime/run-options.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';

/** How often it is asked how far it is, which takes microseconds. */
const LOOK_MS = 10;
const WARM_UP_SHARE = 0.2;

const [driver, brokers, folder, group, records, delivery] = process.argv.slice(2);
// As the command line does.
letHeapGrow();
const log = await connectDriver(driver, brokers);
const store = openLmdbStore(join(folder, '.millrace'));
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
    looking = setInterval(() => {
      const share = running.status().nodes[0].counts.in / Number(records);
      if (share < WARM_UP_SHARE) return;
      clearInterval(looking);
      process.stdout.write(`begin ${share}\n`);
    }, LOOK_MS);
  },
});
const read = report.status.nodes[0].counts.in;
if (read !== Number(records)) throw new Error(`${read} records were read, not ${records}`);
process.stdout.write('end\n');
await once(process.stdin, 'data');
await log.close();
await store.close();
process.exit(0);
