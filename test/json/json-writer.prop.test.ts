import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonWriter } from '../../src/json/json-writer.ts';
import { CAN_COMPILE } from './can-compile.ts';

type Row = Record<string, unknown>;

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('é', '\ud800', '\udc00x', '😀', '"', '\\', '\u2028', '\u007f', '\uffff', 'a\nb', '\u0000'),
);
const field = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 4, arbitrary: fc.double() },
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(
    null,
    undefined,
    -0,
    1e21,
    1e-7,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    10n,
    [1],
    { a: 1 },
    new Date(0),
  ),
  fc.constantFrom(() => 1, Symbol('s'), { toJSON: () => 'x' }),
);
const names = fc.constantFrom(
  ['a'],
  ['id', 'amount', 'ok'],
  ['7', 'b', 'a"b'],
  ['é', '__proto__x', 'toString'],
  ['toJSON'],
);

/** Rows of few shapes, so that most are of one that was seen before. */
const rows = fc.array(
  names.chain((keys) =>
    fc
      .tuple(...keys.map(() => field))
      .map((values) => Object.fromEntries(keys.map((key, i) => [key, values[i]])) as Row),
  ),
  { minLength: 1, maxLength: 12 },
);

describe.runIf(CAN_COMPILE)('JsonWriter', () => {
  it('writes what JSON.stringify writes, or nothing', () => {
    let written = 0;
    fc.assert(
      fc.property(rows, (values) => {
        const writer = new JsonWriter();
        for (const value of values) {
          const json = writer.write(value);
          if (json === undefined) continue;
          written++;
          expect(json).toBe(JSON.stringify(value));
        }
      }),
      { seed: 12, numRuns: 3_000 },
    );
    expect(written).toBeGreaterThan(3_000);
  });

  it('tells objects apart by the order of their fields', () => {
    const writer = new JsonWriter();
    expect(writer.write({ a: 1, b: 'x' })).toBeUndefined();
    expect(writer.write({ a: 2, b: 'y' })).toBe('{"a":2,"b":"y"}');
    expect(writer.write({ b: 'y', a: 2 })).toBeUndefined();
    expect(writer.write({ a: 2, b: 'y', c: 1 })).toBeUndefined();
    expect(writer.write({ b: 'z', a: 3 })).toBe('{"b":"z","a":3}');
  });

  it('leaves alone what is no plain object', () => {
    const writer = new JsonWriter();
    const inherits = Object.assign(Object.create({ a: 1 }) as Row, { b: 1 });
    const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'x', enumerable: false });
    for (const value of [null, undefined, 7, 'x', [], [1], new Map(), new Date(0), inherits, hidden, {}]) {
      for (let i = 0; i < 2; i++) expect(writer.write(value)).toBeUndefined();
    }
  });

  it('gives up on values that are never of use', () => {
    const writer = new JsonWriter();
    for (let i = 0; i < 300; i++) expect(writer.write({ a: [i] })).toBeUndefined();
    for (let i = 0; i < 2; i++) expect(writer.write({ a: 1 })).toBeUndefined();
  });

  it('gives up on values of which one in ten is of no use', () => {
    const writer = new JsonWriter();
    for (let i = 0; i < 2_000; i++) writer.write(i % 10 === 0 ? { a: 1, b: [i] } : { a: 1, b: 'x' });
    expect(writer.write({ a: 1, b: 'x' })).toBeUndefined();
    const other = new JsonWriter();
    for (let i = 0; i < 20_000; i++) other.write(i % 100 === 0 ? { a: 1, b: [i] } : { a: 1, b: 'x' });
    expect(other.write({ a: 1, b: 'x' })).toBe('{"a":1,"b":"x"}');
  });

  it('is not led astray by a field that all objects of the program have', () => {
    const writer = new JsonWriter();
    for (let i = 0; i < 2; i++) writer.write({ a: 1 });
    // oxlint-disable-next-line no-extend-native -- libraries do such things
    Object.defineProperty(Object.prototype, 'everywhere', {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    try {
      expect(writer.write({ a: 1 }) ?? JSON.stringify({ a: 1 })).toBe('{"a":1}');
    } finally {
      delete (Object.prototype as unknown as Row).everywhere;
    }
  });
});
