/** Orders for the orders bench, and what every program must make of them. */
import { iso } from 'millrace';
import { randomAt } from '../src/core/random.ts';
import { partitionFor } from '../src/log/partitioner.ts';
import { type NewRecord, PARTITIONS } from './topics.ts';

export const WINDOW_MS = 60_000;

export interface Totals {
  valid: number;
  invalid: number;
  late: number;
  /** `start of the window, product` → orders and cents, of the orders that came in time. */
  readonly windows: Map<string, { count: number; cents: number }>;
}

const PRODUCTS = 5;
const USERS = 100;
const INVALID_SHARE = 0.01;
const LATE_SHARE = 0.002;
/** Past every window, however far a reader of one partition is ahead of the others … */
const LATE_MS = 3_600_000;
/** … once all of them have been read from. */
const NONE_LATE_BEFORE = 100_000;
export const JITTER_MS = 2_000;

export function emptyTotals(): Totals {
  return { valid: 0, invalid: 0, late: 0, windows: new Map() };
}

export function windowKey(start: number, product: string): string {
  return `${start} ${product}`;
}

/** What is the key of the records, and so chooses their partition: with 5 products, partitions of different sizes. */
export type OrderKey = 'order' | 'product';

/** One order a millisecond of event time from `start` on; `totals` is filled as they are taken. */
export function* generateOrders(
  records: number,
  start: number,
  totals: Totals,
  keyedBy: OrderKey = 'order',
): Iterable<NewRecord> {
  for (let i = 0; i < records; i++) {
    const random = randomAt(2, i);
    const late = i >= NONE_LATE_BEFORE && random() < LATE_SHARE;
    const time = start + i - (late ? LATE_MS : Math.floor(random() * JITTER_MS));
    const cents = 1_000 + Math.floor(random() * 49_001);
    const order = {
      order_id: `order-2-${i}`,
      user_id: `user-${1 + Math.floor(random() * USERS)}`,
      product_id: `prod-${1 + Math.floor(random() * PRODUCTS)}`,
      amount: cents / 100,
      timestamp: iso(time),
    };
    const invalid = random() < INVALID_SHARE;
    if (invalid) totals.invalid++;
    else count(totals, { product: order.product_id, time, cents, late });
    const key = Buffer.from(keyedBy === 'order' ? order.order_id : order.product_id);
    const value = Buffer.from(invalid ? broken(order, i) : JSON.stringify(order));
    yield { key, value, partition: partitionFor(key, PARTITIONS) };
  }
}

interface Counted {
  readonly product: string;
  readonly time: number;
  readonly cents: number;
  readonly late: boolean;
}

function count(totals: Totals, { product, time, cents, late }: Counted): void {
  totals.valid++;
  if (late) {
    totals.late++;
    return;
  }
  const key = windowKey(Math.floor(time / WINDOW_MS) * WINDOW_MS, product);
  const window = totals.windows.get(key) ?? { count: 0, cents: 0 };
  totals.windows.set(key, { count: window.count + 1, cents: window.cents + cents });
}

function broken(order: Readonly<Record<string, unknown>>, i: number): string {
  const ways = [
    () => JSON.stringify({ ...order, amount: 0 }),
    () => JSON.stringify({ ...order, amount: String(order.amount) }),
    () => JSON.stringify({ ...order, product_id: 'prod-99' }),
    () => JSON.stringify({ ...order, user_id: undefined }),
    () => JSON.stringify(order).slice(0, 40),
  ];
  return ways[i % ways.length]();
}
