import { kafka, pipeline } from 'millrace';
import {
  type Aggregates,
  count,
  decodeJson,
  keyBy,
  lateTo,
  map,
  max,
  sink,
  sinkKafka,
  sum,
  toDLQ,
  tumblingWindow,
  type TumblingWindowOptions,
  watermark,
} from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import type { MillraceError } from '../../src/core/errors.ts';

interface Row {
  readonly key: string | number;
  readonly time: number;
  readonly value?: number;
}

const timed = () =>
  kafka('in', { partitions: 2 }).pipe(
    decodeJson(),
    map((value) => value as Row),
    watermark({ eventTime: (row) => row.time, outOfOrdernessMs: 0, maxDriftMs: 1e15 }),
    toDLQ('dlq'),
  );

type Options = TumblingWindowOptions<Row, Aggregates<Row>>;

function windows(options: Partial<Options> = {}) {
  const all: Options = { sizeMs: 100, graceMs: 0, aggregate: { n: count() }, ...options };
  return pipeline(
    'windows',
    timed().pipe(
      keyBy((row) => row.key),
      tumblingWindow('w', all),
      lateTo('late'),
      sinkKafka('out', { partitions: 1 }),
    ),
  );
}

/** Runs live over the rows of partition 0, so that only the watermark closes windows. */
async function live(of: ReturnType<typeof windows>, rows: readonly Row[], partitions = 1): Promise<TestDriver> {
  const driver = new TestDriver(of);
  await driver.createTopic('in', partitions);
  await driver.start();
  await driver.append(
    'in',
    rows.map((value) => ({ value })),
  );
  await driver.settle();
  return driver;
}

/** The values of late records, as they came. */
async function readLate(driver: TestDriver): Promise<unknown[]> {
  return ((await driver.readJson('late')) as { payload: unknown }[]).map(({ payload }) => payload);
}

const at = (time: number, key: string | number = 'a', value = 1): Row => ({ key, time, value });

async function failureOf(running: Promise<unknown>): Promise<MillraceError> {
  return running.then(
    () => expect.unreachable('it did not fail'),
    (thrown: unknown) => thrown as MillraceError,
  );
}

describe('lateness', () => {
  it.each([
    [0, 99, 'takes'],
    [0, 100, 'refuses'],
    [0, 101, 'refuses'],
    [30, 129, 'takes'],
    [30, 130, 'refuses'],
    [30, 131, 'refuses'],
  ])('with a grace of %i ms and the watermark at %i, the window [0, 100) %s a record', async (graceMs, mark, does) => {
    const driver = await live(windows({ graceMs }), [at(mark), at(99)]);
    expect(await readLate(driver)).toEqual(does === 'takes' ? [] : [at(99)]);
    expect(driver.counts('tumblingWindow(w)')).toMatchObject(
      does === 'takes' ? { in: 2, passed: 2, late: 0, carriedOut: 0 } : { in: 2, passed: 1, late: 1, carriedOut: 1 },
    );
    await driver.stop();
  });

  it('names the window and by how much it was missed', async () => {
    const driver = await live(windows({ graceMs: 10 }), [at(117), at(-1), at(99)]);
    const reasons = (await driver.read('late')).map(({ headers }) => {
      return Buffer.from(headers.find(({ key }) => key.endsWith('reason'))!.value).toString();
    });
    expect(reasons).toEqual([
      'the window [1969-12-31T23:59:59.900Z, 1970-01-01T00:00:00.000Z) closed before this record: the watermark had passed its end and grace by 107 ms',
      'the window [1970-01-01T00:00:00.000Z, 1970-01-01T00:00:00.100Z) closed before this record: the watermark had passed its end and grace by 7 ms',
    ]);
    await driver.stop();
  });

  it('is a rejection and no failure at the first time that there is, where the window begins before it', async () => {
    const driver = await live(windows({ sizeMs: 7 }), [at(0), at(-8.64e15)]);
    expect(await readLate(driver)).toEqual([at(-8.64e15)]);
    await driver.stop();
  });

  it.each([
    ['in one run', false],
    ['over a restart', true],
  ])(
    'of a partition that comes back from idleness is decided by the windows that have closed without it, %s',
    async (_, restarts) => {
      const driver = new TestDriver(windows());
      await driver.createTopic('in', 2);
      await driver.start();
      await driver.append('in', [{ value: at(10), partition: 1 }]);
      await driver.append('in', [{ value: at(150), partition: 0 }]);
      await driver.advance(6_000);
      await driver.settle();
      expect(await driver.readJson('out')).toEqual([{ key: 'a', start: 0, end: 100, final: true, n: 1 }]);
      if (restarts) {
        await driver.stop();
        await driver.start();
      }
      await driver.append('in', [{ value: at(20), partition: 1 }]);
      await driver.settle();
      expect(await readLate(driver)).toEqual([at(20)]);
      await driver.stop();
    },
  );
});

describe('closing', () => {
  it.each([
    [0, 99, 0],
    [0, 100, 1],
    [30, 129, 0],
    [30, 130, 1],
  ])(
    'with a grace of %i ms, a watermark of %i has closed %i windows that end at 100',
    async (graceMs, mark, closed) => {
      const driver = await live(windows({ graceMs }), [at(0), at(mark, 'b')]);
      expect(await driver.readJson('out')).toHaveLength(closed);
      await driver.stop();
    },
  );

  it('puts the first millisecond of a window into it and the last one of the one before not', async () => {
    const driver = await live(windows(), [at(-1), at(0), at(99), at(100), at(500)]);
    expect(await driver.readJson('out')).toEqual([
      { key: 'a', start: -100, end: 0, final: true, n: 1 },
      { key: 'a', start: 0, end: 100, final: true, n: 2 },
      { key: 'a', start: 100, end: 200, final: true, n: 1 },
    ]);
    await driver.stop();
  });

  it('keeps windows open over a stop and goes on with them', async () => {
    const driver = await live(windows(), [at(1), at(2)]);
    await driver.stop();
    await driver.start();
    await driver.append('in', [{ value: at(3) }, { value: at(100) }]);
    await driver.settle();
    expect(await driver.readJson('out')).toEqual([{ key: 'a', start: 0, end: 100, final: true, n: 3 }]);
    await driver.stop();
  });

  it('orders results by the bytes of their keys, numbers first, and hands out at most 4,096 at once', async () => {
    const sizes: number[] = [];
    const keys: (string | number)[] = [];
    const of = pipeline(
      'p',
      timed().pipe(
        keyBy((row) => row.key),
        tumblingWindow('w', { sizeMs: 100, graceMs: 0, aggregate: { n: count() } }),
        lateTo('late'),
        sink({
          kind: 'collected',
          name: 'collected',
          options: {},
          writer: () => ({
            write(chunk) {
              if (chunk.length > 0) sizes.push(chunk.length);
              keys.push(...chunk.values.map(({ key }) => key));
            },
          }),
        }),
      ),
    );
    const many = Array.from({ length: 5_000 }, (_, i) => at(1, `k${String(i).padStart(4, '0')}`));
    const driver = await live(of, [...many.toReversed(), at(1, 'é'), at(1, 7), at(1, -7), at(1, ''), at(100)]);
    expect(sizes).toEqual([4_096, 908]);
    expect(keys).toEqual([-7, 7, '', ...many.map(({ key }) => key), 'é']);
    await driver.stop();
  });
});

describe("emit: 'update'", () => {
  it('gives the running result after every record, and once more at the close', async () => {
    const of = windows({ emit: 'update', aggregate: { n: count(), total: sum((row) => row.value ?? 0) } });
    const driver = await live(of, [at(1, 'a', 5), at(2, 'b', 7), at(3, 'a', 6), at(100, 'a', 9), at(4, 'a', 1)]);
    const result = (key: string, start: number, final: boolean, n: number, total: number) => {
      return { key, start, end: start + 100, final, n, total };
    };
    expect(await driver.readJson('out')).toEqual([
      result('a', 0, false, 1, 5),
      result('b', 0, false, 1, 7),
      result('a', 0, false, 2, 11),
      result('a', 100, false, 1, 9),
      result('a', 0, true, 2, 11),
      result('b', 0, true, 1, 7),
    ]);
    expect(await readLate(driver)).toEqual([at(4, 'a', 1)]);
    await driver.stop();
  });
});

describe('windows on windows', () => {
  it('add up, and find none of the results below them late', async () => {
    const of = pipeline(
      'p',
      timed().pipe(
        keyBy((row) => row.key),
        tumblingWindow('small', { sizeMs: 100, graceMs: 20, aggregate: { n: count() } }),
        lateTo('late-small'),
        keyBy(() => 'all'),
        tumblingWindow('large', {
          sizeMs: 200,
          graceMs: 0,
          aggregate: { total: sum((small) => small.n), latest: max((small) => small.end) },
        }),
        lateTo('late-large'),
        sinkKafka('out', { partitions: 1 }),
      ),
    );
    const driver = await live(of, [at(0), at(150, 'b'), at(100), at(210), at(199), at(320), at(419)]);
    expect(await driver.readJson('out')).toEqual([
      { key: 'all', start: 0, end: 200, final: true, total: 4, latest: 200 },
    ]);
    await driver.append('in', [{ value: at(420) }]);
    await driver.settle();
    expect(await driver.readJson('out')).toHaveLength(2);
    expect(await driver.readJson('late-large')).toEqual([]);
    await driver.stop();
  });
});

describe('an aggregate that throws', () => {
  it('stops the pipeline and names operator, topic, partition and offset', async () => {
    const broken = () => {
      throw new Error('no such field');
    };
    const driver = new TestDriver(windows({ aggregate: { total: sum((row) => (row.time === 2 ? broken() : 1)) } }));
    await driver.createTopic('in', 1);
    await driver.start();
    await driver.append('in', [{ value: at(1) }, { value: at(2) }]);
    const failure = await failureOf(driver.settle());
    expect(failure).toMatchObject({
      code: 'CALLBACK_FAILED',
      message: 'a callback threw: no such field',
      place: { operator: 'tumblingWindow(w)', topic: 'in', partition: 0, offset: 1 },
    });
    await driver.finish().catch(() => {});
  });
});

describe('options', () => {
  it.each<[string, Partial<Record<keyof Options, unknown>>]>([
    ['sizeMs must be a whole number above 0, not 0', { sizeMs: 0 }],
    ['sizeMs must be a whole number above 0, not 1.5', { sizeMs: 1.5 }],
    ['graceMs must be a number of milliseconds, 0 or more, not undefined', { graceMs: undefined }],
    ['graceMs must be a number of milliseconds, 0 or more, not -1', { graceMs: -1 }],
    ["emit must be 'on-close' or 'update'", { emit: 'always' }],
    ['aggregate must name at least one aggregate, such as count()', { aggregate: {} }],
    ['aggregate.start is a field that every result has: choose another name', { aggregate: { start: count() } }],
    ['aggregate.n must be an aggregate, such as count()', { aggregate: { n: 1 } }],
  ])('are refused where the plan is written: %s', (message, options) => {
    const all = { sizeMs: 100, graceMs: 0, aggregate: { n: count() }, ...options } as Options;
    expect(() => tumblingWindow('w', all)).toThrow(`tumblingWindow('w'): ${message}`);
  });

  it('want a name', () => {
    const options: Options = { sizeMs: 100, graceMs: 0, aggregate: { n: count() } };
    expect(() => tumblingWindow('', options)).toThrow('tumblingWindow: name must be a non-empty string');
  });
});
