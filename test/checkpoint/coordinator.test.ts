import { ManualClock } from 'millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EpochUnderWay } from '../../src/checkpoint/checkpoint.ts';
import { type CheckpointedTask, Coordinator } from '../../src/checkpoint/coordinator.ts';
import { emptyCounts } from '../../src/core/ledger.ts';

/** A task of no nodes, whose checkpoints take no time unless they are told to. */
class FakeTask implements CheckpointedTask {
  changed = false;
  isBehind = false;
  readonly nodes = [];
  readonly failed = new Promise<never>(() => {});
  /** When barriers were injected. */
  readonly barriers: number[] = [];
  coordinator: Coordinator | undefined;
  private readonly clock: ManualClock;

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  change(): void {
    if (this.changed) return;
    this.changed = true;
    this.coordinator!.wake();
  }

  inject(epoch: number): EpochUnderWay {
    this.changed = false;
    this.barriers.push(this.clock.now());
    const underWay = new EpochUnderWay(epoch, 1, false);
    underWay.add('node', {
      counts: emptyCounts(),
      snapshot: undefined,
      state: [],
      offsets: undefined,
      source: undefined,
      appends: [],
      flushed: [],
      sealed: undefined,
      stagedBytes: 0,
    });
    return underWay;
  }
}

/** The time of day can be set back on it. */
class WallClock extends ManualClock {
  setBackMs = 0;

  override now(): number {
    return super.now() - this.setBackMs;
  }
}

let clock: WallClock;
let task: FakeTask;
let commitMs: number;
let stopping: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  clock = new WallClock(0);
  commitMs = 0;
  start();
  await pass(1_000);
});

/** A task that has made no checkpoint yet. */
function start(): void {
  task = new FakeTask(clock);
  stopping = new AbortController();
  task.coordinator = new Coordinator({
    task,
    epochCommit: {
      decidedBy: 'store',
      transactionalId: undefined,
      commit: () => (commitMs === 0 ? Promise.resolve() : clock.sleep(commitMs)),
    },
    clock,
    pace: { least: 50, most: 200 },
    fingerprint: { version: 1, sources: [], stateful: {}, shape: '' },
    edges: [],
    epoch: 0,
    life: undefined,
    afterCommit: () => Promise.resolve(),
    release: () => {},
    inspect: () => {},
    onPoint: () => {},
  });
  running = task.coordinator.run(stopping.signal);
}

afterEach(async () => {
  stopping.abort();
  // No time passes while it stops, unless a commit is under way.
  await running;
});

/** Lets time pass millisecond by millisecond, with what happens in it. */
async function pass(ms: number, everyMs: () => void = () => {}): Promise<void> {
  for (let i = 0; i < ms; i++) {
    clock.advance(1);
    everyMs();
    await new Promise(setImmediate);
  }
}

function gaps(): number[] {
  return task.barriers.slice(1).map((at, i) => at - task.barriers[i]);
}

const change = (): void => task.change();

describe('checkpoints of a running task', () => {
  it('are not made while nothing has changed', async () => {
    await pass(2_000);
    expect(task.barriers).toEqual([]);
  });

  it('begin at once with the first record after a silence, and what comes with it', async () => {
    await pass(1, change);
    await pass(10);
    expect(task.barriers).toEqual([1_006]);
  });

  it('follow each other at the least pause while records flow', async () => {
    commitMs = 10;
    await pass(400, change);
    expect(new Set(gaps())).toEqual(new Set([60]));
    commitMs = 0;
    await pass(11);
  });

  it('follow each other at the most while the task is behind', async () => {
    task.isBehind = true;
    await pass(1_000, change);
    expect(new Set(gaps())).toEqual(new Set([200]));
    task.isBehind = false;
    await pass(400, change);
    expect(gaps().at(-1)).toBe(50);
  });

  it('begin soon behind a start, also where the task is behind', async () => {
    stopping.abort();
    await running;
    const began = clock.now();
    start();
    task.isBehind = true;
    await pass(300, change);
    expect(task.barriers.map((at) => at - began)).toEqual([50, 250]);
  });

  it('go on at their pace when the time of day is set back', async () => {
    await pass(1, change);
    await pass(400);
    clock.setBackMs = 3_600_000;
    const before = task.barriers.length;
    await pass(300, change);
    expect(task.barriers.length - before).toBeGreaterThanOrEqual(5);
  });

  it('leave time for records where they take long', async () => {
    commitMs = 80;
    await pass(1_200, change);
    expect(gaps().at(-1)).toBe(80 + 160);
    commitMs = 0;
    await pass(100);
  });

  it('come ahead of their time when they are asked for', async () => {
    await pass(1, change);
    await pass(10);
    await pass(1, change);
    await pass(1, () => task.coordinator!.request());
    expect(task.barriers).toEqual([1_006, 1_013]);
  });
});
