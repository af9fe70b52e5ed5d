import { describe, expect, it } from 'vitest';
import { generationOf, modeOf } from '../../../src/runtime/cli/generation.ts';
import { generator } from './fixtures.ts';

const NOW = 1_000_000;
const of = (flags: object, log: 'embedded' | 'kafka' = 'embedded', with_ = true) =>
  generationOf(flags, with_ ? generator : undefined, log, NOW);

describe('what the generator does beside a run', () => {
  it('runs on the embedded log unless told otherwise, with a back-fill', () => {
    expect(of({})).toMatchObject({ rate: 10, events: undefined, seed: 1, badRatio: 0, backfill: true, live: true });
    expect(of({ generate: 0 })).toBeUndefined();
    expect(of({ generate: 5 })).toMatchObject({ rate: 5 });
  });

  it('runs on Kafka only when it is asked to, without a back-fill', () => {
    expect(of({}, 'kafka')).toBeUndefined();
    expect(of({ generate: 5 }, 'kafka')).toMatchObject({ rate: 5, backfill: false, live: true });
  });

  it('ends by itself in runs that end', () => {
    expect(of({ once: true })).toMatchObject({ backfill: true, live: false });
    expect(of({ drain: true, events: 7 })).toMatchObject({ events: 7, live: false });
    expect(of({ drain: true, events: 7, generate: 3 }, 'kafka')).toMatchObject({ events: 7, rate: 3, live: false });
  });

  it.each<[object, 'embedded' | 'kafka', boolean, string]>([
    [{ generate: 5, drain: true }, 'embedded', true, '--generate with --drain would never come to an end'],
    [{ generate: 5, once: true }, 'kafka', true, '--generate with --once'],
    [{ events: 5 }, 'kafka', true, 'on Kafka it is off'],
    [{ seed: 5, generate: 0 }, 'embedded', true, '--seed and --generate 0 exclude each other'],
    [{ badRatio: 0 }, 'embedded', false, '--bad-ratio: this pipeline has no generator'],
    [{ generate: 5 }, 'kafka', false, '--generate: this pipeline has no generator'],
    [{ start: NOW + 1 }, 'embedded', true, 'lies in the future'],
    [{ once: true, drain: true }, 'embedded', true, '--once and --drain exclude each other'],
  ])('refuses %j', (flags, log, hasGenerator, message) => {
    expect(() => of(flags, log, hasGenerator)).toThrow(message);
  });

  it('takes a start that is now', () => {
    expect(of({ start: NOW })).toMatchObject({ start: NOW });
  });

  it('is live unless the run is to end', () => {
    expect([{}, { once: true }, { drain: true }].map(modeOf)).toEqual(['live', 'once', 'drain']);
  });
});
