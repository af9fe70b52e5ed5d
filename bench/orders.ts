/** The orders job from Kafka to Kafka, at least once: the pipeline, and programs of the same job written by hand over public clients. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/time/clock.ts';
import { runScript, startBenchBroker } from './child.ts';
import { alternate, type Contender, type Measurement, type Run } from './measure.ts';
import { emptyTotals, generateOrders, type Totals, windowKey } from './orders-data.ts';
import { countUpTo, createTopics, endsOf, fill, FORGET_SOON, type NewRecord, readBetween } from './topics.ts';

const OUTPUTS = ['processed-orders', 'orders-dlq', 'orders-late', 'product-metrics'];

/** Each run reads the whole topic under a group, and a state directory, of its own. */
export async function benchOrders({
  runs,
  records = 500_000,
}: {
  runs: number;
  records?: number | undefined;
}): Promise<Measurement[]> {
  const broker = await startBenchBroker({ properties: FORGET_SOON.broker });
  const { bootstrap } = broker;
  try {
    await createTopics(bootstrap, ['orders']);
    await createTopics(bootstrap, OUTPUTS, FORGET_SOON.topic);
    const expected = emptyTotals();
    await fill(bootstrap, 'orders', generateOrders(records, systemClock.now() - records, expected));
    const contenders = programs(bootstrap, records).map(
      (program): Contender => ({
        ...program,
        run: (round) => checked({ brokers: bootstrap, expected, name: program.name }, () => program.run(round)),
      }),
    );
    return await alternate(contenders, runs);
  } finally {
    await broker.stop();
  }
}

function programs(brokers: string, records: number): Contender[] {
  const pipeline = (driver: string) => async (round: number) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
    try {
      return await runScript<Run>('orders-run.ts', [driver, brokers, folder, `${driver}-${round}`, records]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const byHand = (script: string) => (round: number) =>
    runScript<Run>(script, [brokers, `${script}-${round}`, records]);
  return [
    { name: 'millrace', maker: 'millrace', run: pipeline('fast') },
    { name: 'millrace through kafkajs', maker: 'millrace', run: pipeline('kafkajs') },
    { name: 'by hand, kafkajs', maker: 'public', run: byHand('orders-kafkajs.ts') },
    { name: 'by hand, @platformatic/kafka', maker: 'public', run: byHand('orders-platformatic.ts') },
  ];
}

/** A time counts when the results are right. */
async function checked(
  { brokers, expected, name }: { brokers: string; expected: Totals; name: string },
  run: () => Promise<Run> | Run,
): Promise<Run> {
  const look = () => Promise.all(OUTPUTS.map((topic) => endsOf(brokers, topic)));
  const before = await look();
  const result = await run();
  const after = await look();
  const [processed, invalid, late] = after.map((ends, i) => countUpTo(ends) - countUpTo(before[i]));
  const rows = await readBetween(brokers, 'product-metrics', before[3], after[3]);
  const found = { valid: processed, invalid, late, windows: windowsOf(rows) };
  const differences = compare(found, expected);
  if (differences.length > 0) throw new Error(`${name} came to other results: ${differences.slice(0, 5).join('; ')}`);
  return result;
}

function windowsOf(rows: readonly Pick<NewRecord, 'value'>[]): Totals['windows'] {
  return new Map(
    rows.map(({ value }) => {
      const row = JSON.parse(value.toString()) as Record<string, string> & Record<string, number>;
      const key = windowKey(Date.parse(row.window_start), row.product_id);
      return [key, { count: row.order_count, cents: Math.round(row.total_revenue * 100) }];
    }),
  );
}

function compare(found: Totals, expected: Totals): string[] {
  const counts = (['valid', 'invalid', 'late'] as const)
    .filter((field) => found[field] !== expected[field])
    .map((field) => `${field}: ${found[field]}, not ${expected[field]}`);
  const windows = [...new Set([...found.windows.keys(), ...expected.windows.keys()])]
    .map((key) => [key, JSON.stringify(found.windows.get(key)), JSON.stringify(expected.windows.get(key))] as const)
    .filter(([, is, should]) => is !== should)
    .map(([key, is, should]) => `window ${key}: ${is}, not ${should}`);
  return [...counts, ...windows];
}
