import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import type { RangeOptions, ReadView, StateStore, Table } from '../../src/state/state-store.ts';
import { CrashStore } from '../../src/testing/crash-store.ts';

const SEED = 20_260_102;

/** Keys in hexadecimal, which order as their bytes do. */
type Model = Map<string, Uint8Array>;
interface Real {
  store: StateStore;
  /** Closes (or crashes) the store and opens what is left of it. */
  reopen(store: StateStore): Promise<StateStore>;
}
type Command = fc.AsyncCommand<Model, Real>;
type Mutation = { readonly key: Uint8Array; readonly value: Uint8Array | undefined };

const tableOf: fc.Arbitrary<Table> = fc.constantFrom('log', 'state');
const keyOf = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 }),
  fc.constantFrom(Uint8Array.of(255), Uint8Array.of(255, 255), new Uint8Array(1_900).fill(7)),
);
const valueOf = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.nat(255).map((byte) => new Uint8Array(70_000).fill(byte)) },
);
const rangeOf: fc.Arbitrary<RangeOptions> = fc.record(
  { from: fc.oneof(keyOf, fc.constant(new Uint8Array())), to: keyOf, limit: fc.nat(5), reverse: fc.boolean() },
  { requiredKeys: ['from', 'to'] },
);
const mutationOf: fc.Arbitrary<Mutation> = fc.record({ key: keyOf, value: fc.option(valueOf, { nil: undefined }) });

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function expectedRange(model: Model, table: Table, { from, to, limit, reverse }: RangeOptions): string[] {
  const keys = [...model.keys()].filter((id) => id.startsWith(`${table}/`)).map((id) => id.slice(table.length + 1));
  const inside = keys.filter((key) => key >= hex(from) && key < hex(to)).sort();
  return (reverse ? inside.toReversed() : inside)
    .slice(0, limit)
    .map((key) => `${key}=${hex(model.get(`${table}/${key}`)!)}`);
}

function actualRange(view: ReadView, table: Table, options: RangeOptions): string[] {
  return [...view.range(table, options)].map(([key, value]) => `${hex(key)}=${hex(value)}`);
}

class Write implements Command {
  readonly table: Table;
  readonly mutations: readonly Mutation[];
  readonly range: RangeOptions;
  readonly fails: boolean;

  constructor(table: Table, mutations: readonly Mutation[], range: RangeOptions, fails: boolean) {
    this.table = table;
    this.mutations = mutations;
    this.range = range;
    this.fails = fails;
  }

  check = () => true;

  async run(model: Model, real: Real): Promise<void> {
    const next = new Map(model);
    const written = real.store.write((transaction) => {
      for (const { key, value } of this.mutations) {
        const id = `${this.table}/${hex(key)}`;
        if (value === undefined) {
          transaction.delete(this.table, key);
          next.delete(id);
        } else {
          transaction.put(this.table, key, value);
          next.set(id, value);
        }
        const seen = transaction.get(this.table, key);
        assert.equal(seen && hex(seen), value && hex(value));
      }
      assert.deepEqual(actualRange(transaction, this.table, this.range), expectedRange(next, this.table, this.range));
      if (this.fails) throw new Error('taken back');
      return next.size;
    });
    if (this.fails) {
      await assert.rejects(written, /taken back/);
      return;
    }
    assert.equal(await written, next.size);
    model.clear();
    for (const [id, value] of next) model.set(id, value);
  }

  toString = () =>
    `write(${this.table}, [${this.mutations.map((m) => `${hex(m.key)}=${m.value?.length ?? 'x'}`).join()}], fails=${String(this.fails)})`;
}

class Read implements Command {
  readonly table: Table;
  readonly key: Uint8Array;
  readonly range: RangeOptions;

  constructor(table: Table, key: Uint8Array, range: RangeOptions) {
    this.table = table;
    this.key = key;
    this.range = range;
  }

  check = () => true;

  async run(model: Model, real: Real): Promise<void> {
    const value = real.store.get(this.table, this.key);
    const expected = model.get(`${this.table}/${hex(this.key)}`);
    assert.equal(value && hex(value), expected && hex(expected));
    const range = expectedRange(model, this.table, this.range);
    assert.deepEqual(actualRange(real.store, this.table, this.range), range);
    assert.deepEqual(
      Array.from(real.store.keys(this.table, this.range), hex),
      range.map((entry) => entry.slice(0, entry.indexOf('='))),
    );
  }

  toString = () => `read(${this.table}, ${hex(this.key)}, ${JSON.stringify(this.range)})`;
}

class Reopen implements Command {
  check = () => true;

  async run(_model: Model, real: Real): Promise<void> {
    real.store = await real.reopen(real.store);
  }

  toString = () => 'reopen()';
}

const commands = fc.commands(
  [
    fc
      .tuple(tableOf, fc.array(mutationOf, { maxLength: 8 }), rangeOf, fc.nat(5))
      .map(([table, mutations, range, n]) => {
        return new Write(table, mutations, range, n === 0);
      }),
    fc.tuple(tableOf, keyOf, rangeOf).map(([table, key, range]) => new Read(table, key, range)),
    fc.constant(new Reopen()),
  ],
  { maxCommands: 30 },
);

function modelSuite(name: string, numRuns: number, open: () => Promise<Real & { done?(): void }>): void {
  describe(`${name} as a state store`, () => {
    it('does what a sorted map does, through failed bodies and restarts', async () => {
      const checked = fc.assert(
        fc.asyncProperty(commands, async (chosen) => {
          const real = await open();
          try {
            await fc.asyncModelRun(() => ({ model: new Map<string, Uint8Array>(), real }), chosen);
          } finally {
            await real.store.close();
            real.done?.();
          }
        }),
        { seed: SEED, numRuns },
      );
      await expect(checked).resolves.toBeUndefined();
    }, 60_000);
  });
}

modelSuite('memory', 200, async () => ({ store: memoryStore(), reopen: async (store) => store }));

modelSuite('the crash model', 200, async () => ({
  store: new CrashStore(),
  reopen: async (store) => (store as CrashStore).reopen(),
}));

modelSuite('LMDB', 25, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  return {
    store: openLmdbStore(dir),
    async reopen(store) {
      await store.close();
      return openLmdbStore(dir);
    },
    done: () => rmSync(dir, { recursive: true }),
  };
});
