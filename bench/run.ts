/** `npm run bench [-- engine | orders | latency] [--records N] [--runs N]`: measures, prints a table, writes bench/results/NAME.json. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchEngine } from './engine.ts';
import { benchLatency } from './latency.ts';
import { benchOrders } from './orders.ts';

export interface Measurement {
  readonly name: string;
  /** Records a second of each run, in the order of the runs. */
  readonly eventsPerSecond: readonly number[];
  /** Microseconds of CPU a record, user and system. */
  readonly cpuMicros: readonly number[];
  /** Peak resident memory in MiB. */
  readonly peakMiB: readonly number[];
  readonly note?: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { records: { type: 'string' }, runs: { type: 'string' } },
});
const which = positionals.length === 0 ? ['engine', 'orders', 'latency'] : positionals;
const runs = Number(values.runs ?? 5);
const records = values.records === undefined ? undefined : Number(values.records);

for (const name of which) {
  if (name === 'latency') {
    await benchLatency();
    continue;
  }
  const bench = { engine: benchEngine, orders: benchOrders }[name];
  if (bench === undefined) {
    process.stderr.write(`no bench '${name}': there are engine, orders and latency\n`);
    process.exit(2);
  }
  const measurements = await bench({ runs, records });
  print(name, measurements);
  save(name, measurements);
}

function print(name: string, measurements: readonly Measurement[]): void {
  console.log(`\n${name}: median of ${runs} runs (least to most), Node ${process.version}, ${cpus().length} cores`);
  for (const { name: what, eventsPerSecond, cpuMicros, peakMiB, note } of measurements) {
    const rate = `${thousands(median(eventsPerSecond))} events/s`.padStart(20);
    const spread = `(${thousands(Math.min(...eventsPerSecond))} to ${thousands(Math.max(...eventsPerSecond))})`;
    console.log(
      `  ${what.padEnd(34)}${rate} ${spread.padEnd(26)} ${median(cpuMicros).toFixed(2)} µs CPU/event  ${median(peakMiB).toFixed(0)} MiB  ${note ?? ''}`,
    );
  }
}

function save(name: string, measurements: readonly Measurement[]): void {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const machine = { node: process.version, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ machine, runs, measurements }, null, 2)}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
