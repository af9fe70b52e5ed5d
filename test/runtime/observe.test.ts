import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { from, lastValueFrom, take, toArray } from 'rxjs';
import { kafka, observe } from 'millrace';
import { decodeJson, flatMap, map, toDLQ } from 'millrace/operators';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { streamRunner } from '../../src/core/stream.ts';
import { openEnvironment } from '../../src/runtime/environment.ts';

let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'millrace-observe-'));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

async function append(values: readonly number[]): Promise<void> {
  const { log, close } = await openEnvironment({ stateDir });
  await log.createTopics([{ topic: 'in', partitions: 1 }]);
  const builder = new RecordBatchBuilder('in', 0);
  for (const value of values) builder.add(null, JSON.stringify(value), 0);
  await log.append([builder.finish()]);
  await close();
}

const numbers = kafka('in').pipe(
  decodeJson(),
  map((value) => value as number),
  toDLQ('dlq'),
);

describe('observe', () => {
  it('gives the values of a topic to an RxJS program, and completes at the end', async () => {
    await append([1, 2, 3]);
    const values = observe(numbers, { stateDir, mode: 'once' }).pipe(toArray());
    expect(await lastValueFrom(values)).toEqual([1, 2, 3]);
  });

  it('acknowledges exactly what was delivered when the program unsubscribes', async () => {
    await append([1, 2, 3, 4, 5]);
    const two = async () => lastValueFrom(observe(numbers, { stateDir, mode: 'once' }).pipe(take(2), toArray()));
    expect(await two()).toEqual([1, 2]);
    // The run behind a subscription ends a little later than the subscription.
    await expect.poll(two, { timeout: 5_000 }).toEqual([3, 4]);
  });

  it('gives a record again when the program left between its values', async () => {
    await append([1, 2]);
    const twice = numbers.pipe(flatMap((n) => [n, n]));
    const values = async (n: number) =>
      lastValueFrom(observe(twice, { stateDir, mode: 'once' }).pipe(take(n), toArray()));
    expect(await values(1)).toEqual([1]);
    await expect.poll(() => values(4), { timeout: 5_000 }).toEqual([1, 1, 2, 2]);
  });

  it('is what from(stream) runs', async () => {
    await append([7]);
    const original = streamRunner.observe;
    streamRunner.observe = (stream) => observe(stream, { stateDir, mode: 'once' });
    try {
      expect(await lastValueFrom(from(numbers).pipe(toArray()))).toEqual([7]);
    } finally {
      streamRunner.observe = original;
    }
  });

  it('reports a plan with unhandled rejections as an error of the Observable', async () => {
    const open = kafka('in').pipe(decodeJson());
    await expect(lastValueFrom(observe(open, { stateDir }))).rejects.toMatchObject({ code: 'PLAN_INVALID' });
  });
});
