/** fast-check arbitraries for streams: records over partitions, and the ways in which they can arrive. */
import * as fc from 'fast-check';
import type { NaiveRecord } from './naive-windows.ts';

export interface RecordsOptions {
  readonly partitions: number;
  readonly keys?: readonly string[];
  /** Event times lie in here, epoch ms. */
  readonly times?: { readonly min: number; readonly max: number };
  readonly maxLength?: number;
}

/** Records in the order in which they were appended, so that each partition has an order of its own. */
export function recordsOf(options: RecordsOptions): fc.Arbitrary<NaiveRecord[]> {
  const { partitions, keys = ['a', 'b', 'é'], times = { min: -500, max: 1_000 }, maxLength = 60 } = options;
  return fc.array(
    fc.record({
      partition: fc.nat(partitions - 1),
      key: fc.constantFrom(...keys),
      time: fc.integer(times),
      value: fc.integer({ min: -100, max: 100 }),
    }),
    { maxLength },
  );
}

/** Another order of arrival that keeps the order within each partition. */
export function interleavingOf(records: readonly NaiveRecord[]): fc.Arbitrary<NaiveRecord[]> {
  const byPartition = new Map<number, NaiveRecord[]>();
  for (const record of records) {
    const queue = byPartition.get(record.partition) ?? [];
    byPartition.set(record.partition, queue);
    queue.push(record);
  }
  const turns = fc.shuffledSubarray(
    records.map(({ partition }) => partition),
    { minLength: records.length },
  );
  return turns.map((order) => {
    const next = new Map<number, number>();
    return order.map((partition) => {
      const at = next.get(partition) ?? 0;
      next.set(partition, at + 1);
      return byPartition.get(partition)![at];
    });
  });
}

/** Sizes that add up to `length`: how records fall into chunks. */
export function chunkingOf(length: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: 7 }), { minLength: length, maxLength: length }).map((sizes) => {
    const cut: number[] = [];
    for (let left = length, i = 0; left > 0; i++) {
      cut.push(Math.min(sizes[i], left));
      left -= cut.at(-1)!;
    }
    return cut;
  });
}
