import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommonReason, patternOf } from '../../../src/runtime/dlq/common-reason.ts';

const SEED = { seed: 11, numRuns: 500 };
const words = fc.constantFrom('amount ', ' must be above ', 'late at ', ', partition ', 'UTF-', '$&', 'N', 'TIME');
const varying = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom('1,234.5', '10:30', '0.1', '2024-02-29T12:00:00Z', '2024-02-29T12:00:00.123Z'),
);
const isTime = (value: string): boolean => value.includes('T');

describe('a common reason', () => {
  it('keeps what all reasons share, and masks each time or number in which one differs', () => {
    const shape = fc.array(fc.record({ word: words, values: fc.array(varying, { minLength: 4, maxLength: 4 }) }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 4 }), (parts, count) => {
        const alike = parts.map(({ word, values: [first, ...rest] }) => {
          return { word, values: [first, ...rest.filter((value) => isTime(value) === isTime(first))].slice(0, count) };
        });
        const reasons = Array.from({ length: count }, (_, i) =>
          alike.map(({ word, values }) => word + values[i % values.length]).join('; '),
        );
        expect(new Set(reasons.map(patternOf)).size).toBe(1);
        const common = new CommonReason(reasons[0]);
        for (const reason of reasons.slice(1)) common.add(reason);
        const expected = alike.map(({ word, values }) => {
          const isShared = values.every((value) => value === values[0]);
          return word + (isShared ? values[0] : isTime(values[0]) ? 'TIME' : 'N');
        });
        expect(common.text).toBe(expected.join('; '));
      }),
      SEED,
    );
  });
});
