import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateEvents, type Summary } from '../../bench/state-data.ts';

const sizes = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 500 }));

function generated(records: number, keys: number): { summary: Summary; taken: { key: string; amount: number }[] } {
  const summary = { results: 0, hash: 0 };
  const taken = [...generateEvents(records, keys, summary)].map(({ key, value }) => ({
    key: String(key),
    amount: Number(value),
  }));
  return { summary, taken };
}

/** What a program writes that counts and sums by key, `key=count,sum`. */
function resultsOf(taken: readonly { key: string; amount: number }[]): string[] {
  const state = new Map<string, { count: number; sum: number }>();
  return taken.map(({ key, amount }) => {
    const { count, sum } = state.get(key) ?? { count: 0, sum: 0 };
    const next = { count: count + 1, sum: sum + amount };
    state.set(key, next);
    return `${key}=${next.count},${next.sum}`;
  });
}

function summaryOf(results: readonly string[]): Summary {
  const hashes = results.map((result) => {
    const hash = Buffer.from(result).reduce(
      (sum, byte) => ((sum ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn,
      0x811c9dc5n,
    );
    return hash;
  });
  return { results: results.length, hash: Number(hashes.reduce((sum, hash) => sum + hash, 0n) % 2n ** 48n) };
}

describe('the events of the state bench', () => {
  it('bring every key once before any comes again', () => {
    fc.assert(
      fc.property(sizes, ([keys, more]) => {
        const { taken } = generated(keys + more, keys);
        expect(new Set(taken.slice(0, keys).map(({ key }) => key)).size).toBe(keys);
        expect(new Set(taken.map(({ key }) => key)).size).toBe(keys);
      }),
      { seed: 1 },
    );
  });

  it('are summed up as a reader sums up the results of whoever counts them, in whatever order it reads', () => {
    fc.assert(
      fc.property(sizes, ([keys, more]) => {
        const { taken, summary } = generated(keys + more, keys);
        expect(summaryOf(resultsOf(taken).toReversed())).toEqual(summary);
      }),
      { seed: 2 },
    );
  });

  it('have another sum when a result is missing, comes twice, or is of another count', () => {
    const { taken, summary } = generated(300, 100);
    const results = resultsOf(taken);
    const again = results.map((result, i) => (i === 250 ? result.replace(/=\d+/, '=7') : result));
    for (const wrong of [results.slice(1), [...results, results[0]], again, [...results.slice(1), results[1]]]) {
      expect(summaryOf(wrong)).not.toEqual(summary);
    }
  });
});
