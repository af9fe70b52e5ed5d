/** Runs that end by themselves, and starts that are not the first. */
import { kafka, pipeline } from 'millrace';
import {
  count,
  decodeJson,
  keyBy,
  lateTo,
  map,
  sinkJsonl,
  sinkKafka,
  toDLQ,
  tumblingWindow,
  watermark,
} from 'millrace/operators';
import { CrashDisk, TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import type { ProtocolPoint } from '../../src/checkpoint/protocol.ts';
import { CrashStore } from '../../src/testing/crash-store.ts';

const MINUTE = 60_000;
const START = Date.UTC(2024, 0, 1);

interface Event {
  readonly at: number;
  readonly key: string;
}

function windows(partitions: number) {
  return pipeline(
    'windows',
    kafka('in', { partitions }).pipe(
      decodeJson(),
      map((value) => value as Event),
      watermark({ eventTime: (event) => event.at, outOfOrdernessMs: 0 }),
      toDLQ('dlq'),
      keyBy((event) => event.key),
      tumblingWindow('w', { sizeMs: MINUTE, graceMs: 0, aggregate: { n: count() } }),
      lateTo('late'),
      map(({ key, start, n }) => ({ key, start, n })),
      sinkKafka('out', { partitions: 1 }),
    ),
  );
}

const event = (at: number, partition: number, key = 'k') => ({ value: { at, key }, partition });

describe('a bounded run', () => {
  it('ends though one partition is further ahead of a quiet one than drift allows', async () => {
    const driver = new TestDriver(windows(2), { maxChunkRecords: 8 });
    await driver.createTopic('in', 2);
    const ahead = Array.from({ length: 300 }, (_, i) => event(START + i * MINUTE, 1));
    await driver.append('in', [event(START, 0), ...ahead]);
    await driver.start('once');
    const { status } = await driver.finish();
    expect(status.partitions.map(({ position }) => position)).toEqual([1, 300]);
  });

  it('closes windows by and by when it runs every hour and one partition is always empty', async () => {
    const driver = new TestDriver(windows(2), { startAt: START });
    await driver.createTopic('in', 2);
    for (let hour = 0; hour < 3; hour++) {
      await driver.append('in', [event(START + hour * 60 * MINUTE, 0), event(START + (hour * 60 + 2) * MINUTE, 0)]);
      await driver.start('once');
      await driver.finish();
      driver.clock.advance(60 * MINUTE);
    }
    // The last window stays open: nothing has come behind it.
    expect(await driver.readJson('out')).toHaveLength(5);
  });
});

describe('a start', () => {
  /** Runs until the point is reached for the nth time, and leaves store and disk as a crash does. */
  async function crashed(driver: TestDriver, store: CrashStore, disk: CrashDisk) {
    await driver.stop().catch(() => {});
    return { store: store.reopen(), disk: disk.reopen('none') };
  }

  it('at the latest record keeps its place, also when it is killed before the first checkpoint', async () => {
    const copies = pipeline(
      'copies',
      kafka('in').pipe(sinkKafka('out', { partitions: 1, value: (record) => record.value })),
    );
    let store = new CrashStore();
    let disk = new CrashDisk();
    const onPoint = (point: ProtocolPoint): void => {
      if (point === 'in-commit') store.crash();
    };
    const first = new TestDriver(copies, { store, disk, onPoint, from: 'latest' });
    await first.createTopic('in', 1);
    await first.append('in', [{ value: '"before"' }]);
    await first.start();
    await first.append('in', [{ value: '"a"' }]);
    await expect(first.settle()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    ({ store, disk } = await crashed(first, store, disk));
    const second = new TestDriver(copies, { store, disk, from: 'latest', startAt: first.clock.now() });
    await second.append('in', [{ value: '"b"' }]);
    await second.start();
    await second.settle();
    expect(await second.readJson('out')).toEqual(['a', 'b']);
    await second.stop();
  });

  it('with a sink gone or moved is refused while its output may be under way, and fine after a stop', async () => {
    const to = (path: string) =>
      pipeline(
        'copies',
        kafka('in').pipe(
          map((record) => String(record.value)),
          sinkJsonl(path),
        ),
      );
    let store = new CrashStore();
    let disk = new CrashDisk();
    const onPoint = (point: ProtocolPoint): void => {
      if (point !== 'committed') return;
      store.crash();
      disk.crash();
    };
    const first = new TestDriver(to('a.jsonl'), { store, disk, onPoint });
    await first.createTopic('in', 1);
    await first.append('in', [{ value: 'one' }]);
    await first.start();
    await expect(first.settle()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    ({ store, disk } = await crashed(first, store, disk));
    const startAt = first.clock.now();
    const moved = new TestDriver(to('b.jsonl'), { store, disk, startAt });
    await expect(moved.start()).rejects.toMatchObject({ code: 'PLAN_CHANGED' });
    const again = new TestDriver(to('a.jsonl'), { store, disk, startAt });
    await again.start();
    await again.stop();
    expect(Buffer.from(await disk.read('/output/a.jsonl')).toString()).toBe('"one"\n');
    const then = new TestDriver(to('b.jsonl'), { store, disk, startAt: again.clock.now() });
    await then.start('once');
    await then.finish();
  });

  it('keeps keys apart, or together, as they were before it', async () => {
    const results = async (restart: boolean): Promise<unknown[]> => {
      const driver = new TestDriver(windows(1));
      await driver.createTopic('in', 1);
      await driver.start();
      await driver.append('in', [event(START, 0, 'a\ud800'), event(START, 0, 'a\ud801')]);
      await driver.settle();
      await driver.stop();
      if (restart) {
        await driver.start();
        await driver.append('in', [event(START, 0, 'a\ud801')]);
        await driver.settle();
        await driver.stop();
      } else {
        await driver.append('in', [event(START, 0, 'a\ud801')]);
      }
      await driver.start('drain');
      await driver.finish();
      return driver.readJson('out');
    };
    expect(await results(true)).toEqual(await results(false));
  });
});
