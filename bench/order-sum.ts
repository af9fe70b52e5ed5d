/** Compares orders that were passed on with those that came, in whatever order: one that is missing, repeated or changed shows. */
import { PRODUCT_NAMES } from '../pipelines/orders/schema.ts';
import { fnv1a, HASH_RANGE } from './state-data.ts';

interface PassedOn {
  readonly order_id: string;
  readonly user_id: string;
  readonly product_id: keyof typeof PRODUCT_NAMES;
  readonly amount: number;
  readonly timestamp: string;
  readonly product_name?: string;
}

/** Sum of the hashes of orders, modulo 2^48. */
export class OrderSum {
  hash = 0;

  /** An order as it came, which is passed on with the name of its product. */
  addInput(value: Buffer): void {
    const order = read(value);
    this.add(order, PRODUCT_NAMES[order.product_id]);
  }

  /** An order as it was passed on; when that was is its program's to say. */
  addOutput(value: Buffer): void {
    const order = read(value);
    this.add(order, order.product_name);
  }

  private add({ order_id, user_id, product_id, amount, timestamp }: PassedOn, name: string | undefined): void {
    const text = JSON.stringify([order_id, user_id, product_id, amount, timestamp, name]);
    this.hash = (this.hash + fnv1a(text)) % HASH_RANGE;
  }
}

function read(value: Buffer): PassedOn {
  return JSON.parse(value.toString()) as PassedOn;
}
