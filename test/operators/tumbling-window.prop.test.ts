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
import { chunkingOf, interleavingOf, type NaiveRecord, naiveTumbling, recordsOf, TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { findImbalance } from '../../src/core/ledger.ts';
import { planOf } from '../../src/core/plan.ts';
import { CrashStore } from '../../src/testing/crash-store.ts';

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

async function append(driver: TestDriver, records: readonly NaiveRecord[]): Promise<void> {
  for (const partition of new Set(records.map((record) => record.partition))) {
    const own = records.filter((record) => record.partition === partition);
    await driver.append(
      'in',
      own.map((value) => ({ value, partition })),
    );
  }
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

/** Late records keep no order between partitions. */
function sorted(late: readonly NaiveRecord[]): string[] {
  return late.map((record) => JSON.stringify(record)).toSorted();
}

async function drained(of: ReturnType<typeof windows>, steps: readonly (readonly NaiveRecord[])[], partitions: number) {
  const driver = new TestDriver(of);
  await driver.createTopic('in', partitions);
  await driver.start();
  for (const step of steps) {
    await append(driver, step);
    await driver.advance(10);
  }
  await driver.settle();
  await driver.stop();
  await driver.start('drain');
  const { status } = await driver.finish();
  return { driver, status };
}

/** Records in the given order, cut into steps of the given sizes. */
function stepsOf(records: readonly NaiveRecord[], sizes: readonly number[]): NaiveRecord[][] {
  let at = 0;
  return sizes.map((size) => records.slice(at, (at += size)));
}

const arrivals = (partitions: number) =>
  recordsOf({ partitions }).chain((records) =>
    fc.record({ records: fc.constant(records), arrival: interleavingOf(records), sizes: chunkingOf(records.length) }),
  );

describe('tumblingWindow', () => {
  it('puts every record in time into exactly one window and every other to late, however partitions interleave', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals(3), fc.constantFrom(0, 30), async ({ records, arrival, sizes }, graceMs) => {
        const { driver } = await drained(windows(graceMs, 3), stepsOf(arrival, sizes), 3);
        const outcome = await outcomeOf(driver);
        const naive = expected(records, graceMs);
        const byPlace = (a: Row, b: Row) => a.start - b.start || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
        expect(outcome.windows.toSorted(byPlace)).toEqual(naive.windows);
        expect(sorted(outcome.late)).toEqual(sorted(naive.late));
      }),
      RUNS,
    );
  });

  it('gives the results of one partition in the order of end and key', async () => {
    await fc.assert(
      fc.asyncProperty(recordsOf({ partitions: 1 }), async (records) => {
        const { driver } = await drained(windows(0, 1), [records], 1);
        expect((await outcomeOf(driver)).windows).toEqual(expected(records, 0).windows);
      }),
      RUNS,
    );
  });

  it('balances its ledger', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals(2), async ({ arrival, sizes }) => {
        const of = windows(0, 2);
        const { status } = await drained(of, stepsOf(arrival, sizes), 2);
        const cut = new Map(status.nodes.map(({ id, counts }) => [id, counts]));
        expect(findImbalance(cut, planOf(of.build({})).edges)).toBeUndefined();
      }),
      { ...RUNS, numRuns: 20 },
    );
  });

  it('is not changed by restarts, after a stop or a crash, at any point', async () => {
    const cut = fc.record({ restart: fc.constantFrom('stop', 'crash'), busyMs: fc.integer({ min: 0, max: 400 }) });
    await fc.assert(
      fc.asyncProperty(
        arrivals(2),
        fc.array(cut, { minLength: 1, maxLength: 5 }),
        async ({ records, arrival, sizes }, cuts) => {
          let store = new CrashStore();
          const of = windows(30, 2);
          const steps = stepsOf(arrival, sizes);
          let driver = new TestDriver(of, { store, maxChunkRecords: 3 });
          await driver.createTopic('in', 2);
          for (const [i, { restart, busyMs }] of cuts.entries()) {
            const share = Math.ceil(steps.length / cuts.length);
            await driver.start();
            for (const step of steps.slice(i * share, (i + 1) * share)) await append(driver, step);
            await driver.advance(busyMs);
            if (restart === 'stop') {
              await driver.stop();
            } else {
              store.crash();
              await driver.stop().catch(() => {});
              store = store.reopen();
            }
            driver = new TestDriver(of, { store, maxChunkRecords: 3, startAt: driver.clock.now() });
          }
          await driver.start('drain');
          await driver.finish();
          const outcome = await outcomeOf(driver);
          const naive = expected(records, 30);
          const byPlace = (a: Row, b: Row) =>
            a.start - b.start || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
          expect(outcome.windows.toSorted(byPlace)).toEqual(naive.windows);
          expect(sorted(outcome.late)).toEqual(sorted(naive.late));
        },
      ),
      RUNS,
    );
  });
});
