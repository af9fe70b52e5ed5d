import { kafka, pipeline } from 'millrace';
import { decodeJson, enrichAsync, map, sinkKafka, toDLQ } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { waitedFor } from '../../src/runtime/standstill.ts';
import { runStatus } from './cli/fixtures.ts';

/** A driver over a pipeline that asks a service which does not answer, and what it tells. */
async function asking() {
  const asked = pipeline(
    'asked',
    kafka('in', { partitions: 1 }).pipe(
      decodeJson(),
      map((n) => ({ n })),
      enrichAsync(() => new Promise<object>(() => {}), { timeoutMs: 25_000 }),
      toDLQ('dlq'),
      sinkKafka('out', { partitions: 1 }),
    ),
  );
  const notices: string[] = [];
  const driver = new TestDriver(asked, { onNotice: (line) => notices.push(line) });
  await driver.createTopic('in', 1);
  await driver.append('in', [{ value: 1 }, { value: 2 }]);
  return { driver, told: () => notices.filter((line) => line.startsWith('nothing has moved')) };
}

describe('a run that should come to its end', () => {
  it('says every some seconds what it waits for while nothing moves, and no more when it does', async () => {
    const { driver, told } = await asking();
    await driver.start('drain');
    await driver.advance(31_000);
    await driver.finish();
    expect(told()).toHaveLength(1);
    expect(told()[0]).toMatch(/^nothing has moved for 10 s: waiting for enrichAsync \(2 records\)/);
  });

  it('is not expected of one that is live, until it is stopped', async () => {
    const { driver, told } = await asking();
    await driver.start();
    await driver.advance(21_000);
    expect(told()).toEqual([]);
    await driver.stop();
  });
});

describe('what a run waits for', () => {
  it('is what has not been read, and why', () => {
    const [partition] = runStatus().partitions;
    const partitions = [
      { ...partition, lag: 7, paused: true },
      { ...partition, partition: 2, lag: 0 },
    ];
    const status = runStatus({ partitions, creditUsed: 0 });
    expect(waitedFor(status)).toBe('in[0] (7 records to read, behind which others have to come)');
  });

  it('is the generator where all is read, and at the end the last checkpoint', () => {
    const status = { partitions: [], creditUsed: 0 } as const;
    expect(waitedFor(runStatus({ ...status, state: 'running' }))).toBe('the generator');
    expect(waitedFor(runStatus({ ...status, state: 'stopping' }))).toBe('the last checkpoint');
    expect(waitedFor(runStatus({ ...status, creditUsed: 10 }))).toBe('10 bytes under way to the sinks');
  });
});
