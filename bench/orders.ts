/** The orders job from Kafka to Kafka, at least once: the pipeline, and programs of the same job written by hand over public clients. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '../src/runtime/run-options.ts';
import { systemClock } from '../src/time/clock.ts';
import { runScript, startBenchBroker } from './child.ts';
import { alternate, type Contender, type Measurement, type Run } from './measure.ts';
import { emptyTotals, generateOrders, type Totals, WINDOW_MS, windowKey } from './orders-data.ts';
import { orderPeers, type Program } from './orders-peers.ts';
import {
  countUpTo,
  createTopics,
  endsOf,
  fill,
  FORGET_SOON,
  type NewRecord,
  readBetween,
  readCommitted,
} from './topics.ts';

const OUTPUTS = ['processed-orders', 'orders-dlq', 'orders-late', 'product-metrics'];

/** Each run reads the whole topic under a group, and a state directory, of its own. */
export async function benchOrders({
  runs,
  records = 500_000,
  peers = false,
}: {
  runs: number;
  records?: number | undefined;
  /** Beside engines on Java instead of programs by hand, and exactly once. */
  peers?: boolean | undefined;
}): Promise<Measurement[]> {
  const broker = await startBenchBroker({ properties: FORGET_SOON.broker });
  const { bootstrap } = broker;
  try {
    await createTopics(bootstrap, ['orders']);
    await createTopics(bootstrap, OUTPUTS, FORGET_SOON.topic);
    const expected = emptyTotals();
    const end = systemClock.now();
    await fill(bootstrap, 'orders', generateOrders(records, end - records, expected));
    const all = peers
      ? [pipeline(bootstrap, records, 'exactly-once'), ...orderPeers(bootstrap, records, expected)]
      : byHand(bootstrap, records);
    const contenders = all.map(
      (program): Contender => ({
        ...program,
        run: (round) => checked({ brokers: bootstrap, expected, end, ...program }, () => program.run(round)),
      }),
    );
    return await alternate(contenders, runs);
  } finally {
    await broker.stop();
  }
}

function pipeline(brokers: string, records: number, delivery: Delivery, driver = 'fast'): Program {
  const name = driver === 'fast' ? 'millrace' : 'millrace through kafkajs';
  return {
    name: delivery === 'exactly-once' ? `${name}, exactly once` : name,
    maker: 'millrace',
    delivery,
    async run(round) {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
      try {
        return await runScript<Run>('orders-run.ts', [
          driver,
          brokers,
          folder,
          `${driver}-${round}`,
          records,
          delivery,
        ]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function byHand(brokers: string, records: number): Program[] {
  const program = (name: string, script: string): Program => ({
    name,
    maker: 'public',
    delivery: 'at-least-once',
    run: (round) => runScript<Run>(script, [brokers, `${script}-${round}`, records]),
  });
  return [
    pipeline(brokers, records, 'at-least-once'),
    pipeline(brokers, records, 'at-least-once', 'kafkajs'),
    program('by hand, kafkajs', 'orders-kafkajs.ts'),
    program('by hand, @platformatic/kafka', 'orders-platformatic.ts'),
  ];
}

interface Check extends Program {
  readonly brokers: string;
  readonly expected: Totals;
  /** The time of the last order. */
  readonly end: number;
}

/** A time counts when the results are right. */
async function checked(check: Check, run: () => Promise<Run> | Run): Promise<Run> {
  const { brokers, expected, name, leavesOpenMs, dropsLate = false, end } = check;
  const before = await Promise.all(OUTPUTS.map((topic) => endsOf(brokers, topic)));
  const result = await run();
  const read = await Promise.all(OUTPUTS.map((topic, i) => outcomeOf(check, topic, before[i])));
  const [processed, invalid, late] = read.map(({ count }) => count);
  const found = { valid: processed, invalid, late: dropsLate ? expected.late : late, windows: windowsOf(read[3].rows) };
  const isOpen = (key: string): boolean =>
    leavesOpenMs !== undefined && Number(key.split(' ')[0]) + WINDOW_MS + leavesOpenMs > end;
  const differences = compare(found, expected, isOpen);
  if (differences.length > 0) throw new Error(`${name} came to other results: ${differences.slice(0, 5).join('; ')}`);
  return result;
}

async function outcomeOf(
  { brokers, delivery }: Check,
  topic: string,
  from: readonly bigint[],
): Promise<{ count: number; rows: readonly Pick<NewRecord, 'value'>[] }> {
  const isRead = topic === 'product-metrics';
  if (delivery === 'exactly-once') return readCommitted({ brokers, topic, from, keep: isRead });
  const to = await endsOf(brokers, topic);
  const rows = isRead ? await readBetween(brokers, topic, from, to) : [];
  return { count: countUpTo(to) - countUpTo(from), rows };
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

function compare(found: Totals, expected: Totals, isOpen: (window: string) => boolean): string[] {
  const counts = (['valid', 'invalid', 'late'] as const)
    .filter((field) => found[field] !== expected[field])
    .map((field) => `${field}: ${found[field]}, not ${expected[field]}`);
  const windows = [...new Set([...found.windows.keys(), ...expected.windows.keys()])]
    .map((key) => [key, JSON.stringify(found.windows.get(key)), JSON.stringify(expected.windows.get(key))] as const)
    .filter(([key, is, should]) => is !== should && !(is === undefined && isOpen(key)))
    .map(([key, is, should]) => `window ${key}: ${is}, not ${should}`);
  return [...counts, ...windows];
}
