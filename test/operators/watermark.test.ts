import { kafka, pipeline } from 'millrace';
import { decodeJson, map, sink, toDLQ, watermark, type WatermarkConfig } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../src/core/record-batch.ts';

type Value = { readonly time: number | string | null };

/** What arrives below `watermark()`: the partition, event time and own watermark of each record. */
type Seen = [partition: number, time: number, watermark: number];

function observed(config: Partial<WatermarkConfig<Value>>) {
  const seen: Seen[] = [];
  const of = pipeline(
    'p',
    kafka('in', { partitions: 2 }).pipe(
      decodeJson(),
      map((value) => value as Value),
      watermark({ eventTime: ({ time }) => time as number, outOfOrdernessMs: 10, ...config }),
      toDLQ('dlq'),
      sink({
        kind: 'seen',
        name: 'seen',
        options: {},
        writer: () => ({
          write(chunk) {
            for (let i = 0; i < chunk.length; i++) {
              seen.push([chunk.origin.partition, chunk.times[i], chunk.watermarks![i]]);
            }
          },
        }),
      }),
    ),
  );
  return { of, seen };
}

async function started(of: ReturnType<typeof observed>['of'], partitions = 1): Promise<TestDriver> {
  const driver = new TestDriver(of);
  await driver.createTopic('in', partitions);
  await driver.start();
  return driver;
}

async function give(driver: TestDriver, times: readonly Value['time'][], partition = 0): Promise<void> {
  await driver.append(
    'in',
    times.map((time) => ({ value: { time }, partition })),
  );
  await driver.settle();
}

function header(record: LogRecord, name: string): string {
  return Buffer.from(record.headers.find(({ key }) => key.endsWith(name))!.value).toString();
}

function minimumOf(driver: TestDriver): number {
  return driver.status.nodes.find(({ id }) => id.startsWith('watermark'))!.watermark!.time;
}

describe('watermark', () => {
  it('moves record by record, each carrying the watermark that stood before it', async () => {
    const { of, seen } = observed({});
    const driver = await started(of);
    await give(driver, [100, 90, 150, -5]);
    expect(seen).toEqual([
      [0, 100, Number.NEGATIVE_INFINITY],
      [0, 90, 90],
      [0, 150, 90],
      [0, -5, 140],
    ]);
    expect(minimumOf(driver)).toBe(140);
    await driver.stop();
  });

  it('keeps one for each partition and gives out the least', async () => {
    const { of, seen } = observed({});
    const driver = await started(of, 2);
    await give(driver, [500], 0);
    expect(minimumOf(driver)).toBe(Number.NEGATIVE_INFINITY);
    await give(driver, [100, 101], 1);
    expect(seen.at(-1)).toEqual([1, 101, 90]);
    expect(minimumOf(driver)).toBe(91);
    await driver.stop();
  });

  it('is what a restart goes on from', async () => {
    const { of, seen } = observed({});
    const driver = await started(of);
    await give(driver, [100]);
    await driver.stop();
    await driver.start();
    await give(driver, [200]);
    expect(seen.at(-1)).toEqual([0, 200, 90]);
    await driver.stop();
  });

  it('leaves out a partition without records for idleAfterMs, and takes it in again', async () => {
    const { of } = observed({ idleAfterMs: 5_000 });
    const driver = await started(of, 2);
    await give(driver, [100], 1);
    await give(driver, [500], 0);
    expect(minimumOf(driver)).toBe(90);
    await driver.advance(6_000);
    expect(minimumOf(driver)).toBe(490);
    await give(driver, [600], 1);
    await give(driver, [900], 0);
    expect(minimumOf(driver)).toBe(590);
    await driver.stop();
  });

  it('is not held back by a partition that gives nothing but rejected records', async () => {
    const { of } = observed({ idleAfterMs: 5_000 });
    const driver = await started(of, 2);
    await give(driver, [500], 0);
    for (let i = 0; i < 8; i++) {
      await give(driver, [null], 1);
      await driver.advance(1_000);
    }
    expect(minimumOf(driver)).toBe(490);
    await driver.stop();
  });
});

describe('a record without an event time', () => {
  it.each([null, 'soon', 8.64e15 + 2])('is rejected and moves nothing: %s', async (time) => {
    const { of, seen } = observed({ maxFutureMs: 1e17 });
    const driver = await started(of);
    await give(driver, [100, time, 200]);
    expect(seen.map(([, ...rest]) => rest)).toEqual([
      [100, Number.NEGATIVE_INFINITY],
      [200, 90],
    ]);
    const [rejected] = await driver.read('dlq');
    expect(header(rejected, 'kind')).toBe('EventTimeError');
    expect(header(rejected, 'reason')).toBe(`the event time is not a time: ${String(time)}`);
    expect(driver.counts('watermark(in)')).toMatchObject({ in: 3, passed: 2, rejected: 1, emitted: 2 });
    await driver.stop();
  });
});

describe('a record from the future', () => {
  it('is rejected from one millisecond past maxFutureMs after its append time, and moves nothing', async () => {
    const { of, seen } = observed({ maxFutureMs: 1_000 });
    const driver = await started(of);
    const now = driver.clock.now();
    await give(driver, [now + 1_001, now + 1_000, now + 999]);
    expect(seen.map(([, time]) => time - now)).toEqual([1_000, 999]);
    const [rejected] = await driver.read('dlq');
    expect(header(rejected, 'kind')).toBe('FutureRecord');
    expect(header(rejected, 'reason')).toBe(
      'the event time is 1001 ms ahead of its append time, more than the 1000 allowed',
    );
    await driver.stop();
  });

  it('is judged by its append time, however late it is read', async () => {
    const { of, seen } = observed({ maxFutureMs: 1_000 });
    const driver = new TestDriver(of);
    await driver.createTopic('in', 1);
    const now = driver.clock.now();
    await driver.append('in', [{ value: { time: now + 1_001 } }]);
    driver.clock.advance(60_000);
    await driver.start();
    await driver.settle();
    expect(seen).toEqual([]);
    await driver.stop();
  });
});

describe('an eventTime that throws', () => {
  const eventTime = ({ time }: Value): number => {
    if (time === null) throw new Error('no time');
    return time as number;
  };

  it('rejects the record with operator and stack', async () => {
    const { of, seen } = observed({ eventTime });
    const driver = await started(of);
    await give(driver, [100, null, 200]);
    expect(seen).toHaveLength(2);
    const [rejected] = await driver.read('dlq');
    expect(header(rejected, 'kind')).toBe('CallbackError');
    expect(header(rejected, 'reason')).toBe('no time');
    expect(header(rejected, 'step')).toBe('watermark(in)');
    expect(header(rejected, 'stack')).toContain('Error: no time');
    await driver.stop();
  });

  it("stops the pipeline where onThrow is 'fail'", async () => {
    const { of } = observed({ eventTime, onThrow: 'fail' });
    const driver = await started(of);
    await expect(give(driver, [100, null])).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { operator: 'watermark(in)', topic: 'in', partition: 0, offset: 1 },
    });
    await driver.finish().catch(() => {});
  });
});

describe('a partition far ahead in event time', () => {
  it('waits for the slowest, and all is read in the end', async () => {
    const { of, seen } = observed({ maxDriftMs: 1_000, idleAfterMs: 1e9 });
    const driver = new TestDriver(of, { maxChunkRecords: 10 });
    await driver.createTopic('in', 2);
    for (const step of [50, 100]) {
      const partition = step === 100 ? 0 : 1;
      for (let i = 0; i < 20; i++) {
        const times = Array.from({ length: 10 }, (_, n) => (i * 10 + n) * step);
        await driver.append(
          'in',
          times.map((time) => ({ value: { time }, partition })),
        );
      }
    }
    await driver.start();
    await driver.settle();
    expect(seen).toHaveLength(400);
    await driver.stop();
  });
});

describe('options', () => {
  it.each([
    ['outOfOrdernessMs', { outOfOrdernessMs: undefined }],
    ['outOfOrdernessMs', { outOfOrdernessMs: -1 }],
    ['idleAfterMs', { idleAfterMs: Number.NaN }],
    ['maxFutureMs', { maxFutureMs: Number.POSITIVE_INFINITY }],
    ['eventTime', { eventTime: 'timestamp' }],
  ])('are refused where the plan is written: %s', (field, options) => {
    const config = { eventTime: () => 0, outOfOrdernessMs: 0, ...options } as unknown as WatermarkConfig<Value>;
    expect(() => watermark(config)).toThrow(`watermark: ${field} must be`);
  });
});
