/** The checkpoint protocol around one output, over a disk that crashes: what a run of it may show and must leave behind. */
import * as fc from 'fast-check';
import { randomAt } from '../../src/core/random.ts';
import type { Output } from '../../src/core/operator.ts';
import { pack, unpack } from '../../src/state/codec.ts';
import { CrashDisk, type Loss } from '../../src/testing/crash-disk.ts';

/** Where the process dies: at a point of the protocol, or when it has made so many calls on the disk. */
export type Death = 'sealed' | 'committed' | 'published' | number;

export type Step =
  | { readonly kind: 'rows'; readonly count: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'checkpoint';
      readonly final: boolean;
      readonly death: Death | undefined;
      readonly fails: boolean;
      readonly during: number;
      /** After the death: recoveries that are cut off after so many calls, one after the other. */
      readonly recoveries: readonly number[];
    }
  /** Recoveries that are cut off after so many calls, one after the other. */
  | { readonly kind: 'restart'; readonly deaths: readonly number[] };

const deathOf: fc.Arbitrary<Death> = fc.oneof(
  fc.constantFrom('sealed' as const, 'committed' as const, 'published' as const),
  fc.nat(12),
  fc.nat(40),
);
const recoveriesOf = fc.array(fc.nat(25), { maxLength: 2 });

export const stepOf: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rows' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, 400, 999, 1_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('checkpoint' as const),
      final: fc.boolean(),
      fails: fc.boolean(),
      during: fc.nat(1),
      death: fc.option(deathOf, { nil: undefined, freq: 2 }),
      recoveries: recoveriesOf,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), deaths: recoveriesOf }),
  },
);

export interface Subject<O extends Output> {
  open(disk: CrashDisk, now: () => number): O;
  /** Writes the rows `from` (inclusive) to `to`. */
  append(output: O, from: number, to: number): void;
  /** The rows that a reader of the folder finds; throws on anything that is not whole. */
  visible(disk: CrashDisk): Promise<number[]>;
}

class Died extends Error {}

const REFUSED = 'EIO: the disk refuses';
const DEADLY = /the disk has crashed|EIO: the disk refuses/;

/** Runs the steps, lets the machine crash where they say so, and checks the reader's view before every call on the disk. */
export class CrashWorld<O extends Output> {
  private readonly subject: Subject<O>;
  private readonly random;
  private disk: CrashDisk;
  private output!: O;
  private now = 1_735_689_600_000;
  private epoch = 0;
  /** The store: survives every crash. */
  private manifest: Uint8Array | undefined;
  /** Rows that were handed to the output, and how many of them a committed checkpoint covers. */
  private written = 0;
  private sealed = 0;
  private committed = 0;
  private callsLeft = Number.POSITIVE_INFINITY;
  /** The disk refuses the last call instead of stopping, and all that the process tries after it. */
  private fails = false;
  private looking = false;

  constructor(subject: Subject<O>, seed: number, disk = new CrashDisk()) {
    this.subject = subject;
    this.random = randomAt(seed, 0);
    this.disk = disk;
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.restart([]);
    for (const step of steps) await this.take(step);
    await this.crash([]);
    await this.checkpoint(true);
    // The last word: what was published is durable, and nothing is left to be decided.
    this.disk = this.reopened('all');
    await this.look(this.disk, this.committed);
  }

  private async take(step: Step): Promise<void> {
    if (step.kind === 'wait') this.now += step.ms;
    if (step.kind === 'restart') await this.crash(step.deaths);
    if (step.kind === 'rows') this.append(step.count);
    if (step.kind !== 'checkpoint') return;
    this.fails = step.fails;
    try {
      await this.checkpoint(step.final, step.death, step.during);
    } catch (thrown) {
      if (!(thrown instanceof Died) && !DEADLY.test(String(thrown))) throw thrown;
      await this.crash(step.recoveries);
    }
  }

  private append(count: number): void {
    this.subject.append(this.output, this.written, this.written + count);
    this.written += count;
  }

  private async checkpoint(final: boolean, death?: Death, during = 0): Promise<void> {
    this.callsLeft = typeof death === 'number' ? death : Number.POSITIVE_INFINITY;
    this.epoch++;
    this.sealed = this.written;
    const sealing = this.output.seal(this.epoch, final);
    // Records of the next epoch arrive while this one is staged.
    this.append(during);
    const manifest = pack(await sealing);
    if (death === 'sealed') throw new Died();
    this.manifest = manifest;
    this.committed = this.sealed;
    if (death === 'committed') throw new Died();
    await this.output.publish(unpack(manifest));
    if (death === 'published') throw new Died();
    this.callsLeft = Number.POSITIVE_INFINITY;
    if (final) await this.look(this.disk, this.committed);
  }

  private async crash(deaths: readonly number[]): Promise<void> {
    this.disk = this.reopened();
    await this.look(this.disk);
    await this.restart(deaths);
  }

  /** The next process: it recovers, and reads again what no checkpoint covers. */
  private async restart(deaths: readonly number[]): Promise<void> {
    for (const calls of [...deaths, Number.POSITIVE_INFINITY]) {
      this.callsLeft = calls;
      this.disk = this.reopened();
      this.output = this.subject.open(this.disk, () => this.now);
      try {
        await this.output.recover(this.manifest && unpack(this.manifest));
      } catch (thrown) {
        if (!DEADLY.test(String(thrown))) throw thrown;
      }
    }
    const again = this.written - this.committed;
    this.written = this.committed;
    if (again > 0) this.append(again);
  }

  private reopened(loss: Loss = this.chance()): CrashDisk {
    const disk: CrashDisk = this.disk.reopen(loss, async () => {
      if (this.looking) return;
      await this.look(disk);
      if (this.callsLeft-- > 0) return;
      if (this.fails) throw new Error(REFUSED);
      disk.crash();
    });
    return disk;
  }

  private chance(): Loss {
    const choice = this.random();
    return choice < 0.3 ? 'all' : choice < 0.5 ? 'none' : this.random;
  }

  /** A reader sees rows of committed checkpoints only, each once and in order; all of them when `all` are due. */
  private async look(disk: CrashDisk, all?: number): Promise<void> {
    this.looking = true;
    const rows = await this.subject.visible(disk);
    this.looking = false;
    const wrong = rows.findIndex((row, i) => row !== i);
    if (wrong >= 0) throw new Error(`row ${rows[wrong]} stands in place ${wrong} of ${rows.join()}`);
    if (rows.length > this.committed)
      throw new Error(`${rows.length} rows are visible and ${this.committed} committed`);
    if (all !== undefined && rows.length !== all) throw new Error(`${rows.length} rows are visible, ${all} are due`);
  }
}
