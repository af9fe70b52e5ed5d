/** One process of the lakehouse bench: `tsx bench/lakehouse-run.ts BROKERS WARM_UP_TOPIC TOPIC LAYERS ROLL OUT`; prints `begin` and `end`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import transactions from '../pipelines/transactions/pipeline.ts';
import { nodeDisk } from '../src/files/node-disk.ts';
import { run } from '../src/runtime/run.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { systemClock } from '../src/time/clock.ts';
import { connectDriver } from './drivers.ts';
import { silverOnly } from './lakehouse-silver.ts';

const [brokers, warmUpTopic, topic, layers, roll, out] = process.argv.slice(2);

await job(warmUpTopic, join(out, '_warm-up'));
process.stdout.write('begin\n');
await job(topic, out);
process.stdout.write('end\n');
await once(process.stdin, 'data');
process.exit(0);

async function job(from: string, outputPath: string): Promise<void> {
  const state = join(outputPath, '_state');
  mkdirSync(state, { recursive: true });
  const log = await connectDriver('fast', brokers);
  const store = openLmdbStore(state);
  await run(layers === 'all' ? transactions : silverOnly, {
    log,
    store,
    clock: systemClock,
    disk: nodeDisk,
    // The windows of the records that close the others stay open, as with Spark.
    mode: 'once',
    delivery: 'exactly-once',
    outputDir: out,
    group: `lakehouse-${process.pid}-${from}`,
    params: { topic: from, outputPath, triggerInterval: roll, showPreviews: false },
    signal: new AbortController().signal,
  });
  await log.close();
  await store.close();
}
