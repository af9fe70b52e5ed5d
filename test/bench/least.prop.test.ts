import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastThat } from '../../bench/least.ts';

const sizes = fc
  .uniqueArray(fc.integer({ min: 1, max: 4_096 }), { maxLength: 40 })
  .map((some) => some.toSorted((a, b) => a - b));

describe('leastThat', () => {
  it('finds the least size that is enough, or none, in no more tries than it takes to halve them', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 0, max: 5_000 }), async (all, enough) => {
        const tried: number[] = [];
        const found = await leastThat(all, async (size) => {
          tried.push(size);
          return size >= enough;
        });
        expect(found).toBe(all.find((size) => size >= enough));
        expect(new Set(tried).size).toBe(tried.length);
        expect(tried.length).toBeLessThanOrEqual(Math.ceil(Math.log2(all.length + 1)));
      }),
      { seed: 7_301, numRuns: 500 },
    );
  });
});
