/**
 * One process of the growth bench: `tsx bench/growth-run.ts fill|run BROKER FOLDER JOB TOPIC OUTPUT`. Fills the topic, or runs the
 * job from it to OUTPUT, exactly once, and prints one line of JSON. FOLDER holds the state, and the embedded log where there is no
 * broker.
 */
import { join } from 'node:path';
import { nodeDisk } from '../src/files/node-disk.ts';
import { EmbeddedLog } from '../src/log/embedded-log.ts';
import { run } from '../src/runtime/run.ts';
import type { RunningPipeline } from '../src/runtime/run-options.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';
import type { GrowthJob } from './growth-axes.ts';
import { growthBatches, growthPipeline } from './growth-job.ts';
import { Meter } from './meter.ts';

/** How often it is asked how far it is, which takes microseconds. */
const LOOK_MS = 10;

const [task, brokers, folder, described, topic, output] = process.argv.slice(2);
const job = JSON.parse(described) as GrowthJob;
const store = openLmdbStore(join(folder, '.millrace'));
const log = job.log === 'kafka' ? await connectDriver('fast', brokers) : new EmbeddedLog(store, systemClock);
await (task === 'fill' ? fill() : measure());
await log.close();
await store.close();

async function fill(): Promise<void> {
  await log.createTopics([{ topic, partitions: job.partitions }]);
  for (const batches of growthBatches(job, topic, systemClock.now())) await log.append(batches);
  process.stdout.write('{}\n');
}

async function measure(): Promise<void> {
  const meter = new Meter(job.records);
  let seen = 0;
  const count = ({ status }: RunningPipeline): void => {
    const read = status().nodes[0].counts.in;
    meter.add(read - seen);
    seen = read;
  };
  let looking: NodeJS.Timeout | undefined;
  let running: RunningPipeline;
  await run(growthPipeline(job, topic, output), {
    log,
    store,
    clock: systemClock,
    disk: nodeDisk,
    mode: 'once',
    delivery: 'exactly-once',
    outputDir: folder,
    group: output,
    signal: new AbortController().signal,
    onStart(started) {
      running = started;
      looking = setInterval(() => count(started), LOOK_MS);
    },
  });
  clearInterval(looking);
  count(running!);
  meter.report();
}
