import { kafka, pipeline } from 'millrace';
import { decodeJson, keyBy, map, processKeyed, sinkKafka, toDLQ, watermark } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

/** The keys that an operator is called with, by the sign of their zero too. */
async function keysOf(select: (value: number) => number): Promise<unknown[]> {
  const seen: number[] = [];
  const keyed = kafka('in', { partitions: 1 }).pipe(
    decodeJson(),
    map((value) => value as number),
    watermark({ eventTime: () => 0, outOfOrdernessMs: 0, maxFutureMs: 1e15, maxDriftMs: 1e15 }),
    toDLQ('dlq'),
    keyBy(select),
    processKeyed('seen', {
      init: () => 0,
      onRecord(_, context) {
        seen.push(context.key);
        context.state++;
        return [context.state];
      },
    }),
  );
  const driver = new TestDriver(pipeline('p', keyed.pipe(sinkKafka('out', { partitions: 1 }))));
  await driver.start();
  await driver.append('in', [{ value: 0 }, { value: 1 }]);
  await driver.settle();
  await driver.stop();
  return seen;
}

describe('keyBy', () => {
  it('takes −0 for 0', async () => {
    const keys = await keysOf((value) => (value === 0 ? -0 : 0));
    expect(keys.map((key) => Object.is(key, 0))).toEqual([true, true]);
  });

  it('leaves other numbers as they are', async () => {
    expect(await keysOf((value) => value - 1.5)).toEqual([-1.5, -0.5]);
  });
});
