/** What a spool has accepted is there after any crash, in order, and what was acknowledged is not; whatever chance takes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomAt } from '../../src/core/random.ts';
import { Spool } from '../../src/spool/spool.ts';
import { CrashDisk, type Loss } from '../../src/testing/crash-disk.ts';
import { recordOf, shown } from '../log/records.ts';

const FOLDER = '/spool';
const MAX_BYTES = 3_000;
const MAX_LINE_BYTES = 200;
const READ = { records: 5, bytes: 400 };

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'send'; readonly share: number }
  /** After so many calls on the disk the machine stops, or only the process. */
  | { readonly kind: 'crash'; readonly after: number; readonly loss: 'all' | 'none' | 'some' };

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(fc.nat(90), { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      after: fc.nat(12),
      loss: fc.constantFrom('all' as const, 'none' as const, 'some' as const),
    }),
  },
);

/** A user of a spool who holds it to what it has promised. */
class User {
  private readonly random;
  private disk: CrashDisk;
  private spool!: Spool;
  private callsLeft = Number.POSITIVE_INFINITY;
  private loss: Loss = 'all';
  private made = 0;
  /** All values in the order of their appends; `sure` when the spool has said that it has them. */
  private readonly line: { readonly value: string; sure: boolean }[] = [];
  /** In `line`: acknowledged before, and possibly acknowledged before. */
  private acknowledged = 0;
  private maybeAcknowledged = 0;

  private readonly file: string | undefined;

  constructor(seed: number, file: string | undefined) {
    this.file = file;
    this.random = randomAt(seed, 0);
    this.disk = new CrashDisk(() => this.count());
  }

  async run(steps: readonly Step[]): Promise<void> {
    this.spool = await this.open();
    for (const step of steps) await this.orRestart(() => this.step(step));
    await this.restart();
    while (this.spool.pending > 0) await this.send(1);
    this.checkNoneLost(this.line.length);
  }

  private async orRestart(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (thrown) {
      if (!String(thrown).includes('the disk has crashed')) throw thrown;
      await this.restart();
    }
  }

  private async step(step: Step): Promise<void> {
    if (step.kind === 'append') await this.append(step.sizes);
    else if (step.kind === 'send') await this.send(step.share);
    else {
      this.callsLeft = step.after;
      this.loss = step.loss === 'some' ? this.random : step.loss;
    }
  }

  private async append(sizes: readonly number[]): Promise<void> {
    const entries = sizes.map((size) => ({ value: `${this.made++}`.padEnd(size, '.'), sure: false }));
    this.line.push(...entries);
    const records = entries.map(({ value }) => ({ topic: 't', key: null, value, timestamp: 1 }));
    const accepted = await this.spool.append(records);
    for (const entry of entries.slice(0, accepted)) entry.sure = true;
    this.line.splice(this.line.length - entries.length + accepted);
    expect(this.spool.bytes).toBeLessThanOrEqual(MAX_BYTES);
    if (accepted < sizes.length) expect(this.spool.bytes).toBeGreaterThan(MAX_BYTES - MAX_LINE_BYTES);
  }

  private async send(share: number): Promise<void> {
    const read = await this.spool.read(READ);
    const taken = read.slice(0, Math.ceil(read.length * share));
    let at = this.acknowledged;
    for (const { record } of taken) {
      const found = this.line.findIndex(({ value }, i) => i >= at && value === record.value);
      if (found < 0) throw new Error(`${String(record.value)} was acknowledged, never appended, or is out of order`);
      this.checkNoneLost(found, at);
      at = found + 1;
    }
    if (taken.length === 0) return;
    this.maybeAcknowledged = Math.max(this.maybeAcknowledged, at);
    await this.spool.acknowledge(taken.at(-1)!.number + 1);
    this.acknowledged = at;
  }

  private checkNoneLost(before: number, from = this.acknowledged): void {
    const lost = this.line.slice(Math.max(from, this.maybeAcknowledged), before).filter(({ sure }) => sure);
    if (lost.length > 0) throw new Error(`lost: ${lost.map(({ value }) => value).join(' ')}`);
  }

  private async restart(): Promise<void> {
    this.disk = this.disk.reopen(this.loss, () => this.count());
    this.callsLeft = Number.POSITIVE_INFINITY;
    this.loss = 'all';
    this.spool = await this.open();
  }

  private open(): Promise<Spool> {
    const { disk, file } = this;
    return Spool.open({ disk, folder: FOLDER, file, maxBytes: MAX_BYTES, segmentBytes: 500 });
  }

  private count(): void {
    if (this.callsLeft-- <= 0) this.disk.crash();
  }
}

describe.each([
  ['in files of a folder', undefined],
  ['in one file', '/home/buffer.jsonl'],
])('a spool %s over a disk that crashes', (_, file) => {
  it('loses nothing that it has accepted, repeats nothing that was acknowledged, and keeps the order and its bound', async () => {
    const property = fc.asyncProperty(fc.array(stepOf, { maxLength: 40 }), fc.integer(), async (steps, seed) => {
      await expect(new User(seed, file).run(steps)).resolves.toBeUndefined();
    });
    await fc.assert(property, { seed: 11, numRuns: 1_500 });
  }, 60_000);
});

describe('a line of a spool', () => {
  it('holds any record', async () => {
    const property = fc.asyncProperty(fc.array(recordOf, { minLength: 1, maxLength: 5 }), async (records) => {
      const spool = await Spool.open({ disk: new CrashDisk(), folder: FOLDER, maxBytes: 100_000 });
      await spool.append(records.map((record) => ({ ...record, topic: 't', timestamp: 1 })));
      const read = await spool.read({ records: 10, bytes: 100_000 });
      expect(read.map(({ record }) => shown(record))).toEqual(records.map(shown));
    });
    await fc.assert(property, { seed: 12, numRuns: 200 });
  });

  it('tells any change to it', async () => {
    const records = ['a', 'b', 'c'].map((value) => ({ topic: 't', key: 'k', value, timestamp: 1 }));
    const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const disk = new CrashDisk();
      const spool = await Spool.open({ disk, folder: FOLDER, maxBytes: 100_000 });
      for (const record of records) await spool.append([record]);
      const path = `${FOLDER}/buffer-0000000000000000.jsonl`;
      const bytes = await disk.read(path);
      bytes[at % bytes.length] ^= flip;
      await disk.write(path, 0, bytes);
      const opened = await Spool.open({ disk, folder: FOLDER, maxBytes: 100_000 }).catch((thrown: Error) => thrown);
      if (opened instanceof Error) {
        expect(opened.message).toContain('is damaged at byte');
        return;
      }
      // The last line cannot be told from an append that was cut off.
      expect((await opened.read({ records: 10, bytes: 100_000 })).map(({ record }) => record.value)).toEqual([
        'a',
        'b',
      ]);
    });
    await fc.assert(property, { seed: 13, numRuns: 300 });
  });
});
