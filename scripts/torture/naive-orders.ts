/**
 * What the orders pipeline must have written, computed from the raw records of its topic in the plainest way. It imports
 * nothing of millrace and shares no code with it: its mistakes would have to be made twice to go unseen.
 */

export interface RawOrder {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Uint8Array | null;
  /** Append time, epoch ms. */
  readonly timestamp: number;
}

export interface MetricRow {
  readonly window_start: string;
  readonly window_end: string;
  readonly product_id: string;
  readonly product_name: string;
  readonly order_count: number;
  readonly total_revenue: number;
  readonly avg_order_value: number;
}

export interface NaiveOrders {
  /** Values of processed-orders without `processed_at`, in the order of the input partition. */
  readonly processed: readonly { readonly from: RawOrder; readonly value: Readonly<Record<string, unknown>> }[];
  readonly rejected: readonly { readonly from: RawOrder; readonly kind: string }[];
  readonly late: readonly RawOrder[];
  /** All windows, as after a drain, in the order in which they close. */
  readonly metrics: readonly MetricRow[];
  /**
   * Watermark of each input partition behind its last record. Before a drain, those windows are closed whose end is not
   * beyond the least of them.
   */
  readonly watermarks: ReadonlyMap<number, number>;
}

const NAMES: Readonly<Record<string, string>> = {
  'prod-1': 'Laptop',
  'prod-2': 'Phone',
  'prod-3': 'Tablet',
  'prod-4': 'Monitor',
  'prod-5': 'Keyboard',
};
const MINUTE = 60_000;
const OUT_OF_ORDER = 5_000;
const MAX_FUTURE = 300_000;
const MAX_AMOUNT = 1_000_000;

/** `orders` in the order of their offsets within each partition. Any timestamp but `YYYY-MM-DDTHH:mm:ss.sssZ` counts as none. */
export function naiveOrders(orders: readonly RawOrder[]): NaiveOrders {
  const processed: { from: RawOrder; value: Record<string, unknown> }[] = [];
  const rejected: { from: RawOrder; kind: string }[] = [];
  const late: RawOrder[] = [];
  const greatest = new Map<number, number>();
  const cents = new Map<string, bigint[]>();
  for (const from of orders) {
    const kindOrOrder = judge(from);
    if (typeof kindOrOrder === 'string') {
      rejected.push({ from, kind: kindOrOrder });
      continue;
    }
    const order = kindOrOrder;
    const time = timeOf(order);
    // No schema hands on a field that would become the prototype of a copy.
    const { ['__proto__']: _, ...kept } = order;
    processed.push({ from, value: { ...kept, product_name: NAMES[String(order.product_id)] } });
    const start = Math.floor(time / MINUTE) * MINUTE;
    const seen = greatest.get(from.partition) ?? Number.NEGATIVE_INFINITY;
    if (seen - OUT_OF_ORDER >= start + MINUTE) {
      late.push(from);
    } else {
      const window = `${new Date(start).toISOString()} ${String(order.product_id)}`;
      const amounts = cents.get(window) ?? [];
      cents.set(window, amounts);
      amounts.push(centsOf(order.amount as number));
    }
    greatest.set(from.partition, Math.max(seen, time));
  }
  const metrics = [...cents].sort(([a], [b]) => (a < b ? -1 : 1)).map(metricOf);
  const watermarks = new Map([...greatest].map(([partition, time]) => [partition, time - OUT_OF_ORDER]));
  return { processed, rejected, late, metrics, watermarks };
}

/** The order, or the kind of rejection that it meets. */
function judge({ value, timestamp }: RawOrder): Record<string, unknown> | string {
  if (value === null) return 'DecodeError';
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return 'DecodeError';
  }
  if (typeof parsed !== 'object' || parsed === null) return 'ValidationError';
  const order = parsed as Record<string, unknown>;
  for (const field of ['order_id', 'user_id', 'product_id', 'timestamp']) {
    if (typeof order[field] !== 'string' || order[field] === '') return 'ValidationError';
  }
  if (!Object.hasOwn(NAMES, String(order.product_id))) return 'ValidationError';
  const { amount } = order;
  if (typeof amount !== 'number' || !(amount > 0) || amount > MAX_AMOUNT) return 'ValidationError';
  const time = timeOf(order);
  if (Number.isNaN(time)) return 'EventTimeError';
  return time - timestamp > MAX_FUTURE ? 'FutureRecord' : order;
}

function timeOf({ timestamp }: Record<string, unknown>): number {
  const date = new Date(String(timestamp));
  return !Number.isNaN(date.getTime()) && date.toISOString() === timestamp ? date.getTime() : Number.NaN;
}

/** Rounded as the amount reads in decimal, not as its double times 100 happens to fall. */
function centsOf(amount: number): bigint {
  return amount < 0.005 ? 0n : BigInt(Math.round(Number(`${amount}e2`)));
}

function metricOf([window, amounts]: [string, bigint[]]): MetricRow {
  const [start, product] = window.split(' ');
  const total = amounts.reduce((a, b) => a + b, 0n);
  const n = BigInt(amounts.length);
  return {
    window_start: start,
    window_end: new Date(new Date(start).getTime() + MINUTE).toISOString(),
    product_id: product,
    product_name: NAMES[product],
    order_count: amounts.length,
    total_revenue: Number(total) / 100,
    avg_order_value: Number((2n * total + n) / (2n * n)) / 100,
  };
}
