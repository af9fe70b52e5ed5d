import { describe, expect, it } from 'vitest';
import { assertBalanced, emptyCounts, findImbalance, type NodeCounts } from '../../src/core/ledger.ts';

function counts(of: Partial<NodeCounts>): NodeCounts {
  return { ...emptyCounts(), ...of };
}

const EDGES = [{ from: 'a', to: 'b' }];

describe('the ledger', () => {
  it('balances when every record is passed, filtered, rejected or late', () => {
    const cut = new Map([
      ['a', counts({ in: 10, passed: 6, filtered: 2, rejected: 1, late: 1, emitted: 6, carriedOut: 2 })],
      ['b', counts({ in: 6, passed: 6, carriedIn: 2, taken: 2 })],
    ]);
    expect(findImbalance(cut, EDGES)).toBeUndefined();
  });

  it('names a node that lost a record', () => {
    const cut = new Map([['a', counts({ in: 10, passed: 9 })]]);
    expect(findImbalance(cut, [])).toContain('a received 10 records and accounts for 9');
  });

  it('names an edge on which a record went missing', () => {
    const cut = new Map([
      ['a', counts({ in: 2, passed: 2, emitted: 2 })],
      ['b', counts({ in: 1, passed: 1 })],
    ]);
    expect(findImbalance(cut, EDGES)).toBe('a → b: 2 records left and 1 arrived');
  });

  it('names a rejection that was neither taken nor carried on', () => {
    const cut = new Map([['a', counts({ in: 1, rejected: 1 })]]);
    expect(findImbalance(cut, [])).toContain('a had 1 rejections to hand on and accounts for 0');
  });

  it('names a node that lets a barrier pass with records undecided', () => {
    const cut = new Map([['a', counts({ in: 1, pending: 1 })]]);
    expect(findImbalance(cut, [])).toContain('undecided');
  });

  it('adds up the inputs of a merge', () => {
    const cut = new Map([
      ['a', counts({ in: 2, passed: 2, emitted: 2 })],
      ['b', counts({ in: 3, passed: 3, emitted: 3 })],
      ['m', counts({ in: 5, passed: 5, emitted: 5 })],
    ]);
    expect(
      findImbalance(cut, [
        { from: 'a', to: 'm' },
        { from: 'b', to: 'm' },
      ]),
    ).toBeUndefined();
  });

  it('stops a checkpoint with LEDGER_MISMATCH', () => {
    expect(() => assertBalanced(new Map([['a', counts({ in: 1 })]]), [])).toThrowError(
      expect.objectContaining({ code: 'LEDGER_MISMATCH' }),
    );
  });
});
