import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import { CHECKPOINT, commitOver, type Parts } from './commit-over.ts';

const full = new MillraceError('STORE_FAILED', 'the disk is full');

/** The calls of one epoch, in their order, with some that fail or wait. */
async function commit(parts: Parts) {
  const { calls, epochs } = commitOver(parts);
  const failure: unknown = await epochs.commit(CHECKPOINT, [], []).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { calls: calls.filter((call) => !call.startsWith('(')), failure };
}

describe('an epoch that a transaction decides', () => {
  it('is finished in the store behind the decision', async () => {
    const { calls, failure } = await commit({});
    expect(failure).toBeUndefined();
    expect(calls.slice(-2)).toEqual(['commit', 'finish']);
    expect(calls.slice(0, -2).toSorted()).toEqual(['append', 'commitGroup', 'prepare']);
  });

  it('is aborted when the store cannot hold it, behind all that was sent', async () => {
    const { calls, failure } = await commit({ prepare: () => Promise.reject(full) });
    expect(failure).toBe(full);
    expect(calls.indexOf('abort')).toBeGreaterThan(calls.indexOf('commitGroup'));
    expect(calls).not.toContain('commit');
  });

  it('is left to the broker where sending has failed: what is under way could arrive behind an abort', async () => {
    const { calls } = await commit({ append: () => Promise.reject(full), prepare: () => Promise.reject(full) });
    expect(calls).not.toContain('abort');
    expect((await commit({ append: () => Promise.reject(full) })).calls).not.toContain('abort');
  });

  it('has failed only when the store is done with it: a recovery must find what is pending', async () => {
    let isPending = false;
    const prepare = async (): Promise<void> => {
      await setImmediate();
      isPending = true;
    };
    const { failure } = await commit({ append: () => Promise.reject(full), prepare });
    expect(failure).toBe(full);
    expect(isPending).toBe(true);
  });

  it('is never aborted once it was asked to be committed', async () => {
    const { calls, failure } = await commit({ commit: () => Promise.reject(full) });
    expect(failure).toBe(full);
    expect(calls).not.toContain('abort');
    expect(calls).not.toContain('finish');
  });

  it.each([
    [59_999, 'OWNED_ELSEWHERE'],
    [60_000, 'TRANSACTION_TIMED_OUT'],
  ])('that is fenced after %i ms has failed with %s, whatever became of the time of day', async (ageMs, code) => {
    let elapsed = 0;
    const clock = { now: () => -elapsed, elapsed: () => elapsed, sleep: async () => {} };
    const fenced = (): Promise<never> => {
      elapsed = ageMs;
      return Promise.reject(new MillraceError('FENCED', 'a newer producer has taken over'));
    };
    const { epochs } = commitOver({ commit: fenced }, clock);
    await expect(epochs.commit(CHECKPOINT, [], [])).rejects.toMatchObject({ code });
  });

  it('fails as the store does where the abort fails, too', async () => {
    const { failure } = await commit({ prepare: () => Promise.reject(full), abort: () => Promise.reject(new Error()) });
    expect(failure).toBe(full);
  });
});
