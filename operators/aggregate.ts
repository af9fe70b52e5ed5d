/** Aggregates: what a window computes over its values. Each can be merged from partials and is the same in any order. */
import type { Chunk } from '../src/core/element.ts';
import { addMoney, ExactSum, mergeMoney, type MoneySum, moneyAverage, moneyTotal } from './aggregate-sums.ts';
import { invalidOption } from './core/options.ts';
import type { CompiledAggregate } from './core/window.ts';

/**
 * One aggregate. `A` is plain data that msgpack can hold (numbers, bigints, strings, arrays, plain objects).
 *
 * Laws, which `millrace/testing` checks: `merge` is associative and commutative, `init()` is its identity, and adding
 * values in any order, to one accumulator or to several that are merged, gives the same result.
 */
export interface Aggregate<T, A, R> {
  /** Name for the plan's fingerprint: another one means that stored accumulators cannot be carried over. */
  readonly kind: string;
  init(): A;
  /** Returns the new accumulator; may change and return the one it was given. `chunk` and `i` say where the value stands. */
  add(accumulator: A, value: T, chunk: Chunk<unknown>, i: number): A;
  merge(a: A, b: A): A;
  result(accumulator: A): R;
}

export type Aggregates<T> = Readonly<Record<string, Aggregate<T, unknown, unknown>>>;

export type AggregateResults<A> = {
  -readonly [K in keyof A]: A[K] extends { result(accumulator: never): infer R } ? R : never;
};

/** Number of values. */
export function count<T>(): Aggregate<T, number, number> {
  return {
    kind: 'count',
    init: () => 0,
    add: (n) => n + 1,
    merge: (a, b) => a + b,
    result: (n) => n,
  };
}

/** Sum of doubles, rounded once at the end: the same values in any order give the same last bit, whatever they pass through. */
export function sum<T>(of: (value: T) => number): Aggregate<T, number[], number> {
  return {
    kind: 'sum',
    init: ExactSum.init,
    add: (partials, value) => ExactSum.add(partials, of(value)),
    merge: ExactSum.merge,
    result: ExactSum.total,
  };
}

/** Arithmetic mean, from the exact sum; NaN for no value. */
export function avg<T>(of: (value: T) => number): Aggregate<T, { n: number; partials: number[] }, number> {
  return {
    kind: 'avg',
    init: () => ({ n: 0, partials: ExactSum.init() }),
    add(accumulator, value) {
      accumulator.n++;
      ExactSum.add(accumulator.partials, of(value));
      return accumulator;
    },
    merge: (a, b) => ({ n: a.n + b.n, partials: ExactSum.merge(a.partials, b.partials) }),
    result: ({ n, partials }) => ExactSum.total(partials) / n,
  };
}

/**
 * Sum of amounts of money, exact to the cent: each amount is rounded to cents (half away from zero, as it reads in decimal), and cents
 * are whole numbers. The result is in units: 1234 cents are 12.34.
 *
 * @throws TypeError, which stops the pipeline, for an amount that is not finite
 */
export function sumMoney<T>(of: (value: T) => number): Aggregate<T, MoneySum, number> {
  return {
    kind: 'sumMoney',
    init: () => 0,
    add: (cents, value) => addMoney(cents, of(value)),
    merge: mergeMoney,
    result: moneyTotal,
  };
}

/** Mean of amounts of money, from the exact sum of cents, rounded to cents (half away from zero); NaN for no value. */
export function avgMoney<T>(of: (value: T) => number): Aggregate<T, { n: number; cents: MoneySum }, number> {
  return {
    kind: 'avgMoney',
    init: () => ({ n: 0, cents: 0 }),
    add(accumulator, value) {
      accumulator.n++;
      accumulator.cents = addMoney(accumulator.cents, of(value));
      return accumulator;
    },
    merge: (a, b) => ({ n: a.n + b.n, cents: mergeMoney(a.cents, b.cents) }),
    result: ({ n, cents }) => moneyAverage(cents, n),
  };
}

/** Least value; `undefined` for none. NaN is passed over. */
export function min<T>(of: (value: T) => number): Aggregate<T, number | null, number | undefined> {
  return extreme('min', of, (a, b) => a < b);
}

/** Greatest value; `undefined` for none. NaN is passed over. */
export function max<T>(of: (value: T) => number): Aggregate<T, number | null, number | undefined> {
  return extreme('max', of, (a, b) => a > b);
}

function extreme<T>(
  kind: string,
  of: (value: T) => number,
  isBetter: (a: number, b: number) => boolean,
): Aggregate<T, number | null, number | undefined> {
  return {
    kind,
    init: () => null,
    add(best, value) {
      // One zero: which of 0 and −0 comes first must not matter.
      const candidate = of(value) + 0;
      if (best === null) return Number.isNaN(candidate) ? null : candidate;
      return isBetter(candidate, best) ? candidate : best;
    },
    merge(a, b) {
      if (a === null || b === null) return a ?? b;
      return isBetter(b, a) ? b : a;
    },
    result: (best) => best ?? undefined,
  };
}

/** A value and what orders it: event time, then topic, partition and offset, so that no two records tie. */
type Placed<R> = null | readonly [time: number, topic: string, partition: number, offset: number, value: R];

/** Value of the earliest record by event time; of several at one time, of the first by topic, partition and offset. */
export function first<T, R>(of: (value: T) => R): Aggregate<T, Placed<R>, R> {
  return byPlace('first', of, (order) => order < 0);
}

/** Value of the latest record by event time; of several at one time, of the last by topic, partition and offset. */
export function last<T, R>(of: (value: T) => R): Aggregate<T, Placed<R>, R> {
  return byPlace('last', of, (order) => order > 0);
}

function byPlace<T, R>(
  kind: string,
  of: (value: T) => R,
  isBetter: (order: number) => boolean,
): Aggregate<T, Placed<R>, R> {
  return {
    kind,
    init: () => null,
    add(best, value, chunk, i) {
      if (best !== null && !isBetter(orderOf(chunk, i, best))) return best;
      return [chunk.times[i], chunk.origin.topic, chunk.origin.partition, chunk.offset(i), of(value)];
    },
    merge(a, b) {
      if (a === null || b === null) return a ?? b;
      return isBetter(compare(b[0], a[0]) || compare(b[1], a[1]) || compare(b[2], a[2]) || compare(b[3], a[3])) ? b : a;
    },
    // A window holds a value before it has a result.
    result: (best) => best![4],
  };
}

/** Negative when record `i` stands before the placed one. */
function orderOf(chunk: Chunk<unknown>, i: number, placed: NonNullable<Placed<unknown>>): number {
  const byTime = compare(chunk.times[i], placed[0]);
  if (byTime !== 0) return byTime;
  const { topic, partition } = chunk.origin;
  return compare(topic, placed[1]) || compare(partition, placed[2]) || compare(chunk.offset(i), placed[3]);
}

function compare<V extends number | string>(a: V, b: V): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @throws MillraceError PLAN_INVALID for a field that a result has anyway, and for something that is no aggregate */
export function compileAggregates<T, A extends Aggregates<T>>(
  operator: string,
  aggregates: A,
): CompiledAggregate<T, unknown[], AggregateResults<A>> {
  const names = Object.keys(aggregates ?? {});
  if (names.length === 0)
    throw invalidOption(operator, 'aggregate', 'must name at least one aggregate, such as count()');
  for (const name of names) {
    if (RESERVED.has(name))
      throw invalidOption(operator, `aggregate.${name}`, 'is a field that every result has: choose another name');
    if (typeof aggregates[name]?.add !== 'function')
      throw invalidOption(operator, `aggregate.${name}`, 'must be an aggregate, such as count()');
  }
  const parts = names.map((name) => aggregates[name]);
  const n = parts.length;
  return {
    description: names.map((name, j) => `${name}:${parts[j].kind}`).join(' '),
    init: () => parts.map((part) => part.init()),
    add(accumulators, value, chunk, i) {
      for (let j = 0; j < n; j++) accumulators[j] = parts[j].add(accumulators[j], value, chunk, i);
    },
    resultInto(target, accumulators) {
      const results = target as Record<string, unknown>;
      for (let j = 0; j < n; j++) results[names[j]] = parts[j].result(accumulators[j]);
      return results as typeof target & AggregateResults<A>;
    },
  };
}

const RESERVED = new Set(['key', 'start', 'end', 'final']);
