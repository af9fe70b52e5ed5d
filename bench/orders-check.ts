/** Whether a program made of the orders what is to be made of them: a time counts when it did. */
import type { Delivery } from '../src/runtime/run-options.ts';
import { type Totals, WINDOW_MS, windowKey } from './orders-data.ts';
import { OUTPUTS, type OrdersInput } from './orders-stage.ts';
import { type CommittedPart, countUpTo, endsOf, type NewRecord, readBetween, readCommitted } from './topics.ts';

const METRICS = 'product-metrics';

export interface Outcome {
  readonly name: string;
  readonly delivery: Delivery;
  /** Leaves windows open that no order has closed which is so much later than their end. */
  readonly leavesOpenMs?: number;
  /** Has no side output for late orders. */
  readonly dropsLate?: boolean;
}

/** Rejects where the results are not right. */
export async function checked<R>(
  brokers: string,
  input: OrdersInput,
  outcome: Outcome,
  run: () => Promise<R> | R,
): Promise<R> {
  const before = await Promise.all(OUTPUTS.map((topic) => endsOf(brokers, topic)));
  const result = await run();
  const read = await Promise.all(
    OUTPUTS.map((topic, i) => {
      const least = leastOf(topic, input, outcome);
      return written(outcome.delivery, { brokers, topic, from: before[i], keep: topic === METRICS, least });
    }),
  );
  const wrong = differences(input, outcome, read);
  if (wrong.length > 0) throw new Error(`${outcome.name} came to other results: ${wrong.slice(0, 5).join('; ')}`);
  return result;
}

interface Written {
  readonly count: number;
  readonly rows: readonly Pick<NewRecord, 'value'>[];
}

/** How many records a program that is right writes at the least. */
function leastOf(topic: string, input: OrdersInput, outcome: Outcome): number {
  const { valid, invalid, late, windows } = input.expected;
  const counts: Readonly<Record<string, number>> = {
    'processed-orders': valid,
    'orders-dlq': invalid,
    'orders-late': outcome.dropsLate === true ? 0 : late,
    [METRICS]: [...windows.keys()].filter((key) => !mayBeOpen(key, input, outcome)).length,
  };
  return counts[topic];
}

function mayBeOpen(window: string, { end }: OrdersInput, { leavesOpenMs }: Outcome): boolean {
  return leavesOpenMs !== undefined && Number(window.split(' ')[0]) + WINDOW_MS + leavesOpenMs > end;
}

async function written(delivery: Delivery, part: CommittedPart): Promise<Written> {
  if (delivery === 'exactly-once') return readCommitted(part);
  const { brokers, topic, from, keep } = part;
  const to = await endsOf(brokers, topic);
  const rows = keep ? await readBetween(brokers, topic, from, to) : [];
  return { count: countUpTo(to) - countUpTo(from), rows };
}

function differences(
  input: OrdersInput,
  outcome: Outcome,
  [processed, invalid, late, metrics]: readonly Written[],
): string[] {
  const { expected } = input;
  const found: Totals = {
    valid: processed.count,
    invalid: invalid.count,
    late: outcome.dropsLate === true ? expected.late : late.count,
    windows: windowsOf(metrics.rows),
  };
  const counts = (['valid', 'invalid', 'late'] as const)
    .filter((field) => found[field] !== expected[field])
    .map((field) => `${field}: ${found[field]}, not ${expected[field]}`);
  const windows = [...new Set([...found.windows.keys(), ...expected.windows.keys()])]
    .map((key) => [key, JSON.stringify(found.windows.get(key)), JSON.stringify(expected.windows.get(key))] as const)
    .filter(([key, is, should]) => is !== should && !(is === undefined && mayBeOpen(key, input, outcome)))
    .map(([key, is, should]) => `window ${key}: ${is}, not ${should}`);
  // A window that came twice would hide behind its second row.
  const repeated = metrics.rows.length - found.windows.size;
  return [...counts, ...windows, ...(repeated === 0 ? [] : [`windows: ${repeated} came more than once`])];
}

function windowsOf(rows: Written['rows']): Totals['windows'] {
  return new Map(
    rows.map(({ value }) => {
      const row = JSON.parse(value.toString()) as Record<string, string> & Record<string, number>;
      const key = windowKey(Date.parse(row.window_start), row.product_id);
      return [key, { count: row.order_count, cents: Math.round(row.total_revenue * 100) }];
    }),
  );
}
