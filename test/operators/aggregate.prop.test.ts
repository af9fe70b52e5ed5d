import * as fc from 'fast-check';
import { avg, avgMoney, count, first, last, max, min, sum, sumMoney, type Aggregate } from 'millrace/operators';
import { describe, expect, it } from 'vitest';
import { Chunk } from '../../src/core/element.ts';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { pack, unpack } from '../../src/state/codec.ts';

const RUNS = { numRuns: 400, seed: 20_240_106 };

/** A value and where it stands. */
interface Placed {
  readonly value: number;
  readonly time: number;
  readonly partition: number;
}

const amount = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((cents) => cents / 100),
  fc.constantFrom(0.1, 0.2, 1e16, -1e16, 1.005, 1e-9, 9_007_199_254_740_992),
);
/** The store keeps one zero, so values have one, too. */
const placed = fc.record({ value: amount.map((value) => value + 0), time: fc.nat(20), partition: fc.nat(2) });

function chunkOf({ time, partition }: Placed, offset: number): Chunk<unknown> {
  const builder = new RecordBatchBuilder('t', partition);
  builder.add(null, null, 0);
  const input = builder.finish();
  input.offsets[0] = offset;
  const columns = {
    origin: { source: 's', topic: 't', partition },
    input,
    rows: undefined,
    watermarks: undefined,
    keys: undefined,
  };
  return new Chunk({ ...columns, times: Float64Array.of(time), caughtUp: false }, [undefined]);
}

const AGGREGATES: Readonly<Record<string, Aggregate<number, unknown, unknown>>> = {
  count: count(),
  sum: sum((v: number) => v),
  avg: avg((v: number) => v),
  sumMoney: sumMoney((v: number) => v),
  avgMoney: avgMoney((v: number) => v),
  min: min((v: number) => v),
  max: max((v: number) => v),
  first: first((v: number) => v),
  last: last((v: number) => v),
};

describe.each(Object.entries(AGGREGATES))('%s', (_, aggregate) => {
  const over = (records: readonly { readonly at: Placed; readonly offset: number }[]): unknown => {
    let accumulator = aggregate.init();
    for (const { at, offset } of records) accumulator = aggregate.add(accumulator, at.value, chunkOf(at, offset), 0);
    return accumulator;
  };

  it('gives the same in any order, merged from any parts, and over a checkpoint', () => {
    const records = fc.array(placed, { minLength: 1, maxLength: 12 }).chain((all) => {
      const numbered = all.map((at, offset) => ({ at, offset }));
      const shuffled = fc.shuffledSubarray(numbered, { minLength: numbered.length });
      return fc.record({ numbered: fc.constant(numbered), shuffled, cut: fc.nat(numbered.length) });
    });
    fc.assert(
      fc.property(records, ({ numbered, shuffled, cut }) => {
        const whole = aggregate.result(over(numbered));
        expect(aggregate.result(over(shuffled))).toEqual(whole);
        const [a, b] = [over(shuffled.slice(0, cut)), over(shuffled.slice(cut))];
        const copy = (accumulator: unknown) => unpack(pack(accumulator));
        expect(aggregate.result(aggregate.merge(copy(a), copy(b)))).toEqual(whole);
        expect(aggregate.result(aggregate.merge(copy(b), copy(a)))).toEqual(whole);
        expect(aggregate.result(aggregate.merge(aggregate.init(), copy(over(numbered))))).toEqual(whole);
      }),
      RUNS,
    );
  });
});

const NOWHERE = chunkOf({ value: 0, time: 0, partition: 0 }, 0);
/** The least double is 2^-1074: in its multiples every double is a whole number. */
const POINT = 1_074n;

/** A double as a whole number of 2^-1074. */
function fixed(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const exponent = (bits.getBigUint64(0) >> 52n) & 0x7ffn;
  const fraction = bits.getBigUint64(0) & 0xf_ffff_ffff_ffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -magnitude : magnitude;
}

/** The double nearest to a whole number of 2^-1074, half to even. */
function nearest(exact: bigint): number {
  const magnitude = exact < 0n ? -exact : exact;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - 53));
  const half = drop === 0n ? 0n : 1n << (drop - 1n);
  const below = magnitude & ((1n << drop) - 1n);
  const kept = magnitude >> drop;
  const up = drop > 0n && (below > half || (below === half && (kept & 1n) === 1n));
  const power = Number(drop - POINT);
  const scaled = Number(up ? kept + 1n : kept) * 2 ** Math.trunc(power / 2);
  return (exact < 0n ? -1 : 1) * (scaled * 2 ** (power - Math.trunc(power / 2))) + 0;
}

describe('least and greatest', () => {
  const over = <A, R>(aggregate: Aggregate<number, A, R>, values: readonly number[]): R =>
    aggregate.result(values.reduce((acc, v) => aggregate.add(acc, v, NOWHERE, 0), aggregate.init()));

  it.each([
    [[], undefined, undefined],
    [[Number.NaN], undefined, undefined],
    [[Number.NaN, 3, Number.NaN, 1], 1, 3],
    [[Number.POSITIVE_INFINITY], Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [[Number.NEGATIVE_INFINITY, 0], Number.NEGATIVE_INFINITY, 0],
  ])('of %j are %d and %d', (values, least, greatest) => {
    expect(
      over(
        min((v: number) => v),
        values,
      ),
    ).toBe(least);
    expect(
      over(
        max((v: number) => v),
        values,
      ),
    ).toBe(greatest);
  });
});

describe('sums', () => {
  const total = (values: readonly number[]): number => {
    const aggregate = sum((v: number) => v);
    return aggregate.result(
      values.reduce(
        (acc, v, i) => aggregate.add(acc, v, chunkOf({ value: v, time: 0, partition: 0 }, i), 0),
        aggregate.init(),
      ),
    );
  };
  const money = (values: readonly number[]): number => {
    const aggregate = sumMoney((v: number) => v);
    return aggregate.result(
      values.reduce(
        (acc, v, i) => aggregate.add(acc, v, chunkOf({ value: v, time: 0, partition: 0 }, i), 0),
        aggregate.init(),
      ),
    );
  };

  it.each([
    [[0.1, 0.2, 0.3], 0.6],
    [[1e16, 1, -1e16], 1],
    [[1e308, 1e308, 1], Number.POSITIVE_INFINITY],
    [[], 0],
    [[Number.POSITIVE_INFINITY, 1], Number.POSITIVE_INFINITY],
  ])('are rounded once: %j is %d', (values, expected) => expect(total(values)).toBe(expected));

  it('are the double nearest to the exact sum, for any doubles in any order', () => {
    const tiny = fc.constantFrom(5e-324, -5e-324, 2 ** -1022);
    const huge = fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 1023, -(2 ** 1023), 2 ** 970, -(2 ** 970));
    const any = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), tiny, huge, amount);
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), fc.nat(12), (values, cut) => {
        const expected = nearest(values.reduce((exact, v) => exact + fixed(v), 0n));
        expect(total(values)).toBe(expected);
        const aggregate = sum((v: number) => v);
        const [a, b] = [values.slice(0, cut), values.slice(cut)].map((part) => {
          return part.reduce((acc, v, i) => aggregate.add(acc, v, NOWHERE, i), aggregate.init());
        });
        expect(aggregate.result(aggregate.merge(a, b))).toBe(expected);
      }),
      { ...RUNS, numRuns: 3_000 },
    );
  });

  it.each([
    [[1e308, 1e308, -1e308, -1e308], 0],
    [[Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE], Number.MAX_VALUE],
    [[1e308, 1e308, -1e308, Number.NEGATIVE_INFINITY], Number.NEGATIVE_INFINITY],
    [[1e308, 1e308, 1e308, 1], Number.POSITIVE_INFINITY],
    [[-0], 0],
  ])('do not mind what they pass through: %j is %d', (values, expected) => expect(total(values)).toBe(expected));

  it('are NaN for infinities of both signs', () => {
    expect(total([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBeNaN();
  });

  it.each([
    [[1.005], 1.01],
    [[-1.005], -1.01],
    [[0.285], 0.29],
    [[1.255, 1.255], 2.52],
    [[0.1, 0.2], 0.3],
    [[9_007_199_254_740.91, 0.01, 0.01], 9_007_199_254_740.93],
    [[1e21, -1e21, 0.01], 0.01],
    [[1e-9], 0],
  ])('of money are exact to the cent, as amounts read in decimal: %j is %d', (values, expected) => {
    expect(money(values)).toBe(expected);
  });

  it('of money agree with whole cents, for any amounts of cents', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger(), { maxLength: 20 }), (cents) => {
        const exact = cents.map((c) => Math.trunc(c / 1_000));
        const expected = exact.reduce((a, b) => a + BigInt(b), 0n);
        expect(money(exact.map((c) => c / 100))).toBe(Number(expected) / 100);
      }),
      RUNS,
    );
  });

  it('of money refuse what is no amount', () => {
    expect(() => money([Number.NaN])).toThrow('an amount of money must be a finite number');
  });
});
