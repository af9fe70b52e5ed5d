import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys, isCut, keyBytes, keyOfBytes } from '../../src/core/key-order.ts';

const key = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('\uffee', '\u{1f600}', '\ud7ff', 'a'.repeat(1_030), `${'a'.repeat(1_030)}b`, 'a'.repeat(400)),
);

describe('compareKeys', () => {
  it('orders keys as their bytes are ordered', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(Buffer.compare(keyBytes(a), keyBytes(b))));
      }),
      { seed: 20_240_108, numRuns: 2_000 },
    );
  });
});

describe('keyOfBytes', () => {
  it('gives back every key that is not cut', () => {
    fc.assert(
      fc.property(key, (any) => {
        const bytes = keyBytes(any);
        fc.pre(!isCut(bytes));
        expect(keyOfBytes(bytes)).toBe(typeof any === 'string' ? any.toWellFormed() : any);
      }),
      { seed: 20_240_108, numRuns: 2_000 },
    );
  });
});
