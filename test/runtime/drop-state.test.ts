import { kafka, parseIso, pipeline } from 'millrace';
import { count, decodeJson, keyBy, lateTo, map, sinkKafka, toDLQ, tumblingWindow, watermark } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, firstCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { DroppedStates } from '../../src/runtime/recover.ts';
import { memoryStore } from '../../src/state/memory-store.ts';

const rows = kafka('in').pipe(
  decodeJson(),
  map((value) => value as { readonly at: string }),
  watermark({ eventTime: (row) => parseIso(row.at), outOfOrdernessMs: 0 }),
  toDLQ('dlq'),
);

function counting(...windows: readonly string[]) {
  const counted = windows.map((name) =>
    rows.pipe(
      keyBy(() => 'all'),
      tumblingWindow(name, { sizeMs: 60_000, graceMs: 0, aggregate: { n: count() } }),
      lateTo('late'),
      sinkKafka(name, { partitions: 1 }),
    ),
  );
  return pipeline('p', rows.pipe(sinkKafka('copies')), ...counted);
}

/** A store that holds an open window of each name. */
async function storeWith(...windows: readonly string[]) {
  const store = memoryStore();
  const driver = new TestDriver(counting(...windows), { store });
  await driver.start();
  await driver.append('in', [{ value: { at: '2024-01-01T00:00:00Z' } }]);
  await driver.settle();
  await driver.stop();
  return store;
}

describe('--drop-state', () => {
  it('lets the state of an operator go that the plan has lost', async () => {
    const store = await storeWith('kept', 'lost');
    const driver = new TestDriver(counting('kept'), { store, dropState: ['lost'] });
    await driver.start('drain');
    await driver.finish();
    expect(await driver.readJson('kept')).toMatchObject([{ n: 1 }]);
    expect(await driver.readJson('lost')).toEqual([]);
  });

  it('refuses a name that no state has, and names those that there are', async () => {
    const store = await storeWith('kept', 'lost');
    await expect(new TestDriver(counting('kept'), { store, dropState: ['lots'] }).start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: '--drop-state lots: there is no such state in the checkpoint',
      hint: expect.stringContaining("there are 'kept', 'lost'"),
    });
  });

  it('refuses every name where there is no checkpoint', async () => {
    await expect(new TestDriver(counting('kept'), { dropState: ['kept'] }).start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('there is none'),
    });
  });

  it('lets a state go once, however often the run goes back to its last checkpoint', () => {
    const stateful = { w: 'tumblingWindow {}' };
    const first = firstCheckpoint({ offsets: {}, fingerprint: { version: 1, sources: [], stateful, shape: '' } }, 0);
    const own: Checkpoint = { ...first, epoch: 1, fingerprint: { ...first.fingerprint, stateful: {} } };
    const dropped = new DroppedStates(['w']);
    expect([first, first, own, own].map((checkpoint) => dropped.from(checkpoint))).toEqual([['w'], ['w'], [], []]);
  });
});
