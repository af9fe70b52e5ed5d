import { describe, expect, it } from 'vitest';
import { DEFAULT_PACE, pauseMs } from '../../src/checkpoint/pace.ts';

const pace = { least: 50, most: 200 };

describe('the pause between two checkpoints', () => {
  it('is the least while the pipeline keeps up and checkpoints are quick', () => {
    expect([0, 10, 25].map((durationMs) => pauseMs(pace, { durationMs, isBehind: false }))).toEqual([50, 50, 50]);
  });

  it('grows to twice the time that the last checkpoint took, and no further than the most', () => {
    const pauses = [26, 60, 100, 101, 5_000].map((durationMs) => pauseMs(pace, { durationMs, isBehind: false }));
    expect(pauses).toEqual([52, 120, 200, 200, 200]);
  });

  it('is the most while more waits in the log than is fetched at a time', () => {
    expect([0, 60, 5_000].map((durationMs) => pauseMs(pace, { durationMs, isBehind: true }))).toEqual([200, 200, 200]);
  });

  it('is the one that was asked for, whatever happens', () => {
    const fixed = { least: 700, most: 700 };
    const pauses = [0, 900].flatMap((durationMs) =>
      [true, false].map((isBehind) => pauseMs(fixed, { durationMs, isBehind })),
    );
    expect(pauses).toEqual([700, 700, 700, 700]);
  });

  it('leaves results of a pipeline that keeps up under a quarter of a second where checkpoints take 50 ms', () => {
    const durationMs = 50;
    // Just behind a barrier: the rest of that checkpoint, the pause, and the checkpoint of its own.
    expect(durationMs + pauseMs(DEFAULT_PACE, { durationMs, isBehind: false }) + durationMs).toBeLessThan(250);
  });
});
