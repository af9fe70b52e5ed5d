import { type Aggregate, sum } from 'millrace/operators';

/** What is known of the amounts of a window; null where none of them is known. */
export interface Amounts {
  readonly sum_amount: number | null;
  readonly avg_amount: number | null;
  readonly max_amount: number | null;
}

interface Accumulated {
  /** Amounts that are not missing. */
  n: number;
  partials: number[];
  max: number;
  /** The greatest distance from 0. */
  reach: number;
  /** All of them have at most four decimals, as the amounts of all currencies have. */
  isPlain: boolean;
}

const UNIT = 10_000;
/** Up to it, the errors of doubles add up to less than half a unit: the nearest decimal is the sum of the decimals. */
const MAX_PLAIN = 1e11;

/**
 * Sum, mean and greatest of amounts of money that may be missing, as SQL has it: what is missing does not count. Sums are
 * those of the decimals that the amounts are, so that 0.1 and 0.2 are 0.3; finer numbers are summed as doubles, rounded once.
 */
export function amounts<T>(of: (value: T) => number | null): Aggregate<T, Accumulated, Amounts> {
  const total = sum<number>((amount) => amount);
  return {
    kind: 'amounts',
    init: () => ({ n: 0, partials: total.init(), max: Number.NEGATIVE_INFINITY, reach: 0, isPlain: true }),
    add(accumulated, value, chunk, i) {
      const amount = of(value);
      if (amount === null) return accumulated;
      accumulated.n++;
      accumulated.partials = total.add(accumulated.partials, amount, chunk, i);
      accumulated.max = Math.max(accumulated.max, amount);
      accumulated.reach = Math.max(accumulated.reach, Math.abs(amount));
      accumulated.isPlain &&= Math.round(amount * UNIT) / UNIT === amount;
      return accumulated;
    },
    merge: (a, b) => ({
      n: a.n + b.n,
      partials: total.merge(a.partials, b.partials),
      max: Math.max(a.max, b.max),
      reach: Math.max(a.reach, b.reach),
      isPlain: a.isPlain && b.isPlain,
    }),
    result({ n, partials, max, reach, isPlain }) {
      if (n === 0) return { sum_amount: null, avg_amount: null, max_amount: null };
      const exact = total.result(partials);
      const sum_amount = isPlain && n * reach < MAX_PLAIN ? Math.round(exact * UNIT) / UNIT : exact;
      return { sum_amount, avg_amount: sum_amount / n, max_amount: max };
    },
  };
}
