/** Recovery: what a crash at each step of the protocol leaves, under a store and a disk that forget what was not synced. */
import { kafka, pipeline } from 'millrace';
import { decodeJson, map, sinkJsonl, sinkKafka, toDLQ } from 'millrace/operators';
import { CrashDisk, TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { PROTOCOL_POINTS, type ProtocolPoint } from '../../src/checkpoint/protocol.ts';
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
async function crashAt(point: ProtocolPoint, nth: number): Promise<{ out: unknown[]; lines: unknown[] }> {
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
  let driver = new TestDriver(copies, { store, disk, onPoint, maxChunkRecords: 4 });
  await driver.createTopic('in', 1);
  const records = Array.from({ length: N }, (_, value) => ({ value }));
  await driver.append('in', records);
  do {
    if (isDead) {
      isDead = false;
      store = store.reopen();
      disk = disk.reopen('none');
      driver = new TestDriver(copies, { store, disk, onPoint, maxChunkRecords: 4, startAt: driver.clock.now() });
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

describe('after a crash that forgets what was not synced', () => {
  const wanted = Array.from({ length: N }, (_, i) => i);

  it.each(PROTOCOL_POINTS.flatMap((point) => [1, 2].map((nth) => ({ point, nth }))))(
    'at $point, time $nth, topic and file hold every record once and in order',
    async ({ point, nth }) => {
      // A start is recovered from once; there is a second time only when the first run is stopped and started again.
      if (point.startsWith('recovery-') && nth > 1) return;
      const { out, lines } = await crashAt(point, nth);
      expect(out).toEqual(wanted);
      expect(lines).toEqual(wanted);
    },
  );
});
