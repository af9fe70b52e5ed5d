import { tableFromIPC } from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrowFormat } from '../../src/arrow/arrow-format.ts';
import {
  bool,
  type Columns,
  decimal,
  float64,
  int32,
  int64,
  nullable,
  timestamp,
  utf8,
} from '../../src/arrow/columns.ts';

const SEED = 20_260_305;

function segmentOf(columns: Columns, ...chunks: (readonly object[])[]): Uint8Array {
  const writer = arrowFormat<object>(columns).begin();
  for (const chunk of chunks) writer.add(chunk);
  return writer.finish();
}

async function fileOf(columns: Columns, segments: readonly Uint8Array[]) {
  async function* each() {
    yield* segments;
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of arrowFormat<object>(columns).assemble(each())) pieces.push(piece);
  return tableFromIPC(Buffer.concat(pieces));
}

const nullables = {
  a: nullable(utf8()),
  b: nullable(int32()),
  c: nullable(int64()),
  d: nullable(float64()),
  e: nullable(bool()),
  f: nullable(timestamp()),
};

const rowOf = fc.record({
  a: fc.option(fc.string({ unit: 'grapheme' })),
  b: fc.option(fc.integer()),
  c: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  d: fc.option(fc.double({ noNaN: true })),
  e: fc.option(fc.boolean()),
  f: fc.option(fc.integer({ min: -8.64e15, max: 8.64e15 })),
});

describe('the Arrow format', () => {
  it('gives back every value and null, whatever the chunks and segments', async () => {
    const chunksOf = fc.array(fc.array(rowOf, { maxLength: 400, size: 'max' }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(chunksOf, { minLength: 1, maxLength: 3 }), async (segments) => {
        const table = await fileOf(
          nullables,
          segments.map((chunks) => segmentOf(nullables, ...chunks)),
        );
        const found = table.toArray().map((row) => (row as { toJSON(): object }).toJSON());
        expect(found).toEqual(segments.flat(2));
      }),
      { seed: SEED, numRuns: 15 },
    );
  });

  it('has one record batch a segment, and nullability by column', async () => {
    const columns = { a: int32(), b: nullable(int32()) };
    const table = await fileOf(columns, [segmentOf(columns, [{ a: 1, b: 2 }]), segmentOf(columns, [{ a: 3 }])]);
    expect(table.batches.map(({ numRows }) => numRows)).toEqual([1, 1]);
    expect(table.schema.fields.map(({ nullable: isNullable }) => isNullable)).toEqual([false, true]);
  });

  it('reads times from ISO strings, Dates and milliseconds', async () => {
    const columns = { at: timestamp() };
    const rows = [{ at: '2025-01-01T01:00:00+01:00' }, { at: new Date(1_735_689_600_000) }, { at: 1_735_689_600_000 }];
    const table = await fileOf(columns, [segmentOf(columns, rows)]);
    expect(table.toArray().map((row) => (row as { at: number }).at)).toEqual(Array(3).fill(1_735_689_600_000));
  });

  it.each([
    ['null where it is not nullable', int32(), null, 'null in a column that is not nullable'],
    ['a missing value', utf8(), undefined, 'undefined in a column that is not nullable'],
    ['a number for text', utf8(), 1, 'number 1 is not a string'],
    ['NaN for int64', int64(), Number.NaN, 'number NaN is not a whole number that is exact'],
    ['a fraction for int64', int64(), 2.5, 'number 2.5 is not a whole number that is exact'],
    ['2⁵³ as a number', int64(), 2 ** 53, 'is not a whole number that is exact'],
    ['65 bits', int64(), 2n ** 63n, 'has more than 64 bits'],
    ['a fraction for int32', int32(), 2.5, 'number 2.5 is not a whole number of 32 bits'],
    ['33 bits', int32(), 2 ** 31, 'is not a whole number of 32 bits'],
    ['text for a number', float64(), '1', 'string "1" is not a number'],
    ['a number for a boolean', bool(), 1, 'number 1 is not a boolean'],
    ['no date', timestamp(), 'yesterday', 'string "yesterday" is not an ISO 8601 time'],
    ['an invalid Date', timestamp(), new Date(Number.NaN), 'is not an ISO 8601 time'],
    ['too many decimals', decimal(18, 2), 1.005, 'number 1.005 has more than 2 digits behind the point'],
    ['too many digits', decimal(4, 2), 100, 'number 100 has more than 2 digits before the point'],
    ['an infinity for a decimal', decimal(18, 2), Number.POSITIVE_INFINITY, 'is not a decimal number'],
    ['an object for a decimal', decimal(18, 2), {}, 'a value of type object is not a number or a string'],
  ])('refuses %s, and says which record', (_, column, value, words) => {
    const good = { a: column.type.kind === 'utf8' ? 'x' : column.type.kind === 'bool' ? true : 1 };
    const thrown = (() => {
      try {
        segmentOf({ a: column }, [good, { a: value }]);
      } catch (error) {
        return error as { message: string; index: number };
      }
      return undefined;
    })();
    expect(thrown?.message).toContain("column 'a': ");
    expect(thrown?.message).toContain(words);
    expect(thrown?.index).toBe(1);
  });

  it.each([
    [0, 0],
    [39, 2],
    [4, 5],
    [4, -1],
    [4.5, 2],
  ])('knows no decimal(%d, %d)', (precision, scale) => {
    expect(() => decimal(precision, scale)).toThrow('there is no such decimal');
  });
});
