import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyBytes } from '../../src/core/key-order.ts';
import { KeyedStateTable, type SealedState } from '../../src/state/keyed-state.ts';
import { memoryStore } from '../../src/state/memory-store.ts';

const RUNS = { numRuns: 300, seed: 20_240_102 };
const PREFIX = Buffer.from('task\u0000');

type Step =
  | { readonly kind: 'add'; readonly slot: number; readonly key: string | number; readonly by: number }
  | { readonly kind: 'take' | 'list'; readonly slot: number }
  | { readonly kind: 'remove'; readonly slot: number; readonly key: string | number }
  | { readonly kind: 'commit' }
  | { readonly kind: 'seal' }
  | { readonly kind: 'land' }
  | { readonly kind: 'restart' };

const slot = fc.constantFrom(-120, 0, 60, 1e15);
const key = fc.constantFrom<string | number>('', 'a', 'b', 'é', 'k'.repeat(3_000), `${'k'.repeat(2_999)}z`, 0, -1.5, 7);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('add' as const), slot, key, by: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('take' as const, 'list' as const), slot }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), slot, key }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'seal' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'land' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

interface Value {
  n: number;
}

/** The table over a store, committed as the checkpoint does it; and what a plain map says. */
class Model {
  readonly store = memoryStore();
  table: KeyedStateTable<Value>;
  private readonly maxEntries: number;
  private live = new Map<number, Map<string | number, number>>();
  private durable = new Map<number, Map<string | number, number>>();
  /** A checkpoint whose commit is under way: there is at most one. */
  private underWay:
    | { readonly sealed: SealedState; readonly live: Map<number, Map<string | number, number>> }
    | undefined;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
    this.table = this.open();
  }

  async run(next: Step): Promise<void> {
    if (next.kind === 'add') {
      const entry = this.table.get(next.slot, next.key) ?? this.table.add(next.slot, next.key, { n: 0 });
      entry.value.n += next.by;
      this.table.touch(entry, next.slot);
      const values = this.live.get(next.slot) ?? new Map<string | number, number>();
      this.live.set(next.slot, values);
      values.set(next.key, (values.get(next.key) ?? 0) + next.by);
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
    } else if (next.kind === 'seal') {
      await this.land();
      this.underWay = { sealed: this.table.seal(), live: copyOf(this.live) };
    } else if (next.kind === 'land') {
      await this.land();
    } else if (next.kind === 'commit') {
      await this.run({ kind: 'seal' });
      await this.land();
      expect(this.table.size).toBeLessThanOrEqual(this.maxEntries);
    } else {
      this.underWay = undefined;
      this.table = this.open();
      this.table.restore([...this.durable.keys()]);
      this.live = copyOf(this.durable);
    }
    expect(this.table.slots()).toEqual([...this.live.keys()].sort((a, b) => a - b));
  }

  /** The commit under way is durable, as the checkpoint makes it. */
  private async land(): Promise<void> {
    if (this.underWay === undefined) return;
    const { sealed, live } = this.underWay;
    await this.store.write((transaction) => {
      for (const each of sealed.deletes) transaction.delete('state', each);
      for (const [each, value] of sealed.puts) transaction.put('state', each, value);
    });
    this.table.committed();
    this.durable = live;
    this.underWay = undefined;
  }

  private open(): KeyedStateTable<Value> {
    return new KeyedStateTable<Value>({ view: this.store, prefix: PREFIX, maxEntries: this.maxEntries });
  }
}

function copyOf<K, L, V>(maps: ReadonlyMap<K, ReadonlyMap<L, V>>): Map<K, Map<L, V>> {
  return new Map([...maps].map(([outer, inner]) => [outer, new Map(inner)]));
}

describe('keyed state', () => {
  it.each([1_000, 3, 1])(
    'is a plain map, whatever is let go, committed or restarted (%i in memory)',
    async (maxEntries) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const model = new Model(maxEntries);
          for (const next of steps) await model.run(next);
          for (const left of model.table.slots()) await model.run({ kind: 'take', slot: left });
          await model.run({ kind: 'commit' });
          expect([...model.store.range('state', { from: Buffer.of(0), to: Buffer.of(255, 255) })]).toEqual([]);
        }),
        RUNS,
      );
    },
  );

  it('never writes what came and went between two checkpoints', async () => {
    const model = new Model(10);
    await model.run({ kind: 'add', slot: 0, key: 'a', by: 1 });
    await model.run({ kind: 'take', slot: 0 });
    expect(model.table.seal()).toEqual({ puts: [], deletes: [] });
  });
});
