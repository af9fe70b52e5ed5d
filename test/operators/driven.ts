/** How properties drive a pipeline that reads the topic `in`: step by step, with restarts or without, until it is drained. */
import * as fc from 'fast-check';
import { CrashStore, type NaiveRecord, TestDriver, type TestDriverOptions } from 'millrace/testing';
import type { Pipeline } from '../../src/core/pipeline.ts';

export interface Driven {
  readonly pipeline: Pipeline;
  readonly partitions: number;
  readonly steps: readonly (readonly NaiveRecord[])[];
  readonly options?: TestDriverOptions;
}

/** How a run ends before all has been read, and how long it lasts until then. */
export interface Cut {
  readonly restart: 'stop' | 'crash';
  readonly busyMs: number;
}

export function cutsOf(maxBusyMs: number): fc.Arbitrary<Cut[]> {
  const restart = fc.constantFrom('stop' as const, 'crash' as const);
  const cut = fc.record({ restart, busyMs: fc.integer({ min: 0, max: maxBusyMs }) });
  return fc.array(cut, { minLength: 1, maxLength: 5 });
}

/** Records in the given order, cut into steps of the given sizes. */
export function stepsOf<R>(records: readonly R[], sizes: readonly number[]): R[][] {
  let at = 0;
  return sizes.map((size) => records.slice(at, (at += size)));
}

export async function drained({ pipeline, partitions, steps, options }: Driven) {
  const driver = new TestDriver(pipeline, options);
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

/** Each cut ends a run behind its share of the steps; the next one begins with what the store has kept. */
export async function drainedThrough(cuts: readonly Cut[], { pipeline, partitions, steps, options }: Driven) {
  let store = new CrashStore();
  let driver = new TestDriver(pipeline, { ...options, store });
  await driver.createTopic('in', partitions);
  const share = Math.ceil(steps.length / cuts.length);
  for (const [i, { restart, busyMs }] of cuts.entries()) {
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
    driver = new TestDriver(pipeline, { ...options, store, startAt: driver.clock.now() });
  }
  await driver.start('drain');
  await driver.finish();
  return driver;
}

/** Neighbours of one partition come as one batch. */
async function append(driver: TestDriver, records: readonly NaiveRecord[]): Promise<void> {
  for (let from = 0; from < records.length; ) {
    const { partition } = records[from];
    const rest = records.slice(from);
    const end = rest.findIndex((record) => record.partition !== partition);
    const batch = end < 0 ? rest : rest.slice(0, end);
    await driver.append(
      'in',
      batch.map((value) => ({ value, partition })),
    );
    from += batch.length;
  }
}
