import { describe, expect, it } from 'vitest';
import { naiveOrders, type RawOrder } from '../../../scripts/torture/naive-orders.ts';

const NOON = Date.UTC(2024, 1, 29, 12);
const iso = (time: number) => new Date(time).toISOString();

/** Orders as they lie in their partitions; append time: one hour past noon. */
function rawOrders(
  ...rows: { at?: number; partition?: number; text?: string; [field: string]: unknown }[]
): RawOrder[] {
  const offsets = new Map<number, number>();
  return rows.map(({ at = 0, partition = 0, text, ...fields }, i) => {
    const offset = offsets.get(partition) ?? 0;
    offsets.set(partition, offset + 1);
    const order = { order_id: `o${i}`, user_id: 'u', product_id: 'prod-1', amount: 1, timestamp: iso(NOON + at) };
    const value = Buffer.from(text ?? JSON.stringify({ ...order, ...fields }));
    return { partition, offset, key: `o${i}`, value, timestamp: NOON + 3_600_000 };
  });
}

describe('the naive orders', () => {
  it('are nothing for nothing', () => {
    expect(naiveOrders([])).toEqual({ processed: [], rejected: [], late: [], metrics: [], watermarks: new Map() });
  });

  it('sum by product and minute, in cents', () => {
    const { metrics } = naiveOrders(
      rawOrders({ amount: 0.1 }, { amount: 0.2 }, { at: 59_999, amount: 10 }, { at: 60_000, product_id: 'prod-5' }),
    );
    expect(metrics).toEqual([
      {
        window_start: '2024-02-29T12:00:00.000Z',
        window_end: '2024-02-29T12:01:00.000Z',
        product_id: 'prod-1',
        product_name: 'Laptop',
        order_count: 3,
        total_revenue: 10.3,
        avg_order_value: 3.43,
      },
      {
        window_start: '2024-02-29T12:01:00.000Z',
        window_end: '2024-02-29T12:02:00.000Z',
        product_id: 'prod-5',
        product_name: 'Keyboard',
        order_count: 1,
        total_revenue: 1,
        avg_order_value: 1,
      },
    ]);
  });

  it('round a mean of half a cent up, and an amount as it reads', () => {
    const { metrics } = naiveOrders(
      rawOrders({ amount: 0.01 }, { amount: 0.02 }, { amount: 1.005, product_id: 'prod-2' }, { amount: 1e-7, at: 1 }),
    );
    expect(metrics.map(({ total_revenue, avg_order_value }) => [total_revenue, avg_order_value])).toEqual([
      [0.03, 0.01],
      [1.01, 1.01],
    ]);
    const [half] = naiveOrders(rawOrders({ amount: 0.01 }, { amount: 0.02 })).metrics;
    expect(half.avg_order_value).toBe(0.02);
  });

  it('find an order late by its own partition, from end + 5 s on', () => {
    const after = (at: number, partition = 0) =>
      naiveOrders(rawOrders({ at, partition }, { at: 59_999 })).late.map(({ offset }) => offset);
    expect(after(64_999)).toEqual([]);
    expect(after(65_000)).toEqual([1]);
    expect(after(3_000_000, 1)).toEqual([]);
  });

  it('give each rejection its kind, and let none of them move time', () => {
    const { rejected, processed, late } = naiveOrders(
      rawOrders(
        { text: '{"order_id":' },
        { amount: 0 },
        { amount: 1_000_000.01 },
        { user_id: undefined },
        { product_id: 'toString' },
        { timestamp: 'yesterday' },
        { at: 3_900_001 },
        { at: 3_900_000 - 7_200_000 },
        { at: 3_900_000 },
        { at: 0 },
      ),
    );
    expect(rejected.map(({ from, kind }) => [from.offset, kind])).toEqual([
      [0, 'DecodeError'],
      [1, 'ValidationError'],
      [2, 'ValidationError'],
      [3, 'ValidationError'],
      [4, 'ValidationError'],
      [5, 'EventTimeError'],
      [6, 'FutureRecord'],
    ]);
    expect(processed.map(({ from }) => from.offset)).toEqual([7, 8, 9]);
    expect(late.map(({ offset }) => offset)).toEqual([9]);
  });

  it('know how far each partition has come', () => {
    const { watermarks } = naiveOrders(rawOrders({ at: 7_000 }, { at: 3_000 }, { at: 1_000, partition: 2 }));
    expect(watermarks).toEqual(
      new Map([
        [0, NOON + 2_000],
        [2, NOON - 4_000],
      ]),
    );
  });
});
