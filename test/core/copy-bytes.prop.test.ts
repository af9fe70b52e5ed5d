import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyBytes, viewOf } from '../../src/core/copy-bytes.ts';

describe('copyBytes', () => {
  it('copies a run of any length to any place, and touches nothing beside it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(400), fc.nat(20), (bytes, a, at) => {
        const from = Math.min(a, bytes.length);
        const target = new Uint8Array(bytes.length + 40).fill(0xee);
        copyBytes(viewOf(bytes), from, bytes.length, viewOf(target), at);
        const wanted = new Uint8Array(target.length).fill(0xee);
        wanted.set(bytes.subarray(from), at);
        expect(Buffer.compare(target, wanted)).toBe(0);
      }),
      { seed: 3, numRuns: 2_000 },
    );
  });
});
