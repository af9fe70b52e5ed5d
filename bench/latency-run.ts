/**
 * The orders pipeline at its defaults, for the latency bench: `tsx bench/latency-run.ts ADDRESS FOLDER ORDERS`. Prints `begin` after a
 * fifth of the orders and `end` after the last; stops when it is sent a line.
 */
import { join } from 'node:path';
import orders from '../pipelines/orders/pipeline.ts';
import { nodeDisk } from '../src/files/node-disk.ts';
import { plainKafka } from '../src/kafka/kafka-config.ts';
import { openEnvironment } from '../src/runtime/environment.ts';
import { run } from '../src/runtime/run.ts';
import type { RunningPipeline } from '../src/runtime/run-options.ts';
import { systemClock } from '../src/time/clock.ts';
import { EMBEDDED } from './latency-log.ts';

const LOOK_MS = 50;

const [address, folder, total] = process.argv.slice(2);
const steps = [
  { line: 'begin', at: Number(total) / 5 },
  { line: 'end', at: Number(total) },
];
const kafka = address === EMBEDDED ? undefined : plainKafka(address);
const environment = await openEnvironment({ stateDir: join(folder, '.millrace'), kafka });
const stopping = new AbortController();
process.stdin.once('data', () => stopping.abort());
let looking: NodeJS.Timeout | undefined;

await run(orders, {
  ...environment,
  clock: systemClock,
  disk: nodeDisk,
  mode: 'live',
  outputDir: folder,
  group: `latency-${process.pid}`,
  signal: stopping.signal,
  onStart(running: RunningPipeline) {
    looking = setInterval(() => tell(running.status().nodes[0].counts.in), LOOK_MS);
  },
});
clearInterval(looking);
await environment.close();
process.stdin.destroy();

function tell(read: number): void {
  while (steps.length > 0 && read >= steps[0].at) process.stdout.write(`${steps.shift()!.line}\n`);
}
