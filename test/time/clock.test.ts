import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/time/clock.ts';

const DAY = 86_400_000;

describe('the real clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function watched(ms: number, signal?: AbortSignal): () => boolean {
    let isOver = false;
    void systemClock.sleep(ms, signal).then(() => (isOver = true));
    return () => isOver;
  }

  it('sleeps for longer than a timer of the host can', async () => {
    const setTimeoutOfHost = vi.spyOn(globalThis, 'setTimeout');
    const isOver = watched(60 * DAY);
    await vi.advanceTimersByTimeAsync(60 * DAY - 1);
    expect(isOver()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isOver()).toBe(true);
    // Node lets one that is told to wait for more fire at once.
    for (const [, ms] of setTimeoutOfHost.mock.calls) expect(ms).toBeLessThan(2 ** 31);
  });

  it('is woken in the midst of it', async () => {
    const waking = new AbortController();
    const isOver = watched(60 * DAY, waking.signal);
    await vi.advanceTimersByTimeAsync(40 * DAY);
    waking.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(isOver()).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
