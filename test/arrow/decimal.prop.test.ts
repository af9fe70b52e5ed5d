import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scaledExact, scaledFast } from '../../src/arrow/decimal.ts';

const SEED = 20_260_304;

describe('a decimal', () => {
  it.each([
    ['0.1', 2, 10n],
    ['-12.30', 2, -1230n],
    ['1e3', 2, 100_000n],
    ['1.5e-1', 2, 15n],
    ['.5', 1, 5n],
    ['+7.', 0, 7n],
    ['0.00000000', 2, 0n],
    ['000123', 0, 123n],
    ['1.2300', 2, 123n],
    ['99999999999999999999999999999999999999', 0, 99999999999999999999999999999999999999n],
  ])('is taken as it is written: %s', (text, scale, expected) => {
    expect(scaledExact(text, scale, 38)).toBe(expected);
  });

  it.each([
    ['1.005', 2, 18, 'has more than 2 digits behind the point'],
    ['1e-9999', 2, 18, 'has more than 2 digits behind the point'],
    ['1e9999', 2, 18, 'has more than 16 digits before the point'],
    ['10000000000000000', 2, 18, 'has more than 16 digits before the point'],
    ['', 2, 18, 'is not a decimal number'],
    ['.', 2, 18, 'is not a decimal number'],
    ['NaN', 2, 18, 'is not a decimal number'],
    ['1,5', 2, 18, 'is not a decimal number'],
    [' 1', 2, 18, 'is not a decimal number'],
  ])('that does not fit is refused in words, never rounded: "%s"', (text, scale, precision, words) => {
    expect(scaledExact(text, scale, precision)).toBe(words);
  });

  it('from a number is its shortest decimal form, the fast way as the exact one', () => {
    const cents = fc.integer({ min: -1e12, max: 1e12 }).map((n) => n / 100);
    const numberOf = fc.oneof(cents, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.float({ noNaN: true }));
    fc.assert(
      fc.property(numberOf, fc.nat(18), (value, scale) => {
        const fast = scaledFast(value, scale);
        const isExact = Number.isNaN(fast) || BigInt(fast) === scaledExact(String(value), scale, 38);
        expect(isExact).toBe(true);
      }),
      { seed: SEED, numRuns: 20_000 },
    );
  });

  it('goes the fast way for money', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e14, max: 1e14 }), (cents) => {
        expect(scaledFast(cents / 100, 2)).toBe(cents);
      }),
      { seed: SEED },
    );
  });
});
