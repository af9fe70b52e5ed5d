import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../src/state/block.ts';
import { BlockBase } from '../../src/state/block-base.ts';
import { type CompactionPace, PACE } from '../../src/state/delta-log.ts';
import { KeyedStateTable } from '../../src/state/keyed-state.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import { StateLayout } from '../../src/state/state-layout.ts';
import type { ReadView } from '../../src/state/state-store.ts';

const PREFIX = Buffer.from('task\u0000');
/** Of which a block takes four. */
const LARGE = 'v'.repeat(1_000);

interface Table {
  readonly state: KeyedStateTable<string>;
  commit(): Promise<void>;
}

function tableOver(store = memoryStore(), pace: CompactionPace = PACE, view: ReadView = store): Table {
  const state = new KeyedStateTable<string>({ view, prefix: PREFIX, maxEntries: 4, pace, operator: 'visits' });
  const commit = async (): Promise<void> => {
    const { deltas, moved } = state.seal();
    await store.write((transaction) => {
      for (const key of moved.deletes) transaction.delete('state', key);
      for (const [key, value] of [...deltas, ...moved.puts]) transaction.put('state', key, value);
    });
    state.committed();
  };
  return { state, commit };
}

function fill(state: KeyedStateTable<string>, slot: number, from: number, to: number): void {
  for (let key = from; key < to; key++) state.touch(state.add(slot, key, LARGE), slot);
}

describe('the base of keyed state', () => {
  it('refuses a block that is listed and missing, with its operator and what to do', async () => {
    const store = memoryStore();
    const { state, commit } = tableOver(store);
    fill(state, 0, 0, 30);
    for (let i = 0; i < 3; i++) await commit();
    const blocks = [...store.keys('state', new StateLayout(PREFIX).slotRange(0))];
    expect(blocks.length).toBeGreaterThan(5);
    await store.write((transaction) => transaction.delete('state', blocks[3]));
    const lost = expect.objectContaining({
      code: 'STORE_FAILED',
      place: { operator: 'visits' },
      hint: expect.stringContaining('millrace reset') as string,
    }) as unknown;
    expect(() => [...state.entries(0)]).toThrowError(lost);
    const readEach = (): void => {
      for (let key = 0; key < 30; key++) state.get(0, key);
    };
    expect(readEach).toThrowError(lost);
  });

  it('does not ask the store for blocks of a slot that never had any', async () => {
    const store = memoryStore();
    const asked: string[] = [];
    const view: ReadView = {
      get: (table, key) => store.get(table, key),
      range: (table, options) => store.range(table, options),
      keys(table, options) {
        asked.push(Buffer.from(options.from).toString('hex'));
        return store.keys(table, options);
      },
    };
    const { state, commit } = tableOver(store, PACE, view);
    for (const slot of [0, 60]) fill(state, slot, 0, 10);
    state.forget(60);
    for (let i = 0; i < 3; i++) await commit();
    expect([...store.keys('state', new StateLayout(PREFIX).slotRange(0))]).not.toEqual([]);
    expect(asked).toEqual([]);
  });

  it('finds a slot that lies in the store when a start asks for it', async () => {
    const store = memoryStore();
    const before = tableOver(store);
    fill(before.state, 0, 0, 10);
    for (let i = 0; i < 3; i++) await before.commit();
    const after = tableOver(store);
    after.state.restore([0]);
    fill(after.state, 0, 10, 20);
    for (let i = 0; i < 3; i++) await after.commit();
    const last = tableOver(store);
    last.state.restore([0]);
    expect(Array.from(last.state.entries(0), ({ key }) => key)).toEqual(Array.from({ length: 20 }, (_, key) => key));
  });

  it.each([
    ['a quarter', 1, [18, 13, 9, 6]],
    ['half, while deltas are over their bound,', 3, [12, 6, 3, 1]],
  ])('deletes %s of the blocks left over at each checkpoint', async (_, added, left) => {
    const store = memoryStore();
    const { state, commit } = tableOver(store, { moved: 4_096, collected: 1 });
    fill(state, 0, 0, 96);
    for (let i = 0; i < 3; i++) await commit();
    const blocks = (): number => [...store.keys('state', new StateLayout(PREFIX).slotRange(0))].length;
    expect(blocks()).toBe(24);
    state.forget(0);
    fill(state, 60, 0, added);
    const seen: number[] = [];
    for (let i = 0; i < left.length; i++) {
      await commit();
      seen.push(blocks());
    }
    expect(seen).toEqual(left);
  });

  it('lists the first keys of a slot as they were written', async () => {
    const store = memoryStore();
    const layout = new StateLayout(PREFIX);
    const base = new BlockBase(store, layout, undefined);
    base.open(5);
    const key = Buffer.from([2, 0xff, 0, 0x80]);
    base.merge(5, [{ key, value: Buffer.of(1) }], 0);
    const [[written]] = base.writes.puts;
    expect(Buffer.from(layout.firstKeyIn(written), 'latin1')).toEqual(key);
    expect(layout.slotIn(written)).toBe(5);
  });
});

describe('blocks', () => {
  const PAGE = 4_096 - 16;
  /** Of an entry, beside its key and its value; and of a block. */
  const [HEAD, COUNT] = [6, 4];
  const entry = (i: number, size: number) => ({ key: Buffer.of(i), value: Buffer.alloc(size - HEAD - 1) });

  it('take one page each where their entries do', () => {
    const room = PAGE - COUNT;
    const sizes = [room - 500, 501, room - 1];
    const lengths = blocksOf(sizes.map((size, i) => entry(i, size))).map(({ bytes }) => bytes.length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(PAGE);
    expect(blocksOf([entry(0, room - 500), entry(1, 500)]).map(({ bytes }) => bytes.length)).toEqual([PAGE]);
  });
});
