/**
 * Checkpoints of the orders job with almost no records between them: `tsx bench/checkpoint-run.ts BROKERS`; prints microseconds
 * of CPU a checkpoint.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import orders from '../pipelines/orders/pipeline.ts';
import { RecordBatchBuilder } from '../src/core/batch-builder.ts';
import { nodeDisk } from '../src/files/node-disk.ts';
import { run } from '../src/runtime/run.ts';
import type { RunningPipeline } from '../src/runtime/run-options.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';
import { PARTITIONS } from './topics.ts';

/** One of each product, nearly, for every checkpoint. */
const RECORDS = 5;
const EVERY_MS = 200;
const WARM_UP = 15;
const COUNTED = 50;

const [brokers] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const log = await connectDriver('fast', brokers);
const store = openLmdbStore(join(folder, '.millrace'));
const stopping = new AbortController();
let running: RunningPipeline | undefined;

const ended = run(orders, {
  log,
  store,
  clock: systemClock,
  disk: nodeDisk,
  mode: 'live',
  delivery: 'at-least-once',
  outputDir: folder,
  group: `checkpoints-${process.pid}`,
  from: 'latest',
  checkpointMs: EVERY_MS,
  signal: stopping.signal,
  onStart: (started) => (running = started),
});
while (running === undefined) await systemClock.sleep(EVERY_MS);
const epoch = (): number => running!.status().lastCheckpoint?.epoch ?? 0;
await trickleUntil(WARM_UP);
const first = epoch();
const before = process.cpuUsage();
await trickleUntil(first + COUNTED);
const { user, system } = process.cpuUsage(before);
const micros = (user + system) / (epoch() - first);
stopping.abort();
await ended;
await log.close();
await store.close();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${micros}\n`);

async function trickleUntil(last: number): Promise<void> {
  while (epoch() < last) {
    const builders = Array.from({ length: PARTITIONS }, (_, partition) => new RecordBatchBuilder('orders', partition));
    for (const { key, value, partition } of generateOrders(RECORDS, systemClock.now(), emptyTotals())) {
      builders[partition].add(key, value, systemClock.now());
    }
    await log.append(builders.filter(({ length }) => length > 0).map((builder) => builder.finish()));
    await systemClock.sleep(EVERY_MS);
  }
}
