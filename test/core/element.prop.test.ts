import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { Chunk } from '../../src/core/element.ts';
import type { Rejection } from '../../src/core/rejection.ts';

const ORIGIN = { source: 'kafka(t)', topic: 't', partition: 0 };

function chunkOf(length: number): Chunk<number> {
  const builder = new RecordBatchBuilder('t', 0);
  for (let i = 0; i < length; i++) builder.add(null, `${i}`, i * 10);
  const values = Array.from({ length }, (_, i) => i);
  const watermarks = Float64Array.from(values, (i) => i * 10 - 5);
  const keys = values.map((i) => `k${i}`);
  return Chunk.ofBatch(ORIGIN, builder.finish(), false).withValues(values).withColumns({ watermarks, keys });
}

/** What stands in each column, record by record. */
function rowsOf(chunk: Chunk<number>): unknown[] {
  return chunk.values.map((value, i) => [
    value,
    chunk.row(i),
    chunk.times[i],
    chunk.watermarks![i],
    chunk.keys![i],
    String(chunk.input!.value(chunk.row(i))),
  ]);
}

describe('Chunk.without', () => {
  it('leaves out what was rejected, of every column, once and again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.array(fc.nat(299)),
        fc.array(fc.nat(299)),
        (length, first, second) => {
          let chunk = chunkOf(length);
          let wanted = rowsOf(chunk);
          for (const places of [first, second]) {
            const gaps = [...new Set(places.filter((i) => i < chunk.length))].toSorted((a, b) => a - b);
            const rejected = new Map(gaps.map((i) => [i, { reason: `${i}` } as Rejection]));
            const values = chunk.values.filter((_, i) => !rejected.has(i));
            const before = chunk.rejections.length;
            chunk = chunk.without(rejected, values);
            wanted = wanted.filter((_, i) => !rejected.has(i));
            expect(rowsOf(chunk)).toEqual(wanted);
            expect(chunk.rejections.slice(before).map(({ reason }) => reason)).toEqual(gaps.map(String));
          }
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });
});
