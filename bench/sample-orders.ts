/** Orders of 150 bytes each, key and value together, for the benches of the drivers alone. */
import { iso } from 'millrace';
import { randomAt } from '../src/core/random.ts';

export interface Sample {
  readonly key: Buffer;
  readonly value: Buffer;
}

export const SAMPLE_BYTES = 150;
const SAMPLES = 9_999;
const START = Date.UTC(2025, 0, 1);

/** The same on every call; a run goes round and round them. */
export function sampleOrders(): Sample[] {
  return Array.from({ length: SAMPLES }, (_, i) => {
    const random = randomAt(1, i);
    const upTo = (bound: number) => Math.floor(random() * bound);
    const id = `order-1-${i.toString().padStart(7, '0')}`;
    const order = {
      order_id: id,
      user_id: `user-${upTo(1e10).toString().padStart(10, '0')}`,
      product_id: `prod-${1 + upTo(5)}`,
      // Two digits behind the point, of which the last is none that would be left out.
      amount: (10_000 + 10 * upTo(9_000) + 1 + upTo(9)) / 100,
      timestamp: iso(START + i),
    };
    const sample = { key: Buffer.from(id), value: Buffer.from(JSON.stringify(order)) };
    const bytes = sample.key.length + sample.value.length;
    if (bytes !== SAMPLE_BYTES) throw new Error(`an order takes ${bytes} bytes`);
    return sample;
  });
}
