import { ManualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

async function flushed(): Promise<void> {
  await Promise.resolve();
  await Promise.resolve();
}

describe('ManualClock', () => {
  it('wakes a sleeper when its time has come, and not a millisecond earlier', async () => {
    const clock = new ManualClock(1_000);
    let awake = false;
    void clock.sleep(100).then(() => {
      awake = true;
    });
    clock.advance(99);
    await flushed();
    expect(awake).toBe(false);
    clock.advance(1);
    await flushed();
    expect(awake).toBe(true);
    expect(clock.now()).toBe(1_100);
  });

  it('wakes the earliest first, and of several due at once who fell asleep first', async () => {
    const clock = new ManualClock(0);
    const order: string[] = [];
    for (const [name, ms] of [
      ['late', 30],
      ['early', 10],
      ['second', 10],
    ] as const) {
      void clock.sleep(ms).then(() => order.push(name));
    }
    clock.advance(50);
    await flushed();
    expect(order).toEqual(['early', 'second', 'late']);
  });

  it('ends a sleep at once when it is aborted', async () => {
    const clock = new ManualClock(0);
    const stopping = new AbortController();
    const sleep = clock.sleep(1_000, stopping.signal);
    stopping.abort();
    await expect(sleep).resolves.toBeUndefined();
    await expect(clock.sleep(1_000, stopping.signal)).resolves.toBeUndefined();
  });
});
