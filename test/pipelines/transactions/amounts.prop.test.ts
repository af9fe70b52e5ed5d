import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amounts } from '../../../pipelines/transactions/amounts.ts';

const aggregate = amounts((value: number | null) => value);
const over = (values: readonly (number | null)[]) =>
  values.reduce((accumulated, value) => aggregate.add(accumulated, value, undefined as never, 0), aggregate.init());
const resultOf = (...values: (number | null)[]) => aggregate.result(over(values));

const cents = fc.integer({ min: -100_000_000, max: 100_000_000 }).map((n) => n / 100);
const fine = fc.double({ noNaN: true, min: -1e12, max: 1e12 });
const any = fc.oneof(cents, fine, fc.constant(null));

describe('the amounts of a window', () => {
  it('are null where there are none, as in SQL', () => {
    const none = { sum_amount: null, avg_amount: null, max_amount: null };
    expect(resultOf()).toEqual(none);
    expect(resultOf(null, null)).toEqual(none);
  });

  it('do not count what is missing', () => {
    expect(resultOf(1, null, 2)).toEqual({ sum_amount: 3, avg_amount: 1.5, max_amount: 2 });
    expect(resultOf(-3, null)).toEqual({ sum_amount: -3, avg_amount: -3, max_amount: -3 });
  });

  it('add up as money does', () => {
    expect(resultOf(0.1, 0.2).sum_amount).toBe(0.3);
    expect(resultOf(1_963.59, 768.83, 1_123.34).sum_amount).toBe(3_855.76);
  });

  it('are the decimal sum of cents, whatever their number', () => {
    fc.assert(
      fc.property(fc.array(cents, { minLength: 1, maxLength: 300 }), (values) => {
        const exact = values.reduce((sum, value) => sum + BigInt(Math.round(value * 100)), 0n);
        expect(resultOf(...values).sum_amount).toBe(Number(exact) / 100 + 0);
      }),
      { seed: 1 },
    );
  });

  it('are the same in any order, and in parts that are merged', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), fc.nat(40), (values, at) => {
        const all = resultOf(...values);
        expect(resultOf(...values.toReversed())).toEqual(all);
        const parts = aggregate.merge(over(values.slice(0, at)), over(values.slice(at)));
        expect(aggregate.result(parts)).toEqual(all);
        expect(aggregate.result(aggregate.merge(aggregate.init(), over(values)))).toEqual(all);
      }),
      { seed: 2 },
    );
  });
});
