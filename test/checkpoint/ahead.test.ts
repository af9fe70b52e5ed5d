import { setImmediate } from 'node:timers/promises';
import { ManualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { AheadOfCommit } from '../../src/checkpoint/ahead.ts';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import type { RecordBatch } from '../../src/core/record-batch.ts';
import { CHECKPOINT, commitOver, textOf } from './commit-over.ts';

function batch(text: string): RecordBatch {
  const builder = new RecordBatchBuilder('t', 0);
  builder.add(null, text, 0);
  return builder.finish();
}

describe('AheadOfCommit', () => {
  it('sends a batch of the epoch that is decided next, and keeps one of the epoch behind it until then', async () => {
    const sent: string[] = [];
    const ahead = new AheadOfCommit(7, async (one) => sent.push(textOf(one)), new ManualClock(5));
    const later = ahead.append(8, batch('8a'));
    void ahead.append(7, batch('7a'));
    void ahead.append(8, batch('8b'));
    expect(sent).toEqual(['7a']);
    expect(ahead.beganAt).toBe(5);
    await ahead.all();
    ahead.next();
    await later;
    void ahead.append(8, batch('8c'));
    expect(sent).toEqual(['7a', '8a', '8b', '8c']);
  });

  it('has begun nothing before the first batch of an epoch', () => {
    const ahead = new AheadOfCommit(1, async () => {}, new ManualClock(5));
    expect(ahead.beganAt).toBeUndefined();
    void ahead.append(1, batch('a'));
    ahead.next();
    expect(ahead.beganAt).toBeUndefined();
  });

  it('tells of a batch that the log did not take, whoever waits for all of the epoch', async () => {
    const ahead = new AheadOfCommit(1, () => Promise.reject(new Error('gone')), new ManualClock(0));
    await expect(ahead.append(1, batch('a'))).rejects.toThrow('gone');
    await expect(ahead.all()).rejects.toThrow('gone');
  });
});

describe('an epoch whose batches are sent ahead', () => {
  it('is committed when the log has them, and before the next one begins', async () => {
    const { calls, epochs } = commitOver();
    await epochs.appendAhead(1, batch('1a'));
    const next = epochs.appendAhead(2, batch('2a'));
    await epochs.commit(CHECKPOINT, [], [batch('1b')]);
    await next;
    expect(calls.indexOf('append 1a')).toBe(0);
    expect(calls.indexOf('append 1b')).toBeLessThan(calls.indexOf('commit'));
    expect(calls.indexOf('append 2a')).toBeGreaterThan(calls.indexOf('commit'));
    expect(calls).not.toContain('abort');
  });

  it('is not committed when the log lacks one of them', async () => {
    const { calls, epochs } = commitOver({ append: () => Promise.reject(new Error('gone')) });
    epochs.appendAhead(1, batch('1a')).catch(() => {});
    await expect(epochs.commit(CHECKPOINT, [], [])).rejects.toThrow('gone');
    expect(calls).not.toContain('commit');
  });

  it('is aborted when it is withdrawn, behind all that was sent', async () => {
    const { calls, epochs } = commitOver();
    void epochs.appendAhead(1, batch('1a'));
    await epochs.withdraw();
    expect(calls).toEqual(['append 1a', '(sent-ahead)', 'abort']);
  });

  it('is left alone by a withdrawal where nothing was sent, where that has failed, or where its commit is under way', async () => {
    const nothing = commitOver();
    await nothing.epochs.withdraw();
    expect(nothing.calls).toEqual([]);

    const failed = commitOver({ append: () => Promise.reject(new Error('gone')) });
    failed.epochs.appendAhead(1, batch('1a')).catch(() => {});
    await failed.epochs.withdraw();
    expect(failed.calls).toEqual(['append 1a']);

    const unknown = commitOver({ commit: () => Promise.reject(new Error('nobody knows')) });
    await unknown.epochs.appendAhead(1, batch('1a'));
    await expect(unknown.epochs.commit(CHECKPOINT, [], [])).rejects.toThrow('nobody knows');
    await unknown.epochs.withdraw();
    await setImmediate();
    expect(unknown.calls).not.toContain('abort');
  });

  it('gets nothing more once it was withdrawn, or has failed: that would begin a transaction that nobody ends', async () => {
    const withdrawn = commitOver();
    const waiting = withdrawn.epochs.appendAhead(2, batch('2a'));
    await withdrawn.epochs.withdraw();
    await expect(waiting).rejects.toMatchObject({ code: 'TRANSACTION_FAILED' });
    await expect(withdrawn.epochs.appendAhead(1, batch('1a'))).rejects.toMatchObject({ code: 'TRANSACTION_FAILED' });
    expect(withdrawn.calls).toEqual([]);

    const failed = commitOver({ commit: () => Promise.reject(new Error('nobody knows')) });
    await expect(failed.epochs.commit(CHECKPOINT, [], [])).rejects.toThrow('nobody knows');
    await expect(failed.epochs.appendAhead(1, batch('1a'))).rejects.toMatchObject({ code: 'TRANSACTION_FAILED' });
    expect(failed.calls).not.toContain('append 1a');
  });
});
