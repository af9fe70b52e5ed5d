import { kafka, pipeline } from 'millrace';
import {
  decodeJson,
  keyBy,
  map,
  type ProcessKeyedOptions,
  processKeyed,
  sinkKafka,
  toDLQ,
  watermark,
} from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts';
import { planOf } from '../../src/core/plan.ts';
import { taskIdOf } from '../../src/runtime/task-id.ts';
import { KeyedStateTable } from '../../src/state/keyed-state.ts';
import { compareTimers, type Timer, TimerQueue } from '../../operators/core/timer-queue.ts';

const T0 = 1_704_067_200_000;
const HOUR = 3_600_000;

interface Event {
  readonly key: string;
  /** After T0. */
  readonly at: number;
  readonly timers?: Readonly<Record<string, number>>;
}

type Options = Partial<ProcessKeyedOptions<string, Event, { seen: number }, unknown>>;

const events = kafka('in', { partitions: 1 }).pipe(
  decodeJson(),
  map((value) => value as Event),
  watermark({ eventTime: ({ at }) => T0 + at, outOfOrdernessMs: 0, maxFutureMs: 1e15, maxDriftMs: 1e15 }),
  toDLQ('dlq'),
);

/** Sets the timers that an event names and tells what fires, unless told otherwise. */
function pipelineOf(options: Options = {}) {
  const keyed = events.pipe(
    keyBy(({ key }) => key),
    processKeyed<string, Event, { seen: number }, unknown, unknown>('timers', {
      init: () => ({ seen: 0 }),
      onRecord({ timers = {} }, context) {
        for (const [name, at] of Object.entries(timers)) context.setTimer(name, T0 + at);
      },
      onTimer: ({ name, time }, { key }) => [`${key} ${name} ${time - T0}`],
      ...options,
    }),
  );
  return pipeline('timers', keyed.pipe(sinkKafka('out', { partitions: 1 })));
}

async function started(options?: Options): Promise<TestDriver> {
  const driver = new TestDriver(pipelineOf(options));
  await driver.createTopic('in', 1);
  await driver.start();
  return driver;
}

async function put(driver: TestDriver, ...all: readonly Event[]): Promise<void> {
  await driver.append(
    'in',
    all.map((value) => ({ value })),
  );
  await driver.settle();
}

/** Entries of the operator's state, as a start finds them. */
function storedEntries({ store }: TestDriver): number {
  const checkpoints = new CheckpointStore(store, taskIdOf('timers', 'embedded', 'timers'));
  const { slots } = checkpoints.load()!.snapshots['processKeyed(timers)'] as { slots: number[] };
  const table = new KeyedStateTable({ view: store, prefix: checkpoints.statePrefix('timers'), maxEntries: 1_000 });
  table.restore(slots);
  return slots.flatMap((slot) => [...table.entries(slot)]).length;
}

describe('processKeyed', () => {
  it('fires the timers of all keys in the order of time, key and name', async () => {
    const driver = await started();
    const timers = { z: 5, a: 5, first: 3 };
    await put(driver, { key: 'é', at: 0, timers }, { key: 'a', at: 0, timers }, { key: 'b', at: 0, timers: { a: 4 } });
    expect(await driver.readJson('out')).toEqual([]);
    await put(driver, { key: 'other', at: 5 });
    expect(await driver.readJson('out')).toEqual([
      'a first 3',
      'é first 3',
      'b a 4',
      'a a 5',
      'a z 5',
      'é a 5',
      'é z 5',
    ]);
    await driver.stop();
  });

  it('fires a timer when the watermark equals its time, and not one millisecond before', async () => {
    const driver = await started();
    await put(driver, { key: 'k', at: 0, timers: { t: 100 } }, { key: 'x', at: 99 });
    expect(await driver.readJson('out')).toEqual([]);
    await put(driver, { key: 'x', at: 100 });
    expect(await driver.readJson('out')).toEqual(['k t 100']);
    await driver.stop();
  });

  it('fires a timer that is set too late at once, in the order of what is due', async () => {
    const driver = await started();
    await put(driver, { key: 'x', at: 100 });
    await put(driver, { key: 'k', at: 50, timers: { now: 100, later: 101, before: 40 } });
    expect(await driver.readJson('out')).toEqual(['k before 40', 'k now 100']);
    await driver.stop();
  });

  it('moves a timer that is set again, deletes one, and says when one fires', async () => {
    const driver = await started({
      onRecord({ at, timers = {} }, context) {
        for (const [name, after] of Object.entries(timers)) context.setTimer(name, T0 + after);
        if (at === 2) context.deleteTimer('gone');
        context.deleteTimer('never set');
        return [[context.timer('moved') ?? null, context.timer('gone') ?? null]];
      },
    });
    const set = { key: 'k', at: 1, timers: { moved: 5, gone: 5 } };
    await put(driver, set, { key: 'k', at: 2, timers: { moved: 9 * HOUR } }, { key: 'x', at: 10 });
    expect(await driver.readJson('out')).toEqual([
      [T0 + 5, T0 + 5],
      [T0 + 9 * HOUR, null],
      [null, null],
    ]);
    await put(driver, { key: 'x', at: 9 * HOUR });
    expect((await driver.readJson('out')).at(-1)).toBe(`k moved ${9 * HOUR}`);
    await driver.stop();
  });

  it('keeps state and timers far ahead over a restart, and forgets what was cleared', async () => {
    const options: Options = {
      onRecord(_, context) {
        context.state.seen++;
        context.setTimer('idle', context.time + 100 * HOUR);
      },
      onTimer(_, context) {
        const { seen } = context.state;
        context.clear();
        return [[context.key, seen]];
      },
    };
    let driver = await started(options);
    for (let run = 0; run < 3; run++) {
      await put(driver, { key: 'k', at: run * HOUR }, { key: 'l', at: run * HOUR });
      await driver.stop();
      await driver.start();
    }
    await put(driver, { key: 'x', at: 102 * HOUR });
    expect(await driver.readJson('out')).toEqual([
      ['k', 3],
      ['l', 3],
    ]);
    await put(driver, { key: 'k', at: 102 * HOUR }, { key: 'x', at: 500 * HOUR });
    expect((await driver.readJson('out')).slice(2)).toEqual([['k', 1]]);
    await driver.stop();
    // All that is left is what the last record has set.
    expect(storedEntries(driver)).toBe(2);
    driver = new TestDriver(pipelineOf(options), { store: driver.store, startAt: driver.clock.now() });
    await driver.start('drain');
    await driver.finish();
    expect((await driver.readJson('out')).at(-1)).toEqual(['x', 2]);
    expect([...driver.store.range('state', { from: Buffer.of(0), to: Buffer.of(255) })]).toEqual([]);
  });

  it('ends a drain though timers set each other for ever', async () => {
    const driver = new TestDriver(
      pipelineOf({
        onTimer({ name, time }, context) {
          context.setTimer(name === 'tick' ? 'tock' : 'tick', time + 1);
          return [`${name} ${time - T0}`];
        },
      }),
    );
    await driver.createTopic('in', 1);
    await driver.append('in', [{ value: { key: 'k', at: 0, timers: { tick: 2 } } }, { value: { key: 'x', at: 3 } }]);
    await driver.start('drain');
    await driver.finish();
    expect(await driver.readJson('out')).toEqual(['tick 2', 'tock 3', 'tick 4', 'tock 5']);
  });

  it('gives results the time and the record they come from, or the time of their timer', async () => {
    const keyed = events.pipe(
      keyBy(({ key }) => key),
      processKeyed('s', {
        init: () => 0,
        onRecord({ at }, context) {
          context.state += at;
          context.setTimer('t', context.time + 10);
          return [{ offset: context.record?.offset, watermark: context.watermark - T0 }];
        },
        onTimer: (_, { record, watermark: time }) => [{ record, watermark: time - T0 }],
      }),
      map((value, { time, record }) => ({ ...value, time: time - T0, below: record?.offset ?? null })),
    );
    const driver = new TestDriver(pipeline('times', keyed.pipe(sinkKafka('out', { partitions: 1 }))));
    await driver.createTopic('in', 1);
    await driver.start();
    await put(driver, { key: 'k', at: 0 }, { key: 'k', at: 20 });
    expect(await driver.readJson('out')).toEqual([
      { offset: 0, watermark: null, time: 0, below: 0 },
      { offset: 1, watermark: 0, time: 20, below: 1 },
    ]);
    await put(driver, { key: 'x', at: 30 });
    expect((await driver.readJson('out')).slice(2)).toEqual([
      { offset: 2, watermark: 20, time: 30, below: 2 },
      { watermark: 30, time: 30, below: null },
    ]);
    await driver.stop();
  });

  it.each<[string, Options, RegExp]>([
    [
      'a callback that throws',
      {
        onRecord: () => {
          throw new Error('no');
        },
      },
      /a callback threw: no/,
    ],
    [
      'a timer callback that throws',
      {
        onTimer: () => {
          throw new Error('no');
        },
      },
      /onTimer threw on timer 't': no/,
    ],
    ['a timer without a callback', { onTimer: undefined as never }, /needs an onTimer/],
    ['a time that is none', { onRecord: (_, context) => context.setTimer('t', Number.NaN) }, /what is no time: NaN/],
    ['a nameless timer', { onRecord: (_, context) => context.setTimer('', T0) }, /non-empty string/],
    [
      'a timer that does not go on',
      { onTimer: ({ time }, context) => context.setTimer('u', time) },
      /not after its own/,
    ],
    ['the state as a result', { onRecord: (_, context) => [context.state] }, /give a copy/],
  ])('stops at %s', async (_, options, words) => {
    const driver = new TestDriver(pipelineOf(options));
    await driver.createTopic('in', 1);
    await driver.append('in', [{ value: { key: 'k', at: 0, timers: { t: 1 } } }, { value: { key: 'k', at: 1 } }]);
    await driver.start('drain').catch(() => {});
    await expect(driver.finish()).rejects.toThrowError(
      expect.objectContaining({ code: 'CALLBACK_FAILED', message: expect.stringMatching(words) }),
    );
  });

  it('stops the run where a callback keeps what no checkpoint can hold, and says of which key', async () => {
    const driver = await started({
      init: () => ({ seen: 0, days: new Set([1]) }),
      onRecord: (_, { state }) => void state.seen++,
    });
    await driver.append('in', [{ value: { key: 'k1', at: 1 } }]);
    const { id } = planOf(pipelineOf().build({}), 1).nodes.find(({ node }) => node.name === 'timers')!;
    await expect(driver.settle()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { operator: id },
      message: expect.stringMatching(/^what was put under key 'k1' cannot be kept: .*found a Set under '.*days'$/),
    });
  });

  it('is refused without event time, and under a checkpoint of another version', async () => {
    const untimed = kafka('in').pipe(
      keyBy(({ offset }) => offset),
      processKeyed('p', { init: () => 0, onRecord: () => [1] }),
      sinkKafka('out'),
    );
    expect(() => planOf([untimed])).toThrowError(expect.objectContaining({ code: 'PLAN_INVALID' }));
    const driver = await started();
    await put(driver, { key: 'k', at: 0, timers: { t: 1 } });
    await driver.stop();
    const changed = new TestDriver(pipelineOf({ version: 2 }), { store: driver.store });
    await expect(changed.start()).rejects.toThrowError(expect.objectContaining({ code: 'PLAN_CHANGED' }));
  });
});

describe('a queue of timers', () => {
  it('gives them in order, and does not grow with timers that are moved', () => {
    const live = new Map<string, number>();
    const queue = new TimerQueue(({ name, time }) => live.get(name) === time);
    for (let i = 0; i < 20_000; i++) {
      const name = `t${i % 700}`;
      const time = (i * 7_919) % 10_007;
      live.set(name, time);
      queue.push({ time, key: i % 3, name });
      expect(queue.length).toBeLessThanOrEqual(2 * 1_024);
    }
    const popped: Timer[] = [];
    for (let timer = queue.popDue(1e9); timer !== undefined; timer = queue.popDue(1e9)) popped.push(timer);
    expect(popped).toEqual(popped.toSorted(compareTimers));
    const isSet = new Set(popped.filter(({ name, time }) => live.get(name) === time).map(({ name }) => name));
    expect(isSet.size).toBe(700);
  });
});
