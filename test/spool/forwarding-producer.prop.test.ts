/** Whatever the log and the machine do: nothing that was taken is lost, and no key is reordered. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/ports.ts';
import { randomAt } from '../../src/core/random.ts';
import { ForwardingProducer } from '../../src/spool/forwarding-producer.ts';
import { Spool } from '../../src/spool/spool.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';
import { FlakyLog, type LogState, TOPIC, turn } from './flaky-log.ts';

const KEYS = 4;

type Step =
  | { readonly kind: 'send'; readonly count: number }
  | { readonly kind: 'log'; readonly state: LogState }
  | { readonly kind: 'wait'; readonly turns: number }
  | { readonly kind: 'kill'; readonly loss: 'all' | 'none' | 'some' }
  | { readonly kind: 'close' };

const wait = fc.record({ kind: fc.constant('wait' as const), turns: fc.nat(30) });
const send = fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 8 }) });
const kill = fc.record({
  kind: fc.constant('kill' as const),
  loss: fc.constantFrom('all' as const, 'none' as const, 'some' as const),
});
const close = fc.record({ kind: fc.constant('close' as const) });
const state = (...states: LogState[]) =>
  fc.record({ kind: fc.constant('log' as const), state: fc.constantFrom(...states) });

/** Sleeps for some turns, whatever the time that was asked for. */
function hastyClock(seed: number): Clock {
  const random = randomAt(seed, 1);
  return {
    now: () => 0,
    elapsed: () => 0,
    async sleep(_ms, signal) {
      for (let turns = 3 + random() * 15; turns > 0 && !signal?.aborted; turns--) await turn();
    },
  };
}

/** Processes, one after the other, that send to one log over one disk. */
class Life {
  readonly log = new FlakyLog();
  /** Values that a process was told are safe. */
  readonly taken: string[] = [];
  private readonly seed: number;
  private disk = new CrashDisk();
  private client = this.log.client();
  private producer!: ForwardingProducer;
  private lives = 0;
  private made = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.begin();
    for (const step of steps) await this.step(step);
    this.log.become('up');
    await this.producer.flush();
    await this.producer.close();
  }

  private async step(step: Step): Promise<void> {
    if (step.kind === 'send') this.send(step.count);
    else if (step.kind === 'log') this.log.become(step.state);
    else if (step.kind === 'wait') for (let i = 0; i < step.turns; i++) await turn();
    else if (step.kind === 'close') {
      await this.producer.close();
      await this.begin();
    } else {
      this.client.kill();
      const loss = step.loss === 'some' ? randomAt(this.seed, this.lives) : step.loss;
      this.disk = this.disk.reopen(loss);
      await this.begin();
    }
  }

  private async begin(): Promise<void> {
    const { disk, lives } = this;
    this.lives++;
    this.client = this.log.client();
    const spool = await Spool.open({ disk, folder: '/spool', maxBytes: 4_000, segmentBytes: 600 });
    this.producer = new ForwardingProducer({
      log: this.client,
      spool,
      clock: hastyClock(this.seed + lives),
      create: [{ topic: TOPIC, partitions: 3 }],
    });
    this.producer.start();
  }

  private send(count: number): void {
    const records = Array.from({ length: count }, () => {
      const n = this.made++;
      return { topic: TOPIC, key: `k${n % KEYS}`, value: `k${n % KEYS} ${n}`, timestamp: 1 };
    });
    this.producer.send(records).then(
      () => this.taken.push(...records.map(({ value }) => value)),
      () => {},
    );
  }
}

/** Of each key, in the order of the log. */
function byKey(log: FlakyLog): number[][] {
  return Array.from({ length: KEYS }, (_, key) =>
    log.values.filter((value) => value.startsWith(`k${key} `)).map((value) => Number(value.split(' ')[1])),
  );
}

async function checkedLife(steps: readonly Step[], seed: number): Promise<FlakyLog> {
  const life = new Life(seed);
  await life.run(steps);
  const found = new Set(life.log.values);
  expect(life.taken.filter((value) => !found.has(value))).toEqual([]);
  for (const numbers of byKey(life.log)) {
    const first = [...new Set(numbers)];
    expect(first).toEqual(first.toSorted((a, b) => a - b));
  }
  return life.log;
}

describe('a forwarding producer between a flaky log and a disk that crashes', () => {
  it('loses nothing that it has taken, and keeps the order of a key', async () => {
    const steps = fc.oneof(
      { weight: 5, arbitrary: send },
      { weight: 5, arbitrary: wait },
      { weight: 3, arbitrary: state('up', 'refusing', 'silent', 'forgetful') },
      { weight: 1, arbitrary: kill },
      { weight: 1, arbitrary: close },
    );
    const property = fc.asyncProperty(fc.array(steps, { maxLength: 30 }), fc.nat(), async (given, seed) => {
      expect((await checkedLife(given, seed)).state).toBe('up');
    });
    await fc.assert(property, { seed: 21, numRuns: 400 });
  }, 60_000);

  it('sends each record once while its process lives and the log does not forget', async () => {
    const steps = fc.oneof(
      { weight: 5, arbitrary: send },
      { weight: 5, arbitrary: wait },
      { weight: 3, arbitrary: state('up', 'refusing', 'silent') },
    );
    const property = fc.asyncProperty(fc.array(steps, { maxLength: 30 }), fc.nat(), async (given, seed) => {
      const log = await checkedLife(given, seed);
      expect(new Set(log.values).size).toBe(log.values.length);
    });
    await fc.assert(property, { seed: 22, numRuns: 300 });
  }, 60_000);
});
