import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts';
import { type CompactionPace, PACE } from '../../src/state/delta-log.ts';
import { KeyedStateTable } from '../../src/state/keyed-state.ts';
import { memoryStore } from '../../src/state/memory-store.ts';

const RUNS = { numRuns: 300, seed: 20_240_103 };
const BEGIN = { offsets: {}, fingerprint: { version: 1, sources: [], stateful: {}, shape: '' } };
/** The second name begins with the first: neither may see what is the other's. */
const NAMES = ['sums', 'sums2'] as const;
type Name = (typeof NAMES)[number];
const FILLED = 60;
/** So long that the keys of one fill take several blocks. */
const FILLER = 'f'.repeat(150);
const SLOW: CompactionPace = { moved: 20, collected: 1 };

type Change = 'add' | 'fill' | 'remove' | 'forget';
type Step =
  | { readonly kind: 'change'; readonly how: Change; readonly table: Name; readonly slot: number; readonly key: string }
  | { readonly kind: 'checkpoint'; readonly how: 'prepare' | 'finish' | 'commit' }
  /** Within the process, or by the next one. */
  | { readonly kind: 'drop'; readonly byAnother: boolean }
  /** The process dies; the next one learns whether what was prepared was decided. */
  | { readonly kind: 'reopen'; readonly decided: boolean };

const table = fc.constantFrom(...NAMES);
const slot = fc.constantFrom(0, 60);
const key = fc.constantFrom('a', 'b', 'c', 'é');
const how = fc.constantFrom<Change>('add', 'add', 'add', 'fill', 'remove', 'remove', 'forget');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: fc.record({ kind: fc.constant('change' as const), how, table, slot, key }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('checkpoint' as const),
      how: fc.constantFrom('prepare', 'finish', 'commit'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), byAnother: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), decided: fc.boolean() }) },
);

type Contents = Record<Name, Map<number, Map<string, number>>>;

/** A process with two tables, its successors, and what plain maps say. */
class World {
  private readonly store = memoryStore();
  private readonly pace: CompactionPace;
  private pid = 0;
  private checkpoints!: CheckpointStore;
  private tables!: Record<Name, KeyedStateTable<{ n: number }>>;
  private epoch = 0;
  private live: Contents = { sums: new Map(), sums2: new Map() };
  private durable = copyOf(this.live);
  private prepared: Contents | undefined;

  constructor(pace: CompactionPace) {
    this.pace = pace;
  }

  async run(next: Step): Promise<void> {
    if (next.kind === 'change') this.change(next.how, next.table, next.slot, next.key);
    else if (next.kind === 'checkpoint') await this[next.how]();
    else if (next.kind === 'drop') await this.drop(next.byAnother);
    else await this.reopen(next.decided);
    expect(this.checkpoints.pending()?.epoch).toBe(this.prepared === undefined ? undefined : this.epoch);
  }

  /** Another process takes over, settles what waits for its decision, and goes on from the last checkpoint. */
  async reopen(decided: boolean): Promise<void> {
    await this.start();
    if (this.prepared !== undefined) {
      if (decided) {
        await this.checkpoints.finish();
        this.durable = this.prepared;
      } else await this.checkpoints.drop();
    }
    this.prepared = undefined;
    this.load();
  }

  private change(kind: Change, name: Name, at: number, under: string): void {
    if (kind === 'add') {
      this.add(name, at, under);
    } else if (kind === 'fill') {
      for (let i = 0; i < FILLED; i++) this.add(name, at, `${under}${FILLER}${i}`);
    } else if (kind === 'remove') {
      this.tables[name].remove(at, under);
      this.live[name].get(at)?.delete(under);
    } else {
      this.tables[name].forget(at);
      this.live[name].delete(at);
    }
  }

  private add(name: Name, at: number, under: string): void {
    const state = this.tables[name];
    const entry = state.get(at, under) ?? state.add(at, under, { n: 0 });
    entry.value.n++;
    state.touch(entry, at);
    const values = this.live[name].get(at) ?? new Map<string, number>();
    this.live[name].set(at, values.set(under, (values.get(under) ?? 0) + 1));
  }

  private async prepare(): Promise<void> {
    if (this.prepared !== undefined) return;
    this.prepared = copyOf(this.live);
    await this.checkpoints.prepare(this.checkpoint(), this.seal());
  }

  private async finish(): Promise<void> {
    if (this.prepared === undefined) return;
    await this.checkpoints.finish();
    this.committed(this.prepared);
    this.prepared = undefined;
  }

  private async commit(): Promise<void> {
    await this.finish();
    await this.checkpoints.commit(this.checkpoint(), this.seal(), () => {});
    this.committed(copyOf(this.live));
  }

  private async drop(byAnother: boolean): Promise<void> {
    if (this.prepared === undefined) return;
    if (byAnother) await this.start();
    await this.checkpoints.drop();
    this.prepared = undefined;
    this.load();
  }

  private committed(contents: Contents): void {
    this.durable = contents;
    for (const name of NAMES) this.tables[name].committed();
  }

  private checkpoint() {
    const snapshots = Object.fromEntries(NAMES.map((name) => [name, this.tables[name].slots()]));
    return { ...firstCheckpoint(BEGIN, 0), epoch: ++this.epoch, snapshots };
  }

  private seal() {
    return NAMES.map((name) => this.tables[name].seal());
  }

  private async start(): Promise<void> {
    const pid = ++this.pid;
    this.checkpoints = new CheckpointStore(this.store, 'task');
    await this.checkpoints.own({ pid, birth: (asked) => (asked === pid ? 'born' : undefined) }, 0);
  }

  /** Tables as the last checkpoint has them; they hold what the maps held then. */
  private load(): void {
    const snapshots = this.checkpoints.load()?.snapshots ?? {};
    const opened = NAMES.map((name) => {
      const prefix = this.checkpoints.statePrefix(name);
      const state = new KeyedStateTable<{ n: number }>({ view: this.store, prefix, maxEntries: 3, pace: this.pace });
      state.restore((snapshots[name] as number[] | undefined) ?? []);
      return [name, state] as const;
    });
    this.tables = Object.fromEntries(opened) as typeof this.tables;
    this.live = copyOf(this.durable);
    for (const name of NAMES) {
      const found = this.tables[name].slots().map((at) => {
        const entries = Array.from(this.tables[name].entries(at), (each) => [each.key, each.value.n] as const);
        return [at, new Map(entries)] as const;
      });
      expect(new Map(found)).toEqual(this.live[name]);
    }
  }
}

function copyOf(contents: Contents): Contents {
  const copy = (name: Name) => new Map([...contents[name]].map(([at, values]) => [at, new Map(values)] as const));
  return { sums: copy('sums'), sums2: copy('sums2') };
}

describe('a checkpoint store with two tables', () => {
  it.each([
    ['at once', PACE],
    ['little by little', SLOW],
  ])(
    'gives a start what was finished and nothing of what was dropped (moved %s)',
    async (_, pace) => {
      const checked = fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
          const world = new World(pace);
          await world.reopen(false);
          for (const next of steps) await world.run(next);
          await world.reopen(true);
          await world.reopen(true);
        }),
        RUNS,
      );
      await expect(checked).resolves.toBeUndefined();
    },
    60_000,
  );
});
