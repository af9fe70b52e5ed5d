/** Whether a program made of the orders what is to be made of them: a time counts when it did. */
import type { Delivery } from '../src/runtime/run-options.ts';
import { type Totals, WINDOW_MS, windowKey } from './orders-data.ts';
import { OUTPUTS, type OrdersInput } from './orders-stage.ts';
import { OrderSum } from './order-sum.ts';
import { type CommittedPart, endsOf, readBetween, readCommitted } from './topics.ts';

const METRICS = 'product-metrics';
const PROCESSED = 'processed-orders';

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
  const rows: Buffer[] = [];
  const processed = new OrderSum();
  const counts = await Promise.all(
    OUTPUTS.map((topic, i) => {
      const take = (value: Buffer): unknown =>
        topic === METRICS ? rows.push(value) : topic === PROCESSED && processed.addOutput(value);
      const each = ({ value }: { readonly value: Buffer }): void => void take(value);
      return written(outcome.delivery, {
        brokers,
        topic,
        from: before[i],
        each,
        least: leastOf(topic, input, outcome),
      });
    }),
  );
  const wrong = differences(input, outcome, { counts, processed: processed.hash, rows });
  if (wrong.length > 0) throw new Error(`${outcome.name} came to other results: ${wrong.slice(0, 5).join('; ')}`);
  return result;
}

interface Written {
  /** Records by topic, in the order of OUTPUTS. */
  readonly counts: readonly number[];
  /** Sum of the hashes of processed orders. */
  readonly processed: number;
  /** Of the metrics. */
  readonly rows: readonly Buffer[];
}

/** How many records a program that is right writes at the least. */
function leastOf(topic: string, input: OrdersInput, outcome: Outcome): number {
  const { valid, invalid, late, windows } = input.expected;
  const counts: Readonly<Record<string, number>> = {
    [PROCESSED]: valid,
    'orders-dlq': invalid,
    'orders-late': outcome.dropsLate === true ? 0 : late,
    [METRICS]: [...windows.keys()].filter((key) => !mayBeOpen(key, input, outcome)).length,
  };
  return counts[topic];
}

function mayBeOpen(window: string, { end }: OrdersInput, { leavesOpenMs }: Outcome): boolean {
  return leavesOpenMs !== undefined && Number(window.split(' ')[0]) + WINDOW_MS + leavesOpenMs > end;
}

/** How many records there are of it. */
async function written(delivery: Delivery, part: CommittedPart): Promise<number> {
  if (delivery === 'exactly-once') return readCommitted(part);
  return readBetween(part, await endsOf(part.brokers, part.topic));
}

function differences(
  input: OrdersInput,
  outcome: Outcome,
  { counts: [valid, invalid, late], processed, rows }: Written,
): string[] {
  const { expected } = input;
  const found: Totals = {
    valid,
    invalid,
    late: outcome.dropsLate === true ? expected.late : late,
    windows: windowsOf(rows),
  };
  const counts = (['valid', 'invalid', 'late'] as const)
    .filter((field) => found[field] !== expected[field])
    .map((field) => `${field}: ${found[field]}, not ${expected[field]}`);
  const windows = [...new Set([...found.windows.keys(), ...expected.windows.keys()])]
    .map((key) => [key, JSON.stringify(found.windows.get(key)), JSON.stringify(expected.windows.get(key))] as const)
    .filter(([key, is, should]) => is !== should && !(is === undefined && mayBeOpen(key, input, outcome)))
    .map(([key, is, should]) => `window ${key}: ${is}, not ${should}`);
  // A window that came twice would hide behind its second row.
  const repeated = rows.length - found.windows.size;
  if (repeated > 0) windows.push(`windows: ${repeated} came more than once`);
  if (processed !== input.processed) counts.push(`processed orders have the sum ${processed}, not ${input.processed}`);
  return [...counts, ...windows];
}

function windowsOf(rows: Written['rows']): Totals['windows'] {
  return new Map(
    rows.map((value) => {
      const row = JSON.parse(String(value)) as Record<string, string> & Record<string, number>;
      const key = windowKey(Date.parse(row.window_start), row.product_id);
      return [key, { count: row.order_count, cents: Math.round(row.total_revenue * 100) }];
    }),
  );
}
