/** `npm run bench [-- NAME … OPTION …]`: measures, prints a table, writes bench/results/NAME.json. `--help` tells the names and options. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchBudget, printBudget } from './budget.ts';
import { shareCores } from './child.ts';
import { benchEngine } from './engine.ts';
import { benchGrowth } from './growth.ts';
import { benchIdle } from './idle.ts';
import { benchLatency, printLatency } from './latency.ts';
import { benchFetch } from './fetch.ts';
import { benchLakehouse } from './lakehouse.ts';
import { type Measurement, printTable } from './measure.ts';
import { benchOrders } from './orders.ts';
import { benchOrdersByHand } from './orders-clients.ts';
import { benchOrdersMemory } from './orders-memory.ts';
import { benchProduce } from './produce.ts';
import { benchStart, printStart } from './start.ts';
import { benchState, STATE_COLUMNS } from './state.ts';

/** Of the bench of state, unless others are asked for. */
const KEYS = '5,1000000';
const OPTIONS = {
  records: { type: 'string', about: 'records of the input; each bench has a number of its own' },
  runs: { type: 'string', about: 'rounds in which the contenders take turns; 5, orders, state and growth 3' },
  only: {
    type: 'string',
    about:
      'beginning of the names of what is to run: contenders of orders, lakehouse, state and latency, axes of growth',
  },
  'by-hand': { type: 'boolean', about: 'orders at least once, beside programs written by hand over public clients' },
  keyed: { type: 'boolean', about: 'orders whose key is the product already' },
  memory: { type: 'boolean', about: 'the least heap with which each engine keeps its speed on orders' },
  shared: { type: 'boolean', about: 'orders with all cores for broker and programs, in place of one each' },
  keys: { type: 'string', default: KEYS, about: 'numbers of keys of state' },
  rates: { type: 'string', about: 'rates of latency, in orders a second' },
  seconds: { type: 'string', about: 'how long latency is looked at' },
  help: { type: 'boolean', short: 'h', about: 'this' },
} as const;

/** What takes minutes a round. */
const LONG = new Set(['orders', 'state', 'growth']);

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
    const options = { runs: longRuns, records, only: values.only };
    if (values.memory) return benchOrdersMemory(options);
    if (values['by-hand']) return table('orders by hand', await benchOrdersByHand({ runs, records }));
    return benchOrders({ ...options, keyed: values.keyed });
  },
  async lakehouse() {
    return table('lakehouse', await benchLakehouse({ runs, records, only: values.only }));
  },
  async state() {
    const keys = numbers('keys')!;
    const measurements = await benchState({ runs: longRuns, records, keys, only: values.only });
    printTable('state', measurements, STATE_COLUMNS);
    return measurements;
  },
  async budget() {
    const lines = await benchBudget({ runs, records });
    printBudget(lines);
    return lines;
  },
  async growth() {
    return benchGrowth({ runs: longRuns, records, only: values.only });
  },
  async idle() {
    const idle = await benchIdle();
    console.log(
      `\nidle, the orders pipeline on a quiet topic: ${idle.percentOfCore.toFixed(2)} % of a core over ${idle.seconds} s`,
    );
    return idle;
  },
  async start() {
    const measurements = await benchStart({ runs });
    printStart(measurements);
    return measurements;
  },
  async latency() {
    const rates = numbers('rates');
    const seconds = numbers('seconds')?.[0];
    const measurements = await benchLatency({ runs, rates, seconds, only: values.only });
    printLatency(measurements);
    return measurements;
  },
};

const { values, positionals } = asked();
if (values.help) {
  console.log(usage());
  process.exit(0);
}
if (values.shared) shareCores();
const [runs, longRuns] = [5, 3].map((rounds) => numbers('runs')?.[0] ?? rounds);
const records = numbers('records')?.[0];
const unknown = positionals.find((name) => BENCHES[name] === undefined);
if (unknown !== undefined) refuse(`there is no bench '${unknown}'`);
for (const name of positionals.length === 0 ? Object.keys(BENCHES) : positionals)
  save(fileOf(name), LONG.has(name) ? longRuns : runs, await BENCHES[name]());

function asked() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** What an option says: whole numbers from 1 on, parted by commas. */
function numbers(option: 'runs' | 'records' | 'keys' | 'rates' | 'seconds'): number[] | undefined {
  const given = values[option]?.split(',').map(Number);
  if (given?.every((n) => Number.isSafeInteger(n) && n > 0) === false)
    refuse(`--${option} takes whole numbers from 1 on`);
  return given;
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${usage()}\n`);
  process.exit(2);
}

function usage(): string {
  const options = Object.entries(OPTIONS).map(([name, { type, about }]) => {
    const word = type === 'string' ? `--${name} …` : `--${name}`;
    return `  ${word.padEnd(14)}${about}`;
  });
  const names = `NAME: ${Object.keys(BENCHES).join(', ')}; all of them where none is given`;
  const where = '  each writes its figures to bench/results, over those of the last call';
  return ['npm run bench [-- NAME … OPTION …]', `  ${names}`, where, ...options].join('\n');
}

/** `orders` has variants, and `state` other numbers of keys, whose figures are kept apart. */
function fileOf(name: string): string {
  if (name === 'state' && values.keys !== KEYS) return `state-${values.keys.replaceAll(',', '-')}`;
  if (name !== 'orders') return name;
  const variant = (['memory', 'by-hand', 'keyed', 'shared'] as const).find((option) => values[option]);
  return `orders-${variant ?? 'peers'}`;
}

function table(name: string, measurements: readonly Measurement[]): readonly Measurement[] {
  printTable(name, measurements);
  return measurements;
}

function save(name: string, rounds: number, result: unknown): void {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const machine = { node: process.version, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ machine, runs: rounds, result }, null, 2)}\n`);
}
