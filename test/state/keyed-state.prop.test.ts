import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyBytes } from '../../src/core/key-order.ts';
import { type CompactionPace, PACE } from '../../src/state/delta-log.ts';
import { KeyedStateTable, type SealedState } from '../../src/state/keyed-state.ts';
import { memoryStore } from '../../src/state/memory-store.ts';

const RUNS = { numRuns: 200, seed: 20_240_102 };
const PREFIX = Buffer.from('task\u0000');

type Step =
  | { readonly kind: 'add'; readonly slot: number; readonly key: string | number; readonly by: number }
  /** Many keys at once. */
  | { readonly kind: 'fill'; readonly slot: number; readonly from: number }
  | { readonly kind: 'take' | 'list' | 'forget'; readonly slot: number }
  | { readonly kind: 'remove'; readonly slot: number; readonly key: string | number }
  | { readonly kind: 'commit' }
  | { readonly kind: 'seal' }
  | { readonly kind: 'land' }
  | { readonly kind: 'prepare' }
  | { readonly kind: 'write' }
  /** Behind the death of the process: what was prepared was decided, or was not. */
  | { readonly kind: 'restart'; readonly decided: boolean };

const slot = fc.constantFrom(-120, 0, 60, 1e15);
const key = fc.constantFrom<string | number>('', 'a', 'b', 'é', 'k'.repeat(3_000), `${'k'.repeat(2_999)}z`, 0, -1.5, 7);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('add' as const), slot, key, by: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fill' as const), slot, from: fc.integer({ min: 0, max: 900 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('take', 'list', 'forget'), slot }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), slot, key }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'seal' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'land' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'prepare' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'write' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), decided: fc.boolean() }) },
);

interface Value {
  n: number;
}

type Counts = Map<number, Map<string | number, number>>;

interface Commit {
  readonly sealed: SealedState;
  readonly live: Counts;
  /** How far it has come: its deltas are in the store, all of it is, and nobody has told the table. */
  stage: 'sealed' | 'prepared' | 'written';
}

const FILLED = 150;
/** So long that the keys of one fill take several blocks. */
const FILLER = 'f'.repeat(80);
/** So little at a checkpoint that what is moved and deleted takes several. */
const SLOW: CompactionPace = { moved: 20, collected: 1 };
const MAX_COMMITS_TO_EMPTY = 100;

/** The table over a store, committed as the checkpoint does it; and what a plain map says. */
class Model {
  readonly store = memoryStore();
  table: KeyedStateTable<Value>;
  private readonly maxEntries: number;
  private readonly pace: CompactionPace;
  private live: Counts = new Map();
  private durable: Counts = new Map();
  /** A checkpoint whose commit is under way: there is at most one. */
  private underWay: Commit | undefined;

  constructor(maxEntries: number, pace: CompactionPace) {
    this.maxEntries = maxEntries;
    this.pace = pace;
    this.table = this.open();
  }

  async run(next: Step): Promise<void> {
    if (next.kind === 'add') {
      this.add(next.slot, next.key, next.by);
    } else if (next.kind === 'fill') {
      for (let i = 0; i < FILLED; i++)
        await this.run({ kind: 'add', slot: next.slot, key: `${FILLER}${next.from + i}`, by: 1 });
    } else if (next.kind === 'remove') {
      this.table.remove(next.slot, next.key);
      this.live.get(next.slot)?.delete(next.key);
      expect(this.table.get(next.slot, next.key)).toBeUndefined();
    } else if (next.kind === 'take' || next.kind === 'list') {
      const entries = next.kind === 'take' ? this.table.take(next.slot) : this.table.entries(next.slot);
      const found = Array.from(entries, ({ key, value }) => [key, value.n] as const);
      const wanted = [...(this.live.get(next.slot) ?? [])].sort(([a], [b]) => Buffer.compare(keyBytes(a), keyBytes(b)));
      expect(found).toEqual(wanted);
      if (next.kind === 'take') this.live.delete(next.slot);
    } else if (next.kind === 'forget') {
      this.table.forget(next.slot);
      this.live.delete(next.slot);
    } else if (next.kind === 'seal') {
      await this.land();
      this.underWay = { sealed: this.table.seal(), live: copyOf(this.live), stage: 'sealed' };
    } else if (next.kind === 'land') {
      await this.land();
    } else if (next.kind === 'commit') {
      await this.run({ kind: 'seal' });
      await this.land();
      if (this.pace === PACE) expect(this.table.size).toBeLessThanOrEqual(this.maxEntries);
    } else if (next.kind === 'prepare') {
      await this.prepare();
    } else if (next.kind === 'write') {
      await this.writeAll();
    } else if (next.kind === 'restart') {
      await this.recover(next.decided);
      this.table = this.open();
      this.table.restore([...this.durable.keys()]);
      this.live = copyOf(this.durable);
    }
    expect(this.table.slots()).toEqual([...this.live.keys()].sort((a, b) => a - b));
  }

  private add(at: number, name: string | number, by: number): void {
    const entry = this.table.get(at, name) ?? this.table.add(at, name, { n: 0 });
    entry.value.n += by;
    this.table.touch(entry, at);
    const values = this.live.get(at) ?? new Map<string | number, number>();
    this.live.set(at, values);
    values.set(name, (values.get(name) ?? 0) + by);
  }

  /** Where a transaction of the log decides, deltas are written ahead of the decision. */
  private async prepare(): Promise<void> {
    if (this.underWay?.stage !== 'sealed') return;
    this.underWay.stage = 'prepared';
    await this.write(this.underWay.sealed.deltas, []);
  }

  /** The commit under way is in the store, as the checkpoint puts it there. */
  private async writeAll(): Promise<void> {
    if (this.underWay === undefined || this.underWay.stage === 'written') return;
    const { sealed, live, stage } = this.underWay;
    this.underWay.stage = 'written';
    await this.write([...(stage === 'sealed' ? sealed.deltas : []), ...sealed.moved.puts], sealed.moved.deletes);
    this.durable = live;
  }

  private async land(): Promise<void> {
    if (this.underWay === undefined) return;
    await this.writeAll();
    this.table.committed();
    this.underWay = undefined;
  }

  /** A process finds what was prepared and asks for the decision. What the one before it had moved in memory is lost. */
  private async recover(decided: boolean): Promise<void> {
    const { underWay } = this;
    this.underWay = undefined;
    if (underWay?.stage !== 'prepared') return;
    if (decided) this.durable = underWay.live;
    else
      await this.write(
        [],
        underWay.sealed.deltas.map(([each]) => each),
      );
  }

  private async write(puts: SealedState['deltas'], deletes: readonly Uint8Array[]): Promise<void> {
    await this.store.write((transaction) => {
      for (const [each, value] of puts) transaction.put('state', each, value);
      for (const each of deletes) transaction.delete('state', each);
    });
  }

  private open(): KeyedStateTable<Value> {
    return new KeyedStateTable<Value>({
      view: this.store,
      prefix: PREFIX,
      maxEntries: this.maxEntries,
      pace: this.pace,
    });
  }
}

function copyOf<K, L, V>(maps: ReadonlyMap<K, ReadonlyMap<L, V>>): Map<K, Map<L, V>> {
  return new Map([...maps].map(([outer, inner]) => [outer, new Map(inner)]));
}

describe('keyed state', () => {
  it.each([
    [1_000, 'at once', PACE],
    [3, 'at once', PACE],
    [1, 'at once', PACE],
    [300, 'little by little', SLOW],
    [3, 'little by little', SLOW],
  ])(
    'is a plain map, whatever is let go, moved, committed or restarted (%i in memory, moved %s)',
    async (maxEntries, _, pace) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
          const model = new Model(maxEntries, pace);
          for (const next of steps) await model.run(next);
          for (const left of model.table.slots()) await model.run({ kind: 'take', slot: left });
          const stored = () => [...model.store.range('state', { from: Buffer.of(0), to: Buffer.of(255, 255) })];
          await model.run({ kind: 'commit' });
          for (let i = 0; pace === SLOW && stored().length > 0 && i < MAX_COMMITS_TO_EMPTY; i++) {
            await model.run({ kind: 'commit' });
          }
          expect(stored()).toEqual([]);
        }),
        RUNS,
      );
    },
    60_000,
  );

  it.each([1, 2, 3, 4])(
    'gives a slot that comes back nothing of what it held before, after %i checkpoints',
    async (n) => {
      const model = new Model(3, SLOW);
      await model.run({ kind: 'fill', slot: 0, from: 0 });
      for (let i = 0; i < MAX_COMMITS_TO_EMPTY; i++) await model.run({ kind: 'commit' });
      await model.run({ kind: 'forget', slot: 0 });
      for (const each of ['a', 'b', 'c']) await model.run({ kind: 'add', slot: 0, key: each, by: 1 });
      for (let i = 0; i < n; i++) await model.run({ kind: 'commit' });
      await model.run({ kind: 'restart', decided: false });
      expect(Array.from(model.table.entries(0), ({ key: each }) => each)).toEqual(['a', 'b', 'c']);
    },
  );

  it('tells a start that a slot was forgotten before it came back', async () => {
    for (const isKnownToStart of [false, true]) {
      const model = new Model(1_000, PACE);
      await model.run({ kind: 'add', slot: 60, key: 'other', by: 1 });
      await model.run({ kind: 'add', slot: 0, key: 'a', by: 1 });
      await model.run({ kind: 'commit' });
      await model.run({ kind: 'forget', slot: 0 });
      if (isKnownToStart) await model.run({ kind: 'commit' });
      if (isKnownToStart) await model.run({ kind: 'restart', decided: true });
      await model.run({ kind: 'add', slot: 0, key: 'b', by: 1 });
      await model.run({ kind: 'commit' });
      await model.run({ kind: 'restart', decided: true });
      expect(Array.from(model.table.entries(0), ({ key: each }) => each)).toEqual(['b']);
    }
  });

  it('never writes what came and went between two checkpoints', async () => {
    const model = new Model(10, PACE);
    await model.run({ kind: 'add', slot: 0, key: 'a', by: 1 });
    await model.run({ kind: 'take', slot: 0 });
    expect(model.table.seal()).toEqual({ deltas: [], moved: { puts: [], deletes: [] } });
  });
});
