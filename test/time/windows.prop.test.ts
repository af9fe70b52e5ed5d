import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEventTime, MAX_TIME, tumblingStart } from '../../src/time/windows.ts';

const RUNS = { numRuns: 2_000, seed: 20_240_103 };
const time = fc.oneof(
  fc.integer({ min: -10_000, max: 10_000 }),
  fc.maxSafeInteger().filter((value) => Math.abs(value) <= MAX_TIME),
  fc.constantFrom(MAX_TIME, -MAX_TIME, 0, -0, -1, 1),
);
const size = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(1_000, 60_000, 3_600_000, 86_400_000));

describe('tumblingStart', () => {
  it('gives the window that holds the time, aligned to the epoch, for negative and huge times too', () => {
    fc.assert(
      fc.property(time, size, (t, s) => {
        const start = tumblingStart(t, s);
        expect(start <= t && t < start + s).toBe(true);
        expect(Object.is(start % s, 0) || Object.is(start % s, -0)).toBe(true);
        expect(Object.is(start, -0)).toBe(false);
        // What exact arithmetic says.
        const [bt, bs] = [BigInt(t), BigInt(s)];
        expect(BigInt(start)).toBe(bt - (((bt % bs) + bs) % bs));
      }),
      RUNS,
    );
  });

  it.each([
    [59_999, 0],
    [60_000, 60_000],
    [60_001, 60_000],
    [-1, -60_000],
    [-60_000, -60_000],
    [-60_001, -120_000],
  ])('puts %i ms into the minute that begins at %i', (t, start) => {
    expect(tumblingStart(t, 60_000)).toBe(start);
  });
});

describe('isEventTime', () => {
  it.each([[0], [-1], [MAX_TIME], [-MAX_TIME], [1.5]])('takes %d', (value) => expect(isEventTime(value)).toBe(true));
  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [MAX_TIME + 1], ['0'], [null], [undefined], [new Date()]])(
    'refuses %s',
    (value) => expect(isEventTime(value)).toBe(false),
  );
});
