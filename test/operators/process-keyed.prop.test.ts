import * as fc from 'fast-check';
import { kafka, pipeline } from 'millrace';
import {
  count,
  decodeJson,
  keyBy,
  type KeyedContext,
  lateTo,
  map,
  processKeyed,
  sinkKafka,
  toDLQ,
  tumblingWindow,
  watermark,
} from 'millrace/operators';
import { chunkingOf, interleavingOf, type NaiveRecord, recordsOf, type TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { findImbalance } from '../../src/core/ledger.ts';
import { planOf } from '../../src/core/plan.ts';
import { tumblingStart } from '../../src/time/windows.ts';
import { cutsOf, drained, drainedThrough, stepsOf } from './driven.ts';

const OUT_OF_ORDER = 50;
const WINDOW = 40;
const RUNS = { numRuns: 80, seed: 20_240_105 };

type Op =
  | { readonly op: 'set'; readonly name: string; readonly after: number }
  | { readonly op: 'delete'; readonly name: string }
  | { readonly op: 'add' | 'clear' | 'tell' };

interface Command extends NaiveRecord {
  readonly ops: readonly Op[];
}

interface Told {
  readonly key: string;
  readonly what: string;
  readonly n: number;
  readonly time: number;
}

interface Count {
  n: number;
}

/** What is done for a record and for a timer; the same for the operator and for the model, which differ in all else. */
function obey(command: Command, context: KeyedContext<string, Count>): Told[] {
  const told: Told[] = [];
  for (const each of command.ops) {
    if (each.op === 'set') context.setTimer(each.name, context.time + each.after);
    else if (each.op === 'delete') context.deleteTimer(each.name);
    else if (each.op === 'clear') context.clear();
    else if (each.op === 'add') context.state.n++;
    else told.push({ key: context.key, what: `record ${command.value}`, n: context.state.n, time: context.time });
  }
  return told;
}

function ring(name: string, context: KeyedContext<string, Count>): Told[] {
  if (name === 'a') context.setTimer('then', context.time + 70);
  if (name === 'b') context.clear();
  if (name === 'c') context.state.n += 10;
  if (name === 'then') context.setTimer('last', context.time + 1);
  return [{ key: context.key, what: name, n: context.timer('a') ?? -1, time: context.time }];
}

const commands = pipeline('commands', { group: 'commands' }, ...sinks());

function sinks() {
  const told = kafka('in', { partitions: 3 }).pipe(
    decodeJson(),
    map((value) => value as Command),
    watermark({
      eventTime: ({ time }) => time,
      outOfOrdernessMs: OUT_OF_ORDER,
      idleAfterMs: 1e12,
      maxFutureMs: 1e15,
      maxDriftMs: 1e12,
    }),
    toDLQ('dlq'),
    keyBy(({ key }) => key),
    processKeyed('commands', {
      init: (): Count => ({ n: 0 }),
      onRecord: obey,
      onTimer: ({ name }, context) => ring(name, context),
    }),
  );
  const windows = told.pipe(
    keyBy(({ key }) => key),
    tumblingWindow('told', { sizeMs: WINDOW, graceMs: 0, aggregate: { n: count() } }),
    lateTo('late'),
  );
  return [
    told.pipe(sinkKafka('out', { partitions: 1 })),
    windows.pipe(
      map(({ key, start, n }) => ({ key, start, n })),
      sinkKafka('windows', { partitions: 1 }),
    ),
  ] as const;
}

/** The model: plain maps, one record after the other, each partition by itself. */
class Naive implements KeyedContext<string, Count> {
  readonly told: (Told & { readonly mark: number })[] = [];
  private readonly states = new Map<string, Count>();
  private readonly timers = new Map<string, Map<string, number>>();
  record = undefined;
  key = '';
  time = 0;
  watermark = 0;

  constructor(records: readonly Command[]) {
    const watermarks = new Map<number, number>();
    for (const command of records) {
      const before = watermarks.get(command.partition) ?? Number.NEGATIVE_INFINITY;
      this.fire(command.key, before, Number.NEGATIVE_INFINITY);
      this.key = command.key;
      this.time = command.time;
      this.tell(obey(command, this), before);
      // Timers set too late are so for what comes below, too.
      this.fire(command.key, before, before);
      watermarks.set(command.partition, Math.max(before, command.time - OUT_OF_ORDER));
    }
    for (const key of this.timers.keys()) this.fire(key, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  }

  private fire(key: string, watermark: number, mark: number): void {
    for (;;) {
      const due = [...(this.timers.get(key) ?? [])].filter(([, time]) => time <= watermark);
      const [first] = due.sort(([a, s], [b, t]) => s - t || (a < b ? -1 : 1));
      if (first === undefined) return;
      this.timers.get(key)!.delete(first[0]);
      this.key = key;
      this.time = first[1];
      this.tell(ring(first[0], this), mark);
    }
  }

  private tell(all: readonly Told[], mark: number): void {
    for (const each of all) this.told.push({ ...each, mark });
  }

  get state(): Count {
    const state = this.states.get(this.key) ?? { n: 0 };
    this.states.set(this.key, state);
    return state;
  }
  clear = (): void => {
    this.states.delete(this.key);
  };
  timer(name: string): number | undefined {
    return this.timers.get(this.key)?.get(name);
  }
  setTimer(name: string, time: number): void {
    this.timers.set(this.key, (this.timers.get(this.key) ?? new Map<string, number>()).set(name, time));
  }
  deleteTimer(name: string): void {
    this.timers.get(this.key)?.delete(name);
  }
}

function byKey(told: readonly Told[]): Record<string, Told[]> {
  const groups: Record<string, Told[]> = {};
  for (const { key, what, n, time } of told) (groups[key] ??= []).push({ key, what, n, time });
  return groups;
}

/** By window and key: how many of the model's results are in time for it. */
function windowsOf({ told }: Naive): Record<string, number> {
  const windows: Record<string, number> = {};
  for (const { key, time, mark } of told) {
    const start = tumblingStart(time, WINDOW);
    if (mark >= start + WINDOW) continue;
    windows[`${key} ${start}`] = (windows[`${key} ${start}`] ?? 0) + 1;
  }
  return windows;
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('set' as const), name, after: fc.integer({ min: -200, max: 300 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), name }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('add' as const, 'clear' as const, 'tell' as const) }) },
);

/** A key is in one partition, as records with keys are; times reach over several hours, in which timers are found again. */
const arrivals = fc
  .tuple(recordsOf({ partitions: 3, times: { min: -800, max: 1_000 }, maxLength: 50 }), fc.constantFrom(1, 9_000))
  .chain(([records, scale]) =>
    fc.array(fc.array(op, { maxLength: 3 }), { minLength: records.length, maxLength: records.length }).map((ops) =>
      records.map(
        (record, i): Command => ({
          ...record,
          key: `${record.key}${record.partition}`,
          time: record.time * scale,
          value: i,
          ops: ops[i].map((each) => (each.op === 'set' ? { ...each, after: each.after * scale } : each)),
        }),
      ),
    ),
  )
  .chain((records) =>
    fc.record({
      records: fc.constant(records),
      arrival: interleavingOf(records) as fc.Arbitrary<Command[]>,
      sizes: chunkingOf(records.length),
      maxChunkRecords: fc.constantFrom(1, 3, 1_000),
      maxStateEntries: fc.constantFrom(1, 1_000),
    }),
  );

interface Outcome {
  readonly told: Record<string, Told[]>;
  readonly windows: Record<string, number>;
}

async function outcomeOf(driver: TestDriver): Promise<Outcome> {
  const windows = (await driver.readJson('windows')) as { key: string; start: number; n: number }[];
  return {
    told: byKey((await driver.readJson('out')) as Told[]),
    windows: Object.fromEntries(windows.map(({ key, start, n }) => [`${key} ${start}`, n])),
  };
}

function naiveOutcome(records: readonly Command[]): Outcome {
  const naive = new Naive(records);
  return { told: byKey(naive.told), windows: windowsOf(naive) };
}

describe('processKeyed', () => {
  it('gives each key what plain maps do, however records are cut and partitions interleave', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, async ({ records, arrival, sizes, ...options }) => {
        const steps = stepsOf(arrival, sizes);
        const { driver, status } = await drained({ pipeline: commands, partitions: 3, steps, options });
        expect(await outcomeOf(driver)).toEqual(naiveOutcome(records));
        const cut = new Map(status.nodes.map(({ id, counts }) => [id, counts]));
        expect(findImbalance(cut, planOf(commands.build({})).edges)).toBeUndefined();
      }),
      RUNS,
    );
  }, 120_000);

  it('is not changed by restarts, after a stop or a crash, at any point', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, cutsOf(2_500), async ({ records, arrival, sizes, ...options }, cuts) => {
        const steps = stepsOf(arrival, sizes);
        const driver = await drainedThrough(cuts, { pipeline: commands, partitions: 3, steps, options });
        expect(await outcomeOf(driver)).toEqual(naiveOutcome(records));
      }),
      RUNS,
    );
  }, 120_000);
});
