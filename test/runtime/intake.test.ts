import { expect, it } from 'vitest';
import { kafka, pipeline } from 'millrace';
import { map, sinkJsonl, sinkKafka } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { Intake } from '../../src/runtime/intake.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const signal = new AbortController().signal;

it('lets everything in where there is no limit', async () => {
  const intake = new Intake(undefined, new ManualClock(0));
  intake.take(1_000);
  expect(await intake.room(signal)).toBe(Number.POSITIVE_INFINITY);
});

it('has room again when the stretch is over, and not a millisecond sooner', async () => {
  const clock = new ManualClock(1_000);
  const intake = new Intake({ records: 3, everyMs: 100 }, clock);
  expect(await intake.room(signal)).toBe(3);
  intake.take(2);
  expect(await intake.room(signal)).toBe(1);
  intake.take(1);
  let room: number | undefined;
  const waiting = intake.room(signal).then((found) => {
    room = found;
  });
  clock.advance(99);
  await new Promise(setImmediate);
  expect(room).toBeUndefined();
  clock.advance(1);
  await waiting;
  expect(room).toBe(3);
});

it('waits no longer when it is stopped', async () => {
  const intake = new Intake({ records: 1, everyMs: 60_000 }, new ManualClock(0));
  const stopping = new AbortController();
  await intake.room(stopping.signal);
  intake.take(1);
  const waiting = intake.room(stopping.signal);
  stopping.abort();
  expect(await waiting).toBe(0);
});

it('bounds what a source takes in, from all partitions together, and takes from each', async () => {
  const copy = pipeline(
    'copy',
    kafka('in', { partitions: 3, limit: { records: 9, everyMs: 30_000 } }).pipe(
      map(({ partition, offset }) => ({ partition, offset })),
      sinkKafka('out'),
    ),
  );
  const driver = new TestDriver(copy);
  await driver.createTopic('in', 3);
  await driver.append(
    'in',
    Array.from({ length: 30 }, (_, i) => ({ value: String(i), partition: i % 3 })),
  );
  await driver.start('live');
  const partitions = async (): Promise<number[]> =>
    ((await driver.readJson('out')) as { partition: number }[])
      .map(({ partition }) => partition)
      .toSorted((a, b) => a - b);
  await driver.advance(29_000);
  expect(await partitions()).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  await driver.advance(30_000);
  expect(await partitions()).toHaveLength(18);
  await driver.stop();
});

it.each([
  [{ records: 0, everyMs: 1 }, 'limit.records must be a whole number above 0'],
  [{ records: 1, everyMs: -1 }, 'limit.everyMs must be a number of milliseconds'],
])('refuses %j', (limit, message) => {
  expect(() => kafka('in', { limit }).pipe(sinkJsonl('x'))).toThrow(message);
});
