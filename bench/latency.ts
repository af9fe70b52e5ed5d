/** Latency on the embedded log: from the append to `orders` to a record that a reader of `processed-orders` sees, at 50 orders a second. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import generator from '../pipelines/orders/generator.ts';
import orders from '../pipelines/orders/pipeline.ts';
import { nodeDisk } from '../src/files/node-disk.ts';
import { plainKafka } from '../src/kafka/kafka-config.ts';
import type { LogClient } from '../src/log/log-client.ts';
import { openEnvironment } from '../src/runtime/environment.ts';
import { runGenerator } from '../src/runtime/generate.ts';
import { run } from '../src/runtime/run.ts';
import { systemClock } from '../src/time/clock.ts';

export interface Latency {
  readonly orders: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const RATE = 50;
/** Orders that a cold start slows down are not measured. */
const WARM_UP = 100;

export async function benchLatency({
  records = 1_000,
  brokers,
}: {
  records?: number;
  brokers?: string;
} = {}): Promise<Latency> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-latency-'));
  const environment = await openEnvironment({ stateDir: join(folder, '.millrace'), kafka: plainKafka(brokers) });
  const { log } = environment;
  const stopping = new AbortController();
  const ended = new AbortController();
  const appended = new Map<string, number>();
  const seen = new Map<string, number>();
  try {
    const running = run(orders, {
      ...environment,
      clock: systemClock,
      disk: nodeDisk,
      mode: 'live',
      outputDir: folder,
      signal: stopping.signal,
    });
    await log.createTopics([
      { topic: 'processed-orders', partitions: 3 },
      { topic: 'orders', partitions: 3 },
    ]);
    const readers = [tail(log, 'orders', appended, ended.signal), tail(log, 'processed-orders', seen, ended.signal)];
    const settings = {
      rate: RATE,
      events: records + WARM_UP,
      seed: 1,
      start: undefined,
      badRatio: 0,
      backfill: false,
      live: true,
    };
    await runGenerator(generator, { ...settings, log, clock: systemClock, signal: stopping.signal });
    await until(() => seen.size === records + WARM_UP);
    stopping.abort();
    await running;
    ended.abort();
    await Promise.all(readers);
  } finally {
    stopping.abort();
    ended.abort();
    await environment.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const waits = [...seen]
    .slice(WARM_UP)
    .map(([key, at]) => at - appended.get(key)!)
    .sort((a, b) => a - b);
  const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))];
  return { orders: waits.length, p50: at(0.5), p99: at(0.99), max: waits.at(-1)! };
}

/** Notes for each key when it was appended (`orders`, by the log's own time) or first seen here. */
async function tail(log: LogClient, topic: string, times: Map<string, number>, signal: AbortSignal): Promise<void> {
  const next = (await log.offsets(topic, 'earliest')).map((offset, partition) => ({ topic, partition, offset }));
  while (!signal.aborted) {
    for (const { partition, batch, nextOffset } of await log.fetch(next, {
      maxBytes: 1 << 20,
      maxWaitMs: 100,
      signal,
    })) {
      next[partition].offset = nextOffset;
      for (let row = 0; row < (batch?.length ?? 0); row++) {
        const time = topic === 'orders' ? batch!.timestamps[row] : Date.now();
        times.set(Buffer.from(batch!.key(row)!).toString(), time);
      }
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(20);
}
