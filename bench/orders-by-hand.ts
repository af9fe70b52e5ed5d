/** The orders job as one would write it over a plain client: no checkpoints, windows in a Map, the same outputs. */
import { iso } from 'millrace';
import { Order, PRODUCT_NAMES } from '../pipelines/orders/schema.ts';
import { WINDOW_MS, windowKey } from './orders-data.ts';

export interface OutRecord {
  readonly topic: string;
  readonly key: Buffer | string;
  readonly value: string;
  /** Undefined: the client chooses by the key. */
  readonly partition: number | undefined;
}

interface Window {
  readonly start: number;
  readonly product: keyof typeof PRODUCT_NAMES;
  count: number;
  /** Cents are whole numbers: sums of them are exact. */
  cents: number;
}

const OUT_OF_ORDER_MS = 5_000;

export class OrdersByHand {
  /** What is to be produced; whoever takes it puts an empty one in its place. */
  out: OutRecord[] = [];
  private readonly newest: number[];
  private watermark = Number.NEGATIVE_INFINITY;
  private readonly windows = new Map<string, Window>();

  constructor(partitions: number) {
    this.newest = new Array<number>(partitions).fill(Number.NEGATIVE_INFINITY);
  }

  /** An order comes out in the partition it came in: its key is the same, and so choosing costs nothing. */
  take(partition: number, key: Buffer, value: Buffer): void {
    const order = parse(value);
    if (order === undefined) {
      this.out.push({ topic: 'orders-dlq', key, value: JSON.stringify({ value: value.toString() }), partition });
      return;
    }
    const product_name = PRODUCT_NAMES[order.product_id];
    const enriched = { ...order, product_name, processed_at: iso(Date.now()) };
    this.out.push({ topic: 'processed-orders', key, value: JSON.stringify(enriched), partition });
    this.count(order, Date.parse(order.timestamp), partition);
  }

  /** Puts out the windows that are over. */
  closeWindows(watermark = Math.min(...this.newest) - OUT_OF_ORDER_MS): void {
    if (watermark <= this.watermark) return;
    this.watermark = watermark;
    for (const [key, window] of this.windows) {
      if (window.start + WINDOW_MS > watermark) continue;
      this.windows.delete(key);
      this.out.push({
        topic: 'product-metrics',
        key: window.product,
        value: JSON.stringify(rowOf(window)),
        partition: undefined,
      });
    }
  }

  private count(order: Order, time: number, partition: number): void {
    if (time > this.newest[partition]) this.newest[partition] = time;
    const start = Math.floor(time / WINDOW_MS) * WINDOW_MS;
    if (start + WINDOW_MS <= this.watermark) {
      this.out.push({ topic: 'orders-late', key: order.order_id, value: JSON.stringify(order), partition });
      return;
    }
    const key = windowKey(start, order.product_id);
    let window = this.windows.get(key);
    if (window === undefined)
      this.windows.set(key, (window = { start, product: order.product_id, count: 0, cents: 0 }));
    window.count++;
    window.cents += Math.round(order.amount * 100);
  }
}

function parse(value: Buffer): Order | undefined {
  try {
    const { data } = Order.safeParse(JSON.parse(value.toString()));
    return data !== undefined && Number.isNaN(Date.parse(data.timestamp)) ? undefined : data;
  } catch {
    return undefined;
  }
}

function rowOf({ start, product, count, cents }: Window): Readonly<Record<string, unknown>> {
  return {
    window_start: iso(start),
    window_end: iso(start + WINDOW_MS),
    product_id: product,
    product_name: PRODUCT_NAMES[product],
    order_count: count,
    total_revenue: cents / 100,
    avg_order_value: Math.round(cents / count) / 100,
  };
}
