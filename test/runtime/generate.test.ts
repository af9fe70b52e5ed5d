import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import { type GenerateOptions, runGenerator } from '../../src/runtime/generate.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { generator } from './cli/fixtures.ts';

const NOON = Date.UTC(2024, 1, 29, 12);

interface Written {
  readonly index: number;
  readonly time: number;
  readonly seed: number;
  readonly chance: number;
}

function world(now = NOON) {
  const clock = new ManualClock(now);
  const log = new EmbeddedLog(memoryStore(), clock);
  const stopped = new AbortController();
  const defaults = { log, clock, rate: 10, events: undefined, seed: 1, start: undefined, badRatio: 0 };
  const generate = (options: Partial<GenerateOptions>): Promise<number> =>
    runGenerator(generator, { ...defaults, backfill: true, live: false, signal: stopped.signal, ...options });
  return { clock, log, stopped, generate };
}

/** Every record in the order of its number. */
async function written(log: EmbeddedLog): Promise<Written[]> {
  const positions = [0, 1, 2].map((partition) => ({ topic: 'in', partition, offset: 0 }));
  const answers = await log.fetch(positions, { maxBytes: 100_000_000, maxWaitMs: 0 });
  const values = answers.flatMap(({ batch }) =>
    batch === undefined ? [] : Array.from({ length: batch.length }, (_, i) => Buffer.from(batch.value(i)!).toString()),
  );
  return values.map((value) => JSON.parse(value) as Written).toSorted((a, b) => a.index - b.index);
}

describe('a generator', () => {
  it('back-fills an empty topic up to now, and nothing more when it is not live', async () => {
    const { log, generate } = world();
    expect(await generate({})).toBe(600);
    const records = await written(log);
    expect(records.map(({ index }) => index)).toEqual(records.map((_, i) => i));
    expect(records[0].time).toBe(NOON - 60_000);
    expect(records.at(-1)!.time).toBe(NOON - 100);
    expect(await generate({})).toBe(0);
  });

  it('writes exactly so many records as it was told, at once when it is not live', async () => {
    const { log, generate } = world();
    expect(await generate({ events: 2_345 })).toBe(2_345);
    const records = await written(log);
    expect(records).toHaveLength(2_345);
    expect(records.every(({ time }) => time < NOON)).toBe(true);
    expect(records[0].time).toBe(NOON - 234_500);
  });

  it('goes on from the end of the topic, with times behind those that are there', async () => {
    const { log, clock, generate } = world();
    await generate({ events: 100 });
    clock.advance(1_000);
    await generate({ events: 50, seed: 2 });
    const records = await written(log);
    expect(records.map(({ index }) => index)).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(records.slice(100).every(({ time, seed }) => seed === 2 && time >= NOON && time < NOON + 1_000)).toBe(true);
  });

  it('is paced by the clock while live, and ends after so many records', async () => {
    const { log, clock, generate } = world();
    let sent = 0;
    const done = generate({ backfill: false, live: true, events: 25, onProgress: (n) => void (sent = n) });
    const pass = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i += 100) {
        await settled();
        clock.advance(100);
      }
      await settled();
    };
    await pass(1_000);
    expect(sent).toBe(10);
    await pass(1_000);
    expect(sent).toBe(20);
    await pass(1_000);
    expect(await done).toBe(25);
    expect((await written(log)).every(({ time }) => time >= NOON && time <= clock.now())).toBe(true);
  });

  it('stops when it is told to', async () => {
    const { stopped, generate } = world();
    const done = generate({ live: true });
    await settled();
    stopped.abort();
    expect(await done).toBe(600);
  });

  it('writes no record into the future of a start', async () => {
    const { log, generate } = world();
    await expect(generate({ start: NOON, events: 10_000 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('lies in the future'),
    });
    expect(await generate({ start: NOON, events: 10 })).toBe(10);
    expect((await written(log)).at(-1)!.time).toBe(NOON + 900);
  });

  it('waits for the time of a record when it is live', async () => {
    const { stopped, generate } = world();
    const done = generate({ start: NOON - 1_000, live: true });
    await settled();
    stopped.abort();
    expect(await done).toBe(11);
  });

  it('gives the same records for the same seed, start and rate, however they were asked for', async () => {
    const inputs = fc.record({
      seed: fc.integer({ min: -5, max: 1_000_000 }),
      rate: fc.integer({ min: 1, max: 5_000 }),
      parts: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }),
    });
    const property = fc.asyncProperty(inputs, async ({ seed, rate, parts }) => {
      const events = parts.reduce((a, b) => a + b, 0);
      const start = NOON - 86_400_000;
      const [whole, pieces] = [world(NOON), world(NOON + 12_345)];
      await whole.generate({ seed, rate, start, events });
      for (const part of parts) await pieces.generate({ seed, rate, start, events: part });
      const records = await written(whole.log);
      expect(records).toHaveLength(events);
      expect(await written(pieces.log)).toEqual(records);
      expect(records.every(({ index, time }) => time === start + Math.floor((index * 1000) / rate))).toBe(true);
    });
    await fc.assert(property, { seed: 7, numRuns: 25 });
  });

  it('writes the headers that records are given', async () => {
    const { log, clock } = world();
    const headers = [{ key: 'trace', value: Buffer.from('1') }];
    const tracing = { ...generator, record: () => ({ key: 'k', value: 'v', headers }) };
    const settings = { rate: 10, events: 1, seed: 1, start: undefined, badRatio: 0, backfill: false, live: false };
    await runGenerator(tracing, { ...settings, log, clock, signal: new AbortController().signal });
    const positions = [0, 1, 2].map((partition) => ({ topic: 'in', partition, offset: 0 }));
    const answers = await log.fetch(positions, { maxBytes: 1_000, maxWaitMs: 0 });
    const [found] = answers.flatMap(({ batch }) => batch?.headers(0) ?? []);
    expect([found.key, String(Buffer.from(found.value))]).toEqual(['trace', '1']);
  });

  it('gives other records for another seed', async () => {
    const [a, b] = [world(), world()];
    await a.generate({ seed: 1, events: 20 });
    await b.generate({ seed: 2, events: 20 });
    const chances = async (log: EmbeddedLog) => (await written(log)).map(({ chance }) => chance);
    expect(await chances(a.log)).not.toEqual(await chances(b.log));
    expect(new Set(await chances(a.log)).size).toBe(20);
  });
});

/** Lets everything that needs no clock happen. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
