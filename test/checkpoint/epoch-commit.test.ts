import { setImmediate } from 'node:timers/promises';
import { ManualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { firstCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts';
import { TransactionCommit, type Transactions } from '../../src/checkpoint/epoch-commit.ts';
import { MillraceError } from '../../src/core/errors.ts';

const fingerprint = { version: 1, sources: [], stateful: {}, shape: '' };
const checkpoint = firstCheckpoint({ offsets: { source: [0] }, fingerprint }, 0);
const full = new MillraceError('STORE_FAILED', 'the disk is full');

/** The calls of one epoch, in their order, with some that fail or wait. */
async function commit(parts: Partial<Record<'append' | 'prepare' | 'commit' | 'abort', () => Promise<void>>>) {
  const calls: string[] = [];
  const call = (name: keyof typeof parts | 'commitGroup' | 'finish') => (): Promise<void> => {
    calls.push(name);
    return (name in parts ? parts[name as keyof typeof parts] : undefined)?.() ?? Promise.resolve();
  };
  const transactions: Transactions = {
    append: call('append'),
    commitGroup: call('commitGroup'),
    commit: call('commit'),
    abort: call('abort'),
  };
  const store = { prepare: call('prepare'), finish: call('finish') } as unknown as CheckpointStore;
  const epoch = new TransactionCommit({
    store,
    transactions,
    transactionalId: 'id',
    epoch: 0,
    timeoutMs: 60_000,
    group: 'g',
    offsetsOf: () => [],
    clock: new ManualClock(0),
    onPoint: () => {},
  });
  const failure: unknown = await epoch.commit(checkpoint, [], []).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { calls, failure };
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

  it('fails as the store does where the abort fails, too', async () => {
    const { failure } = await commit({ prepare: () => Promise.reject(full), abort: () => Promise.reject(new Error()) });
    expect(failure).toBe(full);
  });
});
