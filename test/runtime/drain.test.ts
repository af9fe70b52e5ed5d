import { kafka, pipeline } from 'millrace';
import { decodeJson, sinkJsonl, toDLQ } from 'millrace/operators';
import { CrashDisk, TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { CrashStore } from '../../src/testing/crash-store.ts';

const lines = pipeline(
  'lines',
  kafka('in', { partitions: 1 }).pipe(decodeJson(), toDLQ('dlq'), sinkJsonl('out.jsonl')),
);

/** A drain that dies when its last checkpoint is committed, and nothing of it is published. */
async function cutOff(): Promise<{ store: CrashStore; disk: CrashDisk; startAt: number }> {
  const store = new CrashStore();
  const disk = new CrashDisk();
  let isDraining = false;
  const driver = new TestDriver(lines, {
    store,
    disk,
    onPoint: (point) => {
      if (!isDraining || point !== 'committed') return;
      store.crash();
      disk.crash();
    },
  });
  await driver.createTopic('in', 1);
  await driver.append('in', [{ value: 1 }, { value: 2 }]);
  isDraining = true;
  await driver.start('drain');
  await driver.finish().catch(() => {});
  const reopened = disk.reopen('none');
  expect(await reopened.size('/output/out.jsonl')).toBeUndefined();
  return { store: store.reopen(), disk: reopened, startAt: driver.clock.now() };
}

describe('a drain that ended before its output was published', () => {
  it('is finished by the next drain, which reads nothing more', async () => {
    const left = await cutOff();
    const driver = new TestDriver(lines, left);
    await driver.append('in', [{ value: 3 }]);
    await driver.start('drain');
    expect(await driver.finish()).toMatchObject({ drained: true, checkpoints: 0 });
    expect(String(Buffer.from(await left.disk.read('/output/out.jsonl')))).toBe('1\n2\n');
    await expect(driver.start('drain')).rejects.toMatchObject({ code: 'DRAINED' });
  });

  it('is finished by any other run, which then refuses to go on', async () => {
    const left = await cutOff();
    const driver = new TestDriver(lines, left);
    await expect(driver.start()).rejects.toMatchObject({ code: 'DRAINED' });
    expect(String(Buffer.from(await left.disk.read('/output/out.jsonl')))).toBe('1\n2\n');
  });
});
