import { kafka, pipeline } from 'millrace';
import { map, sinkKafka } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import { renderLedger } from '../../src/runtime/cli/render-ledger.ts';
import { renderLine, renderStatus } from '../../src/runtime/cli/render-status.ts';
import { colorsFor } from '../../src/runtime/cli/text.ts';
import { type PartitionRange, skipOver } from '../../src/runtime/data-loss.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import { runStatus } from './cli/fixtures.ts';

describe('skipOver', () => {
  const known = { offset: 60, seenEnd: 80, first: 0, end: 100, isSameTopic: true };
  it.each<[string, Partial<PartitionRange>, ReturnType<typeof skipOver>]>([
    ['stays where the offset is in the log', {}, undefined],
    ['stays at the first record', { first: 60 }, undefined],
    ['stays at the end', { end: 60 }, undefined],
    ['goes on at the first record where older ones were deleted', { first: 61 }, { to: 61, lost: 1 }],
    ['goes on at the end of a log that was cut', { end: 59 }, { to: 59, lost: 20 }],
    ['begins with a topic that was made anew', { isSameTopic: false }, { to: 0, lost: 20 }],
    ['counts nothing where everything seen had been read', { isSameTopic: false, seenEnd: 60 }, { to: 0, lost: 0 }],
    [
      'takes a shorter log for a new one where topics have no ids',
      { isSameTopic: undefined, end: 5 },
      { to: 0, lost: 20 },
    ],
    ['takes a longer log for the same one where topics have no ids', { isSameTopic: undefined }, undefined],
  ])('%s', (_, more, wanted) => {
    expect(skipOver({ ...known, ...more })).toEqual(wanted);
  });
});

describe('a log that is another one than the state has read from', () => {
  const copies = pipeline(
    'copies',
    kafka('in', { partitions: 1 }).pipe(
      map(({ value }) => String(Buffer.from(value!))),
      sinkKafka('out', { partitions: 1 }),
    ),
  );

  async function another(options: { failOnDataLoss?: boolean }): Promise<TestDriver> {
    const store = memoryStore();
    const first = new TestDriver(copies, { store });
    await first.start();
    await first.append('in', [{ value: '1' }, { value: '2' }, { value: '3' }]);
    await first.settle();
    await first.stop();
    const driver = new TestDriver(copies, {
      store,
      log: (clock) => new EmbeddedLog(memoryStore(), clock),
      delivery: 'at-least-once',
      ...options,
    });
    await driver.createTopic('in', 1);
    await driver.append('in', [{ value: '4' }]);
    return driver;
  }

  it('stops the start, with the choice to make', async () => {
    const driver = await another({});
    await expect(driver.start()).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      message: expect.stringContaining('offset 3 comes next, but the log ends at 1'),
      hint: expect.stringContaining('FAIL_ON_DATA_LOSS=false'),
    });
  });

  it('is read from its first record where that was chosen', async () => {
    const driver = await another({ failOnDataLoss: false });
    await driver.start();
    await driver.settle();
    await driver.stop();
    expect(await driver.readJson('out')).toEqual(['4']);
    expect(driver.status.lost).toBe(0);
  });
});

describe('records that were lost', () => {
  const [first, second] = runStatus().partitions;
  const status = runStatus({ lost: 1_234, partitions: [first, { ...second, lost: 1_234 }] });
  const frame = { width: 200, height: 40, colors: colorsFor({ write: () => {} }, {}), unicode: true };

  it('are told in the live view, in a line of the log and in the last summary, by partition', () => {
    expect(renderStatus(status, undefined, frame).join('\n')).toContain('lost 1,234');
    expect(renderLine(status, undefined)).toContain('lost 1,234');
    expect(renderLedger(status).join('\n')).toContain(
      'Lost, gone from the log before they were read: 1,234 (in[1] 1,234)',
    );
  });

  it('are not spoken of where there are none', () => {
    for (const lines of [renderStatus(runStatus(), undefined, frame), renderLedger(runStatus())]) {
      expect(lines.join('\n').toLowerCase()).not.toContain('lost');
    }
    expect(renderLine(runStatus(), undefined)).not.toContain('lost');
  });
});
