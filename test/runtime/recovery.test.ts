/** Recovery: what a crash at each step of the protocol leaves, under a store and a disk that forget what was not synced. */
import { kafka, pipeline } from 'millrace';
import { decodeJson, map, sinkJsonl, sinkKafka, toDLQ } from 'millrace/operators';
import { CrashDisk, SimulatedKafka, TestDriver, type TestDriverOptions } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts';
import type { ProcessProbe } from '../../src/checkpoint/owner.ts';
import { type ProtocolPoint, STORE_POINTS, TRANSACTION_POINTS } from '../../src/checkpoint/protocol.ts';
import type { Clock } from '../../src/core/ports.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { CrashStore } from '../../src/testing/crash-store.ts';

const numbers = kafka('in').pipe(
  decodeJson(),
  map((value) => value as number),
  toDLQ('dlq'),
);
const copies = pipeline(
  'copies',
  numbers.pipe(sinkKafka('out', { partitions: 1 })),
  numbers.pipe(sinkJsonl('out.jsonl')),
);

const N = 40;

/** Dies the `nth` time that the point is reached: store and disk forget what was not synced, and refuse everything after. */
async function crashAt(
  point: ProtocolPoint,
  nth: number,
  openLog?: (clock: Clock) => LogClient,
): Promise<{ out: unknown[]; lines: unknown[] }> {
  let store = new CrashStore();
  let disk = new CrashDisk();
  let reached = 0;
  let isDead = false;
  const onPoint = (at: ProtocolPoint): void => {
    if (at !== point || ++reached !== nth) return;
    isDead = true;
    store.crash();
    disk.crash();
  };
  const kept = { onPoint, maxChunkRecords: 4, ...(openLog && { log: openLog }) };
  let driver = new TestDriver(copies, { store, disk, ...kept });
  await driver.createTopic('in', 1);
  const records = Array.from({ length: N }, (_, value) => ({ value }));
  await driver.append('in', records);
  do {
    if (isDead) {
      isDead = false;
      store = store.reopen();
      disk = disk.reopen('none');
      driver = new TestDriver(copies, { store, disk, ...kept, startAt: driver.clock.now() });
    }
    const run = driver;
    const whole = run.start().then(async () => {
      await run.settle();
      await run.stop();
    });
    await whole.catch(async (thrown: unknown) => {
      if (!isDead) throw thrown;
      await run.stop().catch(() => {});
    });
  } while (isDead);
  const lines = Buffer.from(await disk.read('/output/out.jsonl'))
    .toString()
    .split('\n')
    .slice(0, -1);
  expect(reached).toBeGreaterThanOrEqual(nth);
  return { out: await driver.readJson('out'), lines: lines.map((line) => JSON.parse(line) as unknown) };
}

/** Clients of one simulated broker, which outlives them. */
function brokerFor(): (clock: Clock) => LogClient {
  let broker: SimulatedKafka | undefined;
  return (clock) => {
    broker = broker?.connect(clock) ?? new SimulatedKafka(clock);
    return broker;
  };
}

describe('after a crash that forgets what was not synced', () => {
  const wanted = Array.from({ length: N }, (_, i) => i);
  // A start is recovered from once; there is a second time only when the first run is stopped and started again.
  const places = <P extends ProtocolPoint>(points: readonly P[]) =>
    points.flatMap((point) => (point.startsWith('recovery-') ? [1] : [1, 2]).map((nth) => ({ point, nth })));

  it.each(places(STORE_POINTS))(
    'at $point, time $nth, topic and file hold every record once and in order',
    async ({ point, nth }) => {
      const { out, lines } = await crashAt(point, nth);
      expect(out).toEqual(wanted);
      expect(lines).toEqual(wanted);
    },
  );

  it.each(places(TRANSACTION_POINTS))(
    'at $point, time $nth, with transactions of the log, topic and file hold every record once and in order',
    async ({ point, nth }) => {
      const { out, lines } = await crashAt(point, nth, brokerFor());
      expect(out).toEqual(wanted);
      expect(lines).toEqual(wanted);
    },
  );
});

describe('a transaction of which nobody knows whether it was committed', () => {
  it.each(['decided', 'undecided'] as const)('is settled by asking the log: %s', async (failure) => {
    let kafkaLog!: SimulatedKafka;
    const notices: string[] = [];
    const driver = new TestDriver(copies, {
      log: (clock) => (kafkaLog = new SimulatedKafka(clock)),
      onNotice: (line) => notices.push(line),
    });
    await driver.createTopic('in', 1);
    await driver.start();
    await driver.append('in', [{ value: 1 }]);
    await driver.settle();
    kafkaLog.commitFailures.push(failure);
    await driver.append('in', [{ value: 2 }]);
    await driver.settle();
    await driver.append('in', [{ value: 3 }]);
    await driver.settle();
    await driver.stop();
    expect(await driver.readJson('out')).toEqual([1, 2, 3]);
    expect(String(Buffer.from(await driver.disk.read('/output/out.jsonl')))).toBe('1\n2\n3\n');
    expect(notices.join()).toContain('goes back to the last checkpoint');
  });

  it('stops the pipeline when it happens again and again', async () => {
    const driver = new TestDriver(copies, {
      log: (clock) => {
        const log = new SimulatedKafka(clock);
        log.commitFailures.push(...Array.from({ length: 20 }, () => 'undecided' as const));
        return log;
      },
    });
    await driver.createTopic('in', 1);
    await driver.start();
    await driver.append('in', [{ value: 1 }]);
    await expect(driver.advance(10_000)).rejects.toMatchObject({ code: 'TRANSACTION_FAILED' });
  });
});

describe('a transaction that takes longer than the log lets it', () => {
  /** Copies in the time given, with what is read a record at a time; returns the points that were reached. */
  async function copyAll(options: Partial<TestDriverOptions>): Promise<{ points: ProtocolPoint[]; notices: string[] }> {
    const points: ProtocolPoint[] = [];
    const notices: string[] = [];
    const driver = new TestDriver(copies, {
      log: (clock) => new SimulatedKafka(clock),
      maxChunkRecords: 1,
      onNotice: (line) => notices.push(line),
      ...options,
      onPoint(point) {
        points.push(point);
        // The process was stopped for long once a batch was sent.
        if (options.checkpointMs === undefined && notices.length === 0 && point === 'sent-ahead')
          driver.clock.advance(61_000);
      },
    });
    await driver.createTopic('in', 1);
    await driver.append(
      'in',
      Array.from({ length: N }, (_, value) => ({ value })),
    );
    await driver.start();
    await driver.advance(2 * (options.checkpointMs ?? 1_000));
    await driver.settle();
    await driver.stop();
    expect(await driver.readJson('out')).toEqual(Array.from({ length: N }, (_, value) => value));
    return { points, notices };
  }

  it('is done again, and the next ones are begun behind their barriers', async () => {
    const { points, notices } = await copyAll({});
    expect(notices.join()).toContain('took longer than 60000 ms');
    expect(points.slice(points.lastIndexOf('recovery-fenced'))).not.toContain('sent-ahead');
  });

  it('is not begun ahead where checkpoints are far apart', async () => {
    expect((await copyAll({ checkpointMs: 15_000 })).points).toContain('sent-ahead');
    const { points, notices } = await copyAll({ checkpointMs: 70_000 });
    expect(points).not.toContain('sent-ahead');
    expect(notices).toEqual([]);
  });
});

describe('two instances of one pipeline', () => {
  it('leaves the field to the younger one, and writes nothing more', async () => {
    const openLog = brokerFor();
    const older = new TestDriver(copies, { log: openLog });
    await older.createTopic('in', 1);
    await older.start();
    const younger = new TestDriver(copies, { log: openLog });
    await younger.start();
    await older.append('in', [{ value: 1 }]);
    await expect(older.settle()).rejects.toMatchObject({ code: 'OWNED_ELSEWHERE' });
    await younger.settle();
    await younger.stop();
    expect(await younger.readJson('out')).toEqual([1]);
  });

  it('leaves the field to one that has published more, when it wakes behind its commit', async () => {
    const store = new CrashStore();
    const disk = new CrashDisk();
    const overtake = async (): Promise<void> => {
      const younger: ProcessProbe = { pid: process.pid + 1, birth: () => 'later' };
      await new CheckpointStore(store, 'copies@embedded/copies').own(younger, 0);
      await disk.write('/output/out.jsonl', 0, Buffer.from('1\n2\n'));
    };
    let overtaken: Promise<void> | undefined;
    const size = disk.size.bind(disk);
    disk.size = async (path) => {
      await overtaken;
      return size(path);
    };
    const onPoint = (point: ProtocolPoint): void => {
      if (isAppended && point === 'committed') overtaken ??= overtake();
    };
    let isAppended = false;
    const older = new TestDriver(copies, { store, disk, onPoint });
    await older.createTopic('in', 1);
    await older.start();
    isAppended = true;
    await older.append('in', [{ value: 1 }]);
    await expect(older.settle()).rejects.toMatchObject({
      code: 'OWNED_ELSEWHERE',
      cause: expect.objectContaining({ code: 'CHECKPOINT_MISMATCH' }) as object,
    });
  });

  it('refuses one whose state knows nothing of the group, and leaves the other alone', async () => {
    const openLog = brokerFor();
    const older = new TestDriver(copies, { log: openLog });
    await older.createTopic('in', 1);
    await older.start();
    await older.append('in', [{ value: 1 }]);
    await older.settle();
    await expect(new TestDriver(copies, { log: openLog }).start()).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
    });
    await older.append('in', [{ value: 2 }]);
    await older.settle();
    await older.stop();
    expect(await older.readJson('out')).toEqual([1, 2]);
  });
});
