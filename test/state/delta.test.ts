import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyBytes } from '../../src/core/key-order.ts';
import type { StateEntry } from '../../src/core/operator.ts';
import { DeltaWriter, readDeltaPart } from '../../src/state/delta.ts';
import { StateLayout } from '../../src/state/state-layout.ts';
import { inKeyOrder, sortedByKey } from '../../src/state/state-slot.ts';

const layout = new StateLayout(Buffer.from('task\u0000'));

function partsOf(values: readonly string[]): { readonly entries: number[]; readonly bytes: number[] } {
  const writer = new DeltaWriter({ layout, sequence: 1, forgotten: [], operator: undefined });
  for (const [i, value] of values.entries()) writer.set(0, `k${i}`, value);
  writer.finish();
  return {
    entries: writer.parts.map(([, bytes]) => readDeltaPart(bytes).changes[0].set.length / 2),
    bytes: writer.parts.map(([, bytes]) => bytes.length),
  };
}

describe('the parts of a delta', () => {
  it('begin with 16 entries and at most double', () => {
    expect(partsOf(Array.from({ length: 600 }, () => 'v')).entries).toEqual([16, 32, 64, 128, 256, 104]);
  });

  it('hold so few large values that they come to about 256 KiB', () => {
    const { entries, bytes } = partsOf(Array.from({ length: 100 }, () => 'v'.repeat(100_000)));
    expect(entries.slice(0, 3)).toEqual([16, 2, 2]);
    expect(Math.max(...bytes.slice(1))).toBeLessThan(256 * 1024);
  });
});

describe('entries in the order of their keys', () => {
  const number = fc.oneof(fc.double({ noNaN: true }), fc.integer()).map((key) => key + 0);
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom('\u{1f600}', '\uffff', 'k'.repeat(2_000), `${'k'.repeat(1_999)}z`),
  );
  const keys = fc.oneof(...[number, text, fc.oneof(number, text)].map((key) => fc.uniqueArray(key, { maxLength: 30 })));

  it('are in the order of the bytes, whatever kinds of keys there are', () => {
    const entryOf = (key: string | number): StateEntry<null> => {
      return { key, value: null, dirty: false, stored: false, gone: false, since: 0 };
    };
    fc.assert(
      fc.property(keys, (some) => {
        const wanted = [...some].sort((a, b) => Buffer.compare(keyBytes(a), keyBytes(b)));
        expect(sortedByKey(some.map(entryOf)).map(({ key }) => key)).toEqual(wanted);
        const ordered = [...inKeyOrder(some.map(entryOf))];
        expect(ordered.map(({ entry }) => entry.key)).toEqual(wanted);
        expect(ordered.map(({ bytes }) => bytes)).toEqual(wanted.map(keyBytes));
      }),
      { seed: 20_240_104, numRuns: 300 },
    );
  });
});
