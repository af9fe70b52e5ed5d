import * as fc from 'fast-check';
import { kafka, pipeline } from 'millrace';
import {
  count,
  decodeJson,
  keyBy,
  lateTo,
  map,
  sinkKafka,
  sum,
  toDLQ,
  tumblingWindow,
  watermark,
} from 'millrace/operators';
import {
  chunkingOf,
  interleavingOf,
  type NaiveRecord,
  naiveTumbling,
  recordsOf,
  type TestDriver,
} from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { findImbalance } from '../../src/core/ledger.ts';
import { planOf } from '../../src/core/plan.ts';
import { cutsOf, drained, drainedThrough, stepsOf } from './driven.ts';

const SIZE = 100;
const OUT_OF_ORDER = 50;
const RUNS = { numRuns: 60, seed: 20_240_101 };

function windows(graceMs: number, partitions: number) {
  return pipeline(
    'windows',
    kafka('in', { partitions }).pipe(
      decodeJson(),
      map((value) => value as NaiveRecord),
      watermark({
        eventTime: (record) => record.time,
        outOfOrdernessMs: OUT_OF_ORDER,
        idleAfterMs: 1e12,
        maxFutureMs: 1e15,
      }),
      toDLQ('dlq'),
      keyBy((record) => record.key),
      tumblingWindow('w', { sizeMs: SIZE, graceMs, aggregate: { n: count(), total: sum((record) => record.value) } }),
      lateTo('late'),
      sinkKafka('out', { partitions: 1, key: (window) => window.key }),
    ),
  );
}

interface Row {
  readonly key: string;
  readonly start: number;
  readonly n: number;
  readonly total: number;
}

async function outcomeOf(driver: TestDriver): Promise<{ windows: Row[]; late: NaiveRecord[] }> {
  const rows = (await driver.readJson('out')) as Row[];
  return {
    windows: rows.map(({ key, start, n, total }) => ({ key, start, n, total })),
    late: ((await driver.readJson('late')) as { payload: NaiveRecord }[]).map(({ payload }) => payload),
  };
}

function expected(records: readonly NaiveRecord[], graceMs: number) {
  const naive = naiveTumbling(records, { sizeMs: SIZE, graceMs, outOfOrdernessMs: OUT_OF_ORDER });
  const rows = naive.windows.map(({ key, start, values }) => ({
    key,
    start,
    n: values.length,
    total: values.reduce((a, b) => a + b, 0),
  }));
  return { windows: rows, late: naive.late };
}

function byPlace(a: Row, b: Row): number {
  return a.start - b.start || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}

/** Late records keep no order between partitions. */
function sorted(late: readonly NaiveRecord[]): string[] {
  return late.map((record) => JSON.stringify(record)).toSorted();
}

const arrivals = (partitions: number) =>
  recordsOf({ partitions }).chain((records) =>
    fc.record({ records: fc.constant(records), arrival: interleavingOf(records), sizes: chunkingOf(records.length) }),
  );

describe('tumblingWindow', () => {
  it('puts every record in time into exactly one window and every other to late, however partitions interleave', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals(3), fc.constantFrom(0, 30), async ({ records, arrival, sizes }, graceMs) => {
        const steps = stepsOf(arrival, sizes);
        const { driver } = await drained({ pipeline: windows(graceMs, 3), partitions: 3, steps });
        const outcome = await outcomeOf(driver);
        const naive = expected(records, graceMs);
        expect(outcome.windows.toSorted(byPlace)).toEqual(naive.windows);
        expect(sorted(outcome.late)).toEqual(sorted(naive.late));
      }),
      RUNS,
    );
  });

  it('gives the results of one partition in the order of end and key', async () => {
    await fc.assert(
      fc.asyncProperty(recordsOf({ partitions: 1 }), async (records) => {
        const { driver } = await drained({ pipeline: windows(0, 1), partitions: 1, steps: [records] });
        expect((await outcomeOf(driver)).windows).toEqual(expected(records, 0).windows);
      }),
      RUNS,
    );
  });

  it('balances its ledger', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals(2), async ({ arrival, sizes }) => {
        const of = windows(0, 2);
        const { status } = await drained({ pipeline: of, partitions: 2, steps: stepsOf(arrival, sizes) });
        const cut = new Map(status.nodes.map(({ id, counts }) => [id, counts]));
        expect(findImbalance(cut, planOf(of.build({})).edges)).toBeUndefined();
      }),
      { ...RUNS, numRuns: 20 },
    );
  });

  it('is not changed by restarts, after a stop or a crash, at any point', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals(2), cutsOf(400), async ({ records, arrival, sizes }, cuts) => {
        const steps = stepsOf(arrival, sizes);
        const options = { maxChunkRecords: 3 };
        const driver = await drainedThrough(cuts, { pipeline: windows(30, 2), partitions: 2, steps, options });
        const outcome = await outcomeOf(driver);
        const naive = expected(records, 30);
        expect(outcome.windows.toSorted(byPlace)).toEqual(naive.windows);
        expect(sorted(outcome.late)).toEqual(sorted(naive.late));
      }),
      RUNS,
    );
  });
});
