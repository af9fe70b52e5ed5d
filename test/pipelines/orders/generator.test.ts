import { describe, expect, it } from 'vitest';
import { parseIso } from 'millrace';
import generator from '../../../pipelines/orders/generator.ts';
import { Order } from '../../../pipelines/orders/schema.ts';
import { randomAt } from '../../../src/core/random.ts';

const TIME = Date.UTC(2024, 1, 29, 12);
const N = 20_000;

function recordAt(index: number, { seed = 1, badRatio = generator.badRatio } = {}): { key: string; value: string } {
  const { key, value } = generator.record({ index, time: TIME, seed, random: randomAt(seed, index), badRatio });
  return { key: key!, value: value as string };
}

const records = (options?: Parameters<typeof recordAt>[1]) =>
  Array.from({ length: N }, (_, index) => recordAt(index, options));

/** Good for the schema and with a time. */
function isGood(value: string): boolean {
  try {
    const order = JSON.parse(value) as { timestamp: unknown };
    return Order.safeParse(order).success && !Number.isNaN(parseIso(order.timestamp));
  } catch {
    return false;
  }
}

describe('the generator of orders', () => {
  it('gives every order an id of its own, which is also its key', () => {
    const all = records({ badRatio: 0 });
    expect(new Set(all.map(({ key }) => key)).size).toBe(N);
    expect(all.every(({ key, value }) => (JSON.parse(value) as { order_id: string }).order_id === key)).toBe(true);
  });

  it('gives the same bytes for the same seed and number, in any order, and others for another seed', () => {
    const forward = [0, 1, 2, 77, 5_000].map((index) => recordAt(index));
    const backward = [5_000, 77, 2, 1, 0].map((index) => recordAt(index)).toReversed();
    expect(backward).toEqual(forward);
    expect(recordAt(77, { seed: 2 }).value).not.toBe(forward[3].value);
  });

  it('stays what it was: outputs of a seed can be compared between versions', () => {
    expect([recordAt(0), recordAt(1)]).toMatchInlineSnapshot(`
      [
        {
          "key": "order-1-0",
          "value": "{"order_id":"order-1-0","user_id":"user-79","product_id":"prod-1","amount":364.06,"timestamp":"2024-02-29T11:59:58.474Z"}",
        },
        {
          "key": "order-1-1",
          "value": "{"order_id":"order-1-1","user_id":"user-74","product_id":"prod-3","amount":174.93,"timestamp":"2024-02-29T11:59:59.969Z"}",
        },
      ]
    `);
  });

  it('breaks about one order in a hundred, in every way it knows', () => {
    const bad = records().filter(({ value }) => !isGood(value));
    expect(bad.length / N).toBeGreaterThan(0.007);
    expect(bad.length / N).toBeLessThan(0.013);
    const has = (part: RegExp) => bad.some(({ value }) => part.test(value));
    expect(has(/"amount":0,/)).toBe(true);
    expect(has(/"amount":-\d/)).toBe(true);
    expect(has(/"amount":"/)).toBe(true);
    expect(has(/"prod-99"/)).toBe(true);
    expect(has(/"yesterday"/)).toBe(true);
    expect(has(/[^}]$/)).toBe(true);
    const lacks = (field: string) => bad.some(({ value }) => value.endsWith('}') && !value.includes(`"${field}"`));
    expect(lacks('amount')).toBe(true);
    expect(lacks('user_id')).toBe(true);
  });

  it('breaks none when it is told so', () => {
    expect(records({ badRatio: 0 }).every(({ value }) => isGood(value))).toBe(true);
  });

  it('keeps users, products and amounts where orders have them', () => {
    const orders = records({ badRatio: 0 }).map(({ value }) => JSON.parse(value) as Order);
    expect(new Set(orders.map((order) => order.product_id)).size).toBe(5);
    expect(new Set(orders.map((order) => order.user_id)).size).toBe(100);
    expect(orders.every(({ amount }) => amount >= 10 && amount <= 500)).toBe(true);
    expect(orders.every(({ amount }) => /^\d+(\.\d\d?)?$/.test(String(amount)))).toBe(true);
  });

  it('lets most orders come less than two seconds behind their turn, and one in five hundred past its window', () => {
    const behind = records({ badRatio: 0 }).map(
      ({ value }) => TIME - parseIso((JSON.parse(value) as { timestamp: string }).timestamp),
    );
    expect(behind.every((ms) => (ms >= 0 && ms < 2_000) || ms > 65_000)).toBe(true);
    const late = behind.filter((ms) => ms > 65_000).length / N;
    expect(late).toBeGreaterThan(0.001);
    expect(late).toBeLessThan(0.003);
  });

  it('makes ten to fifty a second unless told otherwise, and ten minutes of back-fill', () => {
    expect(generator.rate).toBeGreaterThanOrEqual(10);
    expect(generator.rate).toBeLessThanOrEqual(50);
    expect(generator.backfillMs).toBe(600_000);
  });
});
