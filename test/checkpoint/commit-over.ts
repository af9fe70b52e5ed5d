/** Commits over a store and transactions that note what is called, and do instead what a test wants. */
import { ManualClock } from 'millrace/testing';
import type { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts';
import { TransactionCommit, type Transactions } from '../../src/checkpoint/epoch-commit.ts';
import { firstCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import type { Clock } from '../../src/core/ports.ts';
import type { RecordBatch } from '../../src/core/record-batch.ts';

const fingerprint = { version: 1, sources: [], stateful: {}, shape: '' };

export const CHECKPOINT = firstCheckpoint({ offsets: { source: [0] }, fingerprint }, 0);

export type Parts = Partial<Record<'append' | 'prepare' | 'commit' | 'abort', () => Promise<void>>>;

/** `calls`: what was called, in its order, with the texts that were appended, and the points that were reached. */
export function commitOver(
  parts: Parts = {},
  clock: Clock = new ManualClock(0),
): { calls: string[]; epochs: TransactionCommit } {
  const calls: string[] = [];
  const call = (name: keyof Parts | 'commitGroup' | 'finish', label: string = name): Promise<void> => {
    calls.push(label);
    return (name in parts ? parts[name as keyof Parts] : undefined)?.() ?? Promise.resolve();
  };
  const transactions: Transactions = {
    append: (batches) => call('append', ['append', ...batches.map(textOf)].join(' ')),
    commitGroup: () => call('commitGroup'),
    commit: () => call('commit'),
    abort: () => call('abort'),
  };
  const store = { prepare: () => call('prepare'), finish: () => call('finish') } as unknown as CheckpointStore;
  const epochs = new TransactionCommit({
    store,
    transactions,
    transactionalId: 'id',
    epoch: 0,
    timeoutMs: 60_000,
    group: 'g',
    offsetsOf: () => [],
    clock,
    onPoint: (point) => void calls.push(`(${point})`),
  });
  return { calls, epochs };
}

/** Of its first record. */
export function textOf(batch: RecordBatch): string {
  return String(batch.value(0));
}
