import { describe, expect, it } from 'vitest';
import { type Checkpoint, firstCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { assertSameOffsets, type DecidedOffset, epochMetadata, reconcile } from '../../src/checkpoint/reconcile.ts';

const LIFE = 'abc123';
const fingerprint = { version: 1, sources: [], stateful: {}, shape: '' };

function checkpoint(epoch: number, decidedBy: Checkpoint['decidedBy'] = 'transaction', offset = 0): Checkpoint {
  return { ...firstCheckpoint({ offsets: { source: [offset] }, fingerprint }, 0), epoch, life: LIFE, decidedBy };
}

function at(epoch: number | undefined): DecidedOffset[] {
  return epoch === undefined
    ? []
    : [{ topic: 't', partition: 0, offset: 0, metadata: epochMetadata({ epoch: epoch, life: LIFE }) }];
}

const verdict = (current: Checkpoint, pending: Checkpoint | undefined, decided: number | undefined) =>
  reconcile({ group: 'g', current, pending, decided: at(decided) });

describe('reconcile', () => {
  it('keeps what is pending when the log has decided it, and drops it when it has not', () => {
    expect(verdict(checkpoint(4), checkpoint(5), 5)).toBe('finish');
    expect(verdict(checkpoint(4), checkpoint(5), 4)).toBe('drop');
    expect(verdict(checkpoint(4), undefined, 4)).toBe('none');
  });

  it('begins where nothing was decided yet', () => {
    expect(verdict(checkpoint(0, 'store'), undefined, undefined)).toBe('none');
    expect(verdict(checkpoint(0, 'store'), checkpoint(1), undefined)).toBe('drop');
    expect(verdict(checkpoint(0, 'store'), checkpoint(1), 1)).toBe('finish');
  });

  it('goes on from the store where that has decided, whether the group followed or not', () => {
    expect(verdict(checkpoint(7, 'store'), undefined, 6)).toBe('none');
    expect(verdict(checkpoint(7, 'store'), undefined, undefined)).toBe('none');
    expect(verdict(checkpoint(7, 'store'), checkpoint(8), 6)).toBe('drop');
    expect(verdict(checkpoint(7, 'store'), checkpoint(8), 8)).toBe('finish');
  });

  it.each([
    ['the state directory is older than the group', checkpoint(4), undefined, 5, /older than the group/],
    ['it is older by more than what is pending', checkpoint(4), checkpoint(5), 6, /older than the group/],
    ['a fresh directory meets a group that has come far', checkpoint(0, 'store'), undefined, 9, /older than the group/],
    ['the group has lost its offsets', checkpoint(4), undefined, undefined, /no offsets any more/],
    ['the group was set back', checkpoint(4), undefined, 3, /set back/],
  ])('refuses when %s', (_, current, pending, decided, message) => {
    expect(() => verdict(current, pending, decided)).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_MISMATCH', message: expect.stringMatching(message) }),
    );
  });

  it('refuses offsets that somebody else has written, or that are of two epochs', () => {
    const [ours] = at(4);
    const refused = (decided: DecidedOffset[]) =>
      expect(() => reconcile({ group: 'g', current: checkpoint(4), pending: undefined, decided })).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_MISMATCH' }),
      );
    refused([ours, { ...ours, partition: 1, metadata: '' }]);
    refused([ours, { ...ours, partition: 1, metadata: epochMetadata({ epoch: 3, life: LIFE }) }]);
    refused([{ ...ours, metadata: 'epoch 4 or so' }]);
    refused([{ ...ours, metadata: 'epoch 4' }]);
    refused([{ ...ours, metadata: epochMetadata({ epoch: 4, life: 'def456' }) }]);
  });
});

describe('assertSameOffsets', () => {
  const decided = at(4);

  it('passes where the epoch of both sides has the same offsets', () => {
    for (const [same, topic] of [
      [checkpoint(4), 't'],
      [checkpoint(4, 'store', 9), 't'],
      [checkpoint(4, 'transaction', 9), 'another'],
    ] as const) {
      expect(() => assertSameOffsets('g', same, decided, () => topic)).not.toThrow();
    }
  });

  it('refuses where they differ', () => {
    expect(() => assertSameOffsets('g', checkpoint(4, 'transaction', 9), decided, () => 't')).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_MISMATCH', message: expect.stringContaining('t[0]') }),
    );
  });
});
