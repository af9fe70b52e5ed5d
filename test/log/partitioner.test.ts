import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { murmur2, partitionFor } from '../../src/log/partitioner.ts';

describe('partitionFor', () => {
  // Vectors of Kafka's own UtilsTest.testMurmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])("hashes %s as Kafka's Java client does", (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
    expect(partitionFor(Buffer.from(key), 7)).toBe((hash & 0x7fffffff) % 7);
  });

  it('chooses the same partition for a text as for its bytes', () => {
    const texts = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }));
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 50 }), (text, partitions) => {
        expect(partitionFor(text, partitions)).toBe(partitionFor(Buffer.from(text), partitions));
      }),
      { seed: 20_260_501, numRuns: 2_000 },
    );
  });

  it('takes an empty key and stays inside the partitions', () => {
    for (let length = 0; length < 40; length++) {
      const partition = partitionFor(new Uint8Array(length).fill(255 - length), 3);
      expect([0, 1, 2]).toContain(partition);
    }
  });
});
