import { describe, expect, it } from 'vitest';
import { OrderSum } from '../../bench/order-sum.ts';

const ORDERS = [1, 2, 3].map((i) => ({
  order_id: `order-${i}`,
  user_id: 'user-1',
  product_id: 'prod-2',
  amount: i * 1.5,
  timestamp: '2024-02-29T12:00:00.000Z',
}));
const PASSED_ON = ORDERS.map((order) => ({
  ...order,
  product_name: 'Phone',
  processed_at: '2024-02-29T12:00:01.000Z',
}));

function sumOf(outputs: readonly object[]): number {
  const sum = new OrderSum();
  for (const output of outputs) sum.addOutput(Buffer.from(JSON.stringify(output)));
  return sum.hash;
}

describe('the sum of orders', () => {
  it('is that of the orders that came, whatever their order and time', () => {
    const sum = new OrderSum();
    for (const order of ORDERS) sum.addInput(Buffer.from(JSON.stringify(order)));
    expect(sumOf(PASSED_ON.toReversed())).toBe(sum.hash);
  });

  it.each([
    ['one is missing', PASSED_ON.slice(1)],
    ['one came twice in place of another', [PASSED_ON[0], PASSED_ON[0], PASSED_ON[2]]],
    ['one has another amount', PASSED_ON.with(1, { ...PASSED_ON[1], amount: 3.01 })],
    ['one has the name of another product', PASSED_ON.with(1, { ...PASSED_ON[1], product_name: 'Laptop' })],
    ['the name of a product is missing', PASSED_ON.with(1, { ...PASSED_ON[1], product_name: undefined as never })],
  ])('is another where %s', (_, outputs) => {
    expect(sumOf(outputs)).not.toBe(sumOf(PASSED_ON));
  });
});
