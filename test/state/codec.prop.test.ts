import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { pack, packShapes, unpack, unpackShapes } from '../../src/state/codec.ts';

const SEED = 20_260_101;

const leaf = fc.oneof(
  fc.double().map((n) => n + 0),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, -(2 ** 31), 2 ** 32),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.uint8Array({ maxLength: 40 }),
);

const field = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => name !== '__proto__');

const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.array(tie('any'), { maxLength: 6 }),
    fc.dictionary(field, tie('any'), { maxKeys: 6, noNullPrototype: true }),
    fc.array(fc.tuple(leaf, tie('any')), { maxLength: 5 }).map((entries) => new Map(entries)),
  ),
})).any;

/** Byte arrays come back as plain ones, whatever class of view went in. */
function plain(any: unknown): unknown {
  if (any instanceof Uint8Array) return { bytes: [...any] };
  if (any instanceof Map) return new Map([...any].map(([key, entry]) => [plain(key), plain(entry)]));
  if (Array.isArray(any)) return any.map(plain);
  if (typeof any !== 'object' || any === null) return any === 0 ? 0 : any;
  return Object.fromEntries(Object.entries(any).map(([key, entry]) => [key, plain(entry)]));
}

describe('pack and unpack', () => {
  it('give back every value, wherever its bytes lie', () => {
    fc.assert(
      fc.property(value, fc.nat(9), (any, shift) => {
        const bytes = pack(any);
        const elsewhere = new Uint8Array(bytes.length + shift);
        elsewhere.set(bytes, shift);
        expect(plain(unpack(elsewhere.subarray(shift)))).toStrictEqual(plain(any));
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('give the same bytes for the same value', () => {
    fc.assert(
      fc.property(value, (any) => {
        expect(Buffer.compare(pack(any), pack(structuredClone(any)))).toBe(0);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('give back every value where shapes are named, however many there are', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 60 }), (many) => {
        const repeated = [...many, ...many];
        expect(plain(unpackShapes(packShapes(repeated)))).toStrictEqual(plain(repeated));
      }),
      { seed: SEED, numRuns: 300 },
    );
    const shapes = Array.from({ length: 500 }, (_, i) => ({ [`k${i % 90}`]: i, nested: { [`n${i % 50}`]: [{ i }] } }));
    expect(unpackShapes(packShapes(shapes))).toStrictEqual(shapes);
  });

  it('name shapes anew in every value', () => {
    const [first, second] = [[{ a: 1 }, { a: 2 }], [{ a: 3 }]].map(packShapes);
    expect(new Packr({ useBigIntExtension: true }).unpack(second)).toEqual([{ a: 3 }]);
    expect(unpackShapes(second)).toStrictEqual([{ a: 3 }]);
    expect(unpackShapes(first)).toStrictEqual([{ a: 1 }, { a: 2 }]);
  });

  it('take a field of the name under which msgpackr keeps notes among fields', () => {
    const shapes = [
      { a: 1 },
      { a: 1, __keys__: 2 },
      {},
      { __keys__: { a: [3] } },
      { a: 1, __keys__: 2, b: 3 },
      { a: 4 },
    ];
    for (const some of [shapes, shapes.toReversed()]) expect(unpackShapes(packShapes(some))).toStrictEqual(some);
    expect(unpack(pack(shapes))).toStrictEqual(shapes);
  });

  it('take fields that are named as the members of every object', () => {
    const named: readonly unknown[] = [
      { constructor: 1, toJSON: 2 },
      { constructor: null, hasOwnProperty: 3, toString: 4, toJSON: 'x' },
    ];
    expect(unpack(pack(named))).toStrictEqual(named);
    expect(unpackShapes(packShapes(named))).toStrictEqual(named);
    expect(unpack(pack([new URL('http://a/b'), new Date(7)]))).toStrictEqual(['http://a/b', new Date(7)]);
  });

  it('put one U+FFFD or three in place of a lone surrogate, and 0 in place of −0', () => {
    const [short, long] = ['\ud800', `${'a'.repeat(100)}\ud800`];
    expect(unpack(pack([short, long, -0]))).toStrictEqual(['\ufffd'.repeat(3), `${'a'.repeat(100)}\ufffd`, 0]);
  });

  it('keep values apart that were packed one after the other', () => {
    const packed = [{ a: 1, b: 2 }, { a: 3, b: 4 }, new Map([['a', 5]])].map(pack);
    expect(packed.map(unpack)).toStrictEqual([{ a: 1, b: 2 }, { a: 3, b: 4 }, new Map([['a', 5]])]);
  });

  it('take objects of more than 65,535 fields', () => {
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]));
    expect(unpack(pack(wide))).toStrictEqual(wide);
  });

  it('copy byte arrays out of what is unpacked', () => {
    const bytes = pack({ data: Uint8Array.of(1, 2, 3) });
    const { data } = unpack(bytes) as { data: Uint8Array };
    bytes.fill(0);
    expect([...data]).toStrictEqual([1, 2, 3]);
  });

  it('leave the value as it was', () => {
    const any = { list: [new Map([['a', new Map([['b', 1n]])]])], n: Number.NaN };
    pack(any);
    expect(any.list[0]).toBeInstanceOf(Map);
  });
});
