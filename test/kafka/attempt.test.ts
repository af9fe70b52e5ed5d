import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import type { Clock } from '../../src/core/ports.ts';
import { Attempts } from '../../src/kafka/attempt.ts';

const PATIENCE_MS = 120_000;

/** Time that passes only where somebody waits. */
class WaitingClock implements Clock {
  time = 0;
  now(): number {
    return this.time;
  }
  elapsed(): number {
    return this.time;
  }
  async sleep(ms: number): Promise<void> {
    this.time += ms;
  }
}

function setUp(): { clock: WaitingClock; attempts: Attempts } {
  const clock = new WaitingClock();
  const judgement = {
    isPassing: (failure: unknown) => failure === 'passing',
    forget: () => {},
    toError: (failure: unknown) => new MillraceError('LOG_UNAVAILABLE', String(failure)),
  };
  return { clock, attempts: new Attempts({ clock, random: () => 0, judgement, patienceMs: PATIENCE_MS }) };
}

/** Fails so many times, each after so long. */
function failing(clock: WaitingClock, times: number, tryMs = 0): () => Promise<string> {
  let left = times;
  return async () => {
    clock.time += tryMs;
    if (left-- > 0) throw 'passing';
    return 'done';
  };
}

describe('Attempts', () => {
  it('tries again while a failure passes, and not where it does not', async () => {
    const { clock, attempts } = setUp();
    expect(await attempts.run({ doing: 'try' }, failing(clock, 20))).toBe('done');
    await expect(attempts.run({ doing: 'try' }, () => Promise.reject('mistake'))).rejects.toThrow('mistake');
  });

  it('gives up when patience ends', async () => {
    const { clock, attempts } = setUp();
    await expect(attempts.run({ doing: 'try' }, failing(clock, 1_000))).rejects.toThrow('passing');
    expect(clock.time).toBeGreaterThan(PATIENCE_MS * 0.9);
    expect(clock.time).toBeLessThanOrEqual(PATIENCE_MS);
  });

  it('is not impatient because the process stood still', async () => {
    const { clock, attempts } = setUp();
    expect(await attempts.run({ doing: 'try' }, failing(clock, 3, PATIENCE_MS * 10))).toBe('done');
  });

  it('hurries each attempt when it is told to, those that begin later by as much, and takes it back', async () => {
    const { clock, attempts } = setUp();
    attempts.hurry(6_000);
    await expect(attempts.run({ doing: 'try' }, failing(clock, 1_000))).rejects.toThrow('passing');
    expect(clock.time).toBeLessThanOrEqual(6_000);
    clock.time += 60_000;
    expect(await attempts.run({ doing: 'try' }, failing(clock, 5))).toBe('done');
    attempts.hurry(undefined);
    expect(await attempts.run({ doing: 'try' }, failing(clock, 30))).toBe('done');
  });

  it('says what it waits for, from the first long pause on', async () => {
    const { clock, attempts } = setUp();
    const seen: (string | undefined)[] = [];
    const action = failing(clock, 12);
    await attempts.run({ doing: 'try' }, () => {
      seen.push(attempts.trouble);
      return action();
    });
    expect(seen[0]).toBeUndefined();
    expect(seen.at(-1)).toBe('passing');
    expect(attempts.trouble).toBeUndefined();
  });
});
