/** The orders job from Kafka to Kafka: a topic of generated orders, read once to its end, with all its outputs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../scripts/kafka/broker.ts';
import generator from '../pipelines/orders/generator.ts';
import { connectLog } from '../src/runtime/environment.ts';
import { runGenerator } from '../src/runtime/generate.ts';
import { systemClock } from '../src/time/clock.ts';
import type { Measurement } from './measure.ts';

/** Each run reads the whole topic under a group and a state directory of its own. */
export async function benchOrders({
  runs,
  records = 500_000,
}: {
  runs: number;
  records?: number | undefined;
}): Promise<Measurement[]> {
  const broker = await startBroker();
  const eventsPerSecond: number[] = [];
  const cpuMicros: number[] = [];
  const peakMiB: number[] = [];
  try {
    await fill(broker.bootstrap, records);
    for (let n = 0; n < runs; n++) {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
      const args = ['--import', 'tsx', 'bench/orders-run.ts', broker.bootstrap, folder, `bench-${n}`];
      const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
      const { seconds, cpuSeconds, peak, read } = JSON.parse(printed) as Record<string, number>;
      if (read !== records) throw new Error(`${read} of ${records} orders were read`);
      eventsPerSecond.push(records / seconds);
      cpuMicros.push((cpuSeconds * 1e6) / records);
      peakMiB.push(peak);
      rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    await broker.stop();
  }
  return [{ name: 'orders, Kafka to Kafka, kafkajs', eventsPerSecond, cpuMicros, peakMiB }];
}

/** A thousand orders a second of event time, so that the job closes windows. */
async function fill(brokers: string, records: number): Promise<void> {
  const log = await connectLog(brokers);
  const rate = 1_000;
  const start = systemClock.now() - records;
  await runGenerator(generator, {
    log,
    clock: systemClock,
    rate,
    events: records,
    seed: 1,
    start,
    badRatio: 0.01,
    backfill: false,
    live: false,
    signal: new AbortController().signal,
  });
  await log.close();
}
