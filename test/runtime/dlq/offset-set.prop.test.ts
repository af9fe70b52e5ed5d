import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { OffsetSet } from '../../../src/runtime/dlq/offset-set.ts';

it('holds what was added, and nothing else', () => {
  const offset = fc.oneof(
    fc.nat(200),
    fc.integer({ min: 65_500, max: 65_600 }),
    fc.integer({ min: 2 ** 40, max: 2 ** 40 + 90 }),
  );
  const runs = fc.array(fc.tuple(offset, fc.nat(40)));
  fc.assert(
    fc.property(runs, (added) => {
      const set = new OffsetSet();
      const model = new Set<number>();
      for (const [from, length] of added) {
        set.add(from, from + length);
        for (let each = from; each <= from + length; each++) model.add(each);
      }
      const asked = added.flatMap(([from, length]) => [from - 1, from, from + length, from + length + 1]);
      for (const each of asked) expect(set.has(each)).toBe(model.has(each));
    }),
    { seed: 1 },
  );
});
