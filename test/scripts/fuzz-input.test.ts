import { expect, it } from 'vitest';
import { fuzzInput } from '../../scripts/fuzz-input/fuzz.ts';
import { block, START, STEP_MS } from '../../scripts/fuzz-input/values.ts';

const MIB = 1024 * 1024;
const RECORDS = 50_000;
/** What 50,000 records may add to the memory that the process has without them, credit for what is under way included. */
const MEMORY_MIB = 400;

it('emits or rejects each of 50,000 broken, strange and honest records once, within bounded memory', {
  timeout: 120_000,
}, async () => {
  const report = await fuzzInput({ records: RECORDS, seed: 1 });
  expect(report.mistakes).toEqual([]);
  expect(report.emitted + report.rejected).toBe(RECORDS);
  expect(report.honest).toBeGreaterThan(RECORDS / 5);
  for (const kind of ['DecodeError', 'ValidationError', 'EventTimeError', 'FutureRecord']) {
    expect(report.kinds[kind]).toBeGreaterThan(100);
  }
  expect(report.peakBytes - report.bytesBefore).toBeLessThan(MEMORY_MIB * MIB);
});

it('feeds orders from the year 2099 among honest ones, and values of 10 MB', () => {
  const blocks = Array.from({ length: 25 }, (_, number) => block(1, number)).flat();
  const texts = blocks.map(({ value }) => (value === null ? '' : Buffer.from(value.subarray(0, 1_000)).toString()));
  const future = texts.findIndex((text) => text.includes('"2099-01-01'));
  expect(future).toBeGreaterThan(0);
  expect(blocks.slice(future).filter(({ isHonest }) => isHonest).length).toBeGreaterThan(1_000);
  expect(Math.max(...blocks.map(({ value }) => value?.length ?? 0))).toBeGreaterThan(9_000_000);
});

it('is the same for the same seed', () => {
  expect(block(7, 3)).toEqual(block(7, 3));
  expect(block(8, 3)).not.toEqual(block(7, 3));
  const honest = block(7, 3).findIndex(({ isHonest }) => isHonest);
  const { timestamp } = JSON.parse(Buffer.from(block(7, 3)[honest].value!).toString()) as { timestamp: string };
  expect(timestamp).toBe(new Date(START + (3_000 + honest) * STEP_MS).toISOString());
});
