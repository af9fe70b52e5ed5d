import { kafka, parseIso, pipeline } from 'millrace';
import { count, decodeJson, keyBy, lateTo, map, sinkKafka, toDLQ, tumblingWindow, watermark } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

const LONGEST = 'n'.repeat(255);
const AT = '2024-01-01T00:00:00Z';

function counting(name: string, group: string) {
  return pipeline(
    name,
    { group },
    kafka('in').pipe(
      decodeJson(),
      map((value) => value as { readonly at: string; readonly key: string }),
      watermark({ eventTime: (row) => parseIso(row.at), outOfOrdernessMs: 0 }),
      toDLQ('dlq'),
      keyBy((row) => row.key),
      tumblingWindow(LONGEST, { sizeMs: 1_000, graceMs: 0, aggregate: { n: count() } }),
      lateTo('late'),
      sinkKafka('out', { value: ({ key, n }) => `${key.length} ${n}` }),
    ),
  );
}

describe('long names', () => {
  it('leave room in the keys of the state for the longest key, however long', async () => {
    const driver = new TestDriver(counting(LONGEST, LONGEST));
    await driver.start();
    await driver.append('in', [{ value: { at: AT, key: 'k'.repeat(5_000) } }]);
    await driver.settle();
    await driver.stop();
    await driver.start('drain');
    await driver.finish();
    expect((await driver.read('out')).map(({ value }) => String(value))).toEqual(['5000 1']);
  });

  it.each(['a\0b', 'a\n', '\u007f', 'a\ud800'])(
    'with a character that no key can hold are refused: %j',
    async (name) => {
      const refusal = { code: 'PLAN_INVALID', message: expect.stringContaining('a character that no name can have') };
      expect(() => counting('p', name)).toThrow(expect.objectContaining(refusal));
      const named = kafka('in').pipe(
        map(() => ({ at: AT })),
        watermark({ eventTime: (row) => parseIso(row.at), outOfOrdernessMs: 0 }),
        toDLQ('dlq'),
        keyBy((row) => row.at),
        tumblingWindow(name, { sizeMs: 1_000, graceMs: 0, aggregate: { n: count() } }),
        lateTo('late'),
        sinkKafka('out'),
      );
      await expect(new TestDriver(pipeline('p', named)).start()).rejects.toMatchObject(refusal);
    },
  );

  it('are refused for a group, in words', async () => {
    const driver = new TestDriver(counting('p', 'g'), { group: `${LONGEST}n` });
    await expect(driver.start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('the group has 256 bytes, and may have 255'),
    });
  });
});
