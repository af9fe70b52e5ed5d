/** `npm run bench [-- NAME …] [--records N] [--runs N] [--only BEGINNING] [--peers] [--rates N,N] [--seconds N]`: measures, prints a table, writes bench/results/NAME.json. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchBudget, printBudget } from './budget.ts';
import { benchEngine } from './engine.ts';
import { benchIdle } from './idle.ts';
import { benchLatency, printLatency } from './latency.ts';
import { benchFetch } from './fetch.ts';
import { benchLakehouse } from './lakehouse.ts';
import { type Measurement, printTable } from './measure.ts';
import { benchOrders } from './orders.ts';
import { benchProduce } from './produce.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    records: { type: 'string' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    peers: { type: 'boolean', default: false },
    rates: { type: 'string' },
    seconds: { type: 'string' },
  },
});
const runs = Number(values.runs);
const records = values.records === undefined ? undefined : Number(values.records);

const BENCHES: Readonly<Record<string, () => Promise<unknown>>> = {
  async engine() {
    return table('engine', await benchEngine({ runs, records }));
  },
  async fetch() {
    return table('fetch', await benchFetch({ runs, records }));
  },
  async produce() {
    return table('produce', await benchProduce({ runs, records }));
  },
  async orders() {
    return table('orders', await benchOrders({ runs, records, peers: values.peers }));
  },
  async lakehouse() {
    return table('lakehouse', await benchLakehouse({ runs, records, only: values.only }));
  },
  async budget() {
    const lines = await benchBudget({ runs, records });
    printBudget(lines);
    return lines;
  },
  async idle() {
    const idle = await benchIdle();
    console.log(
      `\nidle, the orders pipeline on a quiet topic: ${idle.percentOfCore.toFixed(2)} % of a core over ${idle.seconds} s`,
    );
    return idle;
  },
  async latency() {
    const rates = values.rates?.split(',').map(Number);
    const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
    const measurements = await benchLatency({ runs, rates, seconds, only: values.only });
    printLatency(measurements);
    return measurements;
  },
};

for (const name of positionals.length === 0 ? Object.keys(BENCHES) : positionals) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    process.stderr.write(`there is no bench '${name}'; there are: ${Object.keys(BENCHES).join(', ')}\n`);
    process.exit(2);
  }
  save(values.peers && name === 'orders' ? 'orders-peers' : name, await bench());
}

function table(name: string, measurements: readonly Measurement[]): readonly Measurement[] {
  printTable(name, measurements);
  return measurements;
}

function save(name: string, result: unknown): void {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const machine = { node: process.version, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ machine, runs, result }, null, 2)}\n`);
}
