/** Transactions from Kafka into a lakehouse: the pipeline, and a Spark program of the same job on the same topic. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../scripts/kafka/broker.ts';
import { systemClock } from '../src/time/clock.ts';
import { generateTransactions, type LakehouseTotals } from './lakehouse-data.ts';
import { alternate, beginning, type Contender, type Maker, type Measurement, type Run } from './measure.ts';
import { type Found, type FoundLayer, lookAt, setUpSpark, sparkCommand } from './peers/spark/setup.ts';
import { measureProgram } from './process-tree.ts';
import { createTopics, fill, type NewRecord } from './topics.ts';

const TOPIC = 'transactions';
const WARM_UP_TOPIC = 'transactions-warm-up';
const WARM_UP_RECORDS = 20_000;
/** Records that Spark puts into one file; the pipeline rolls its files by time. */
const BATCH = 200_000;
const ROLL = '2 seconds';

const NODE = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'lakehouse-run.ts')];

export type Layers = 'silver' | 'all';

const LAYERS: Readonly<Record<Layers, readonly string[]>> = {
  silver: ['silver'],
  all: ['bronze', 'quarantine', 'silver', 'gold', 'raw_csv'],
};

/** Every program may use all cores, and shares them with the broker. */
export async function benchLakehouse({
  runs,
  records = 1_000_000,
  only = '',
}: {
  runs: number;
  records?: number | undefined;
  /** Beginning of the names of those that run. */
  only?: string | undefined;
}): Promise<Measurement[]> {
  setUpSpark();
  // Event times of a fixed day: old ones, which a broker forgets unless the topic is told not to.
  const broker = await startBroker({ progress: (line) => process.stderr.write(`${line}\n`) });
  try {
    const { bootstrap } = broker;
    await createTopics(bootstrap, [TOPIC, WARM_UP_TOPIC], { 'retention.ms': '-1' });
    await fillWith(bootstrap, WARM_UP_TOPIC, WARM_UP_RECORDS);
    const expected = await fillWith(bootstrap, TOPIC, records);
    const contenders = beginning(only, programs(bootstrap, expected));
    return await alternate(contenders, runs);
  } finally {
    await broker.stop();
  }
}

async function fillWith(brokers: string, topic: string, records: number): Promise<LakehouseTotals> {
  const transactions = generateTransactions(records, Date.UTC(2025, 0, 1));
  let totals: LakehouseTotals | undefined;
  function* taken(): Iterable<NewRecord> {
    totals = yield* transactions;
  }
  const began = systemClock.now();
  await fill(brokers, topic, taken());
  process.stderr.write(`  ${topic}: ${records} records in ${((systemClock.now() - began) / 1000).toFixed(1)} s\n`);
  return totals!;
}

function programs(brokers: string, expected: LakehouseTotals): Contender[] {
  const seen = new Map<Layers, Found>();
  const contender = (name: string, maker: Maker, layers: Layers, command: (out: string) => string[]): Contender => ({
    name: `${name}, ${layers === 'all' ? 'all five layers' : 'silver'}`,
    maker,
    async run(): Promise<Run> {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-lakehouse-'));
      try {
        const out = join(folder, 'out');
        const { seconds, cpuSeconds, peakMiB } = await measureProgram(command(out));
        const found = lookAt(out, LAYERS[layers]);
        const first = seen.get(layers);
        const wrong = [...differences(found, expected), ...(first === undefined ? [] : compare(found, first))];
        if (wrong.length > 0) throw new Error(`${name} came to other results: ${wrong.slice(0, 8).join('; ')}`);
        seen.set(layers, first ?? found);
        process.stderr.write(`  ${describeFiles(found)}\n`);
        const records = expected.bronze;
        return { recordsPerSecond: records / seconds, cpuMicros: (cpuSeconds * 1e6) / records, peakMiB };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  });
  return (['silver', 'all'] as const).flatMap((layers) => [
    contender('millrace', 'millrace', layers, (out) => [...NODE, brokers, WARM_UP_TOPIC, TOPIC, layers, ROLL, out]),
    contender('Spark 3.5', 'java', layers, (out) =>
      sparkCommand({ brokers, warmUp: WARM_UP_TOPIC, topic: TOPIC, layers, batch: BATCH, out }),
    ),
  ]);
}

/** Against what the generator knows. */
function differences(found: Found, expected: LakehouseTotals): string[] {
  const { silver, bronze, quarantine, gold, raw_csv: csv } = found;
  const pairs: [string, number | string, number][] = [
    ['rows of silver', silver.rows, expected.silver],
    ['cents in silver', silver.sums.amount, expected.silverCents],
  ];
  if (bronze !== undefined) {
    pairs.push(
      ['rows of bronze', bronze.rows, expected.bronze],
      ['rows of quarantine', quarantine.rows, expected.quarantine],
      ['reasons in quarantine', quarantine.sums.reason, expected.quarantine],
      ['rows of gold', gold.rows, expected.windows.size],
      ['transactions in gold', gold.sums.txn_count, expected.goldCount],
      ['cents in gold', gold.sums.sum_amount, expected.goldCents],
      ['lines of raw_csv', csv.rows, expected.silver],
      ['cents in raw_csv', csv.sums.amount, expected.silverCents],
    );
  }
  return pairs.filter(([, is, should]) => is !== should).map(([what, is, should]) => `${what}: ${is}, not ${should}`);
}

/** Against what the first program wrote, column by column. */
function compare(found: Found, first: Found): string[] {
  return Object.entries(first).flatMap(([layer, { rows, sums }]) => {
    const pairs = Object.entries({ rows, ...sums });
    const have: FoundLayer['sums'] = { rows: found[layer].rows, ...found[layer].sums };
    return pairs
      .map(([what, should]) => [what, have[what], should] as const)
      .filter(([, is, should]) => !isSame(is, should))
      .map(([what, is, should]) => `${what} of ${layer}: ${is}, not ${should}`);
  });
}

const NEAR = 1e-9;

/** The order in which means are added makes their last digits. */
function isSame(is: number | string, should: number | string): boolean {
  if (is === should) return true;
  if (typeof is === 'string' || typeof should === 'string' || Number.isInteger(should)) return false;
  return Math.abs(is - should) <= NEAR * Math.abs(should);
}

function describeFiles(found: Found): string {
  return Object.entries(found)
    .map(([layer, { files, rows, bytes }]) => `${layer}: ${files} files, ${rows} rows, ${Math.round(bytes / 1024)} KiB`)
    .join(' · ');
}
