import { describe, expect, it } from 'vitest';
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
} from '../../operators/index.ts';
import { csvFormat, type CsvOptions } from '../../src/csv/csv-format.ts';

const DEFAULTS: CsvOptions = { header: true, escapeFormulas: true };

function segmentOf(columns: Columns, rows: readonly object[], options = DEFAULTS): Uint8Array {
  const writer = csvFormat(columns, options).begin();
  writer.add(rows);
  return writer.finish();
}

async function fileOf(...segments: readonly Uint8Array[]): Promise<string> {
  async function* given() {
    yield* segments;
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of csvFormat({ any: utf8() }, DEFAULTS).assemble(given())) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const csv = (columns: Columns, rows: readonly object[], options = DEFAULTS) =>
  fileOf(segmentOf(columns, rows, options));

describe('a CSV file', () => {
  it('has a header and a line for each record, ended as RFC 4180 has it', async () => {
    const rows = [
      { id: 'a', n: 1 },
      { id: 'b', n: -2 },
    ];
    expect(await csv({ id: utf8(), n: int32() }, rows)).toBe('id,n\r\na,1\r\nb,-2\r\n');
  });

  it('has no header where none is wanted', async () => {
    expect(await csv({ id: utf8() }, [{ id: 'a' }], { ...DEFAULTS, header: false })).toBe('a\r\n');
  });

  it('has one header, however many segments it is made of', async () => {
    const columns = { id: utf8() };
    const file = await fileOf(segmentOf(columns, [{ id: 'a' }]), segmentOf(columns, [{ id: 'b' }]));
    expect(file).toBe('id\r\na\r\nb\r\n');
  });

  it('has the header of its segments, also when the columns of the pipeline have changed since', async () => {
    expect(await fileOf(segmentOf({ before: utf8() }, [{ before: 'a' }]))).toBe('before\r\na\r\n');
  });

  it.each([
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['two\r\nlines', '"two\r\nlines"'],
    ['', '""'],
    [' padded ', '" padded "'],
    ['Zürich 🚉', 'Zürich 🚉'],
    ['it’s', 'it’s'],
    ['null', 'null'],
  ])('quotes text where it has to: %j', async (text, cell) => {
    expect(await csv({ text: utf8() }, [{ text }])).toBe(`text\r\n${cell}\r\n`);
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+49 30', "'+49 30"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', "'\r=1"],
    ['\n=1', "'\n=1"],
    ['=cmd|"/c calc"!A1', `'=cmd|"/c calc"!A1`],
    ["'=1", "''=1"],
    [' =1', "' =1"],
    ["\u00a0'@x", "'\u00a0'@x"],
    ['\u0000=1', "'\u0000=1"],
    ['＝1', "'＝1"],
    ["'quoted'", "'quoted'"],
    ['a=1', 'a=1'],
  ])('keeps a spreadsheet from running text: %j', async (text, safe) => {
    const expected = text.startsWith('a') ? text : `"${safe.replaceAll('"', '""')}"`;
    expect(await csv({ text: utf8() }, [{ text }])).toBe(`text\r\n${expected}\r\n`);
  });

  it('writes text as it is where formulas are wanted', async () => {
    const options = { ...DEFAULTS, escapeFormulas: false };
    expect(await csv({ text: utf8() }, [{ text: '=1+1' }], options)).toBe('text\r\n=1+1\r\n');
  });

  it('makes names of columns safe, too', async () => {
    expect(await csv({ '=a,b': int32() }, [{ '=a,b': 1 }])).toBe(`"'=a,b"\r\n1\r\n`);
  });

  it('leaves the cell of a null empty', async () => {
    const columns = { a: nullable(utf8()), b: nullable(int32()), c: nullable(utf8()) };
    expect(await csv(columns, [{ a: null, c: '' }])).toBe('a,b,c\r\n,,""\r\n');
  });

  it('writes a null of the only column as empty text, because readers skip empty lines', async () => {
    expect(await csv({ a: nullable(int32()) }, [{ a: null }, { a: 1 }])).toBe('a\r\n""\r\n1\r\n');
  });

  it.each([
    [int32(), -2_147_483_648, '-2147483648'],
    [int64(), 9_007_199_254_740_991, '9007199254740991'],
    [int64(), -9_223_372_036_854_775_808n, '-9223372036854775808'],
    [float64(), 0.1, '0.1'],
    [float64(), -0, '-0'],
    [float64(), 1e300, '1e+300'],
    [float64(), Number.NaN, 'NaN'],
    [float64(), Number.NEGATIVE_INFINITY, '-Infinity'],
    [bool(), true, 'true'],
    [timestamp(), 1_735_689_600_001, '2025-01-01T00:00:00.001Z'],
    [timestamp(), '2025-01-01T01:00:00+01:00', '2025-01-01T00:00:00.000Z'],
    [timestamp(), new Date(0), '1970-01-01T00:00:00.000Z'],
    [decimal(10, 2), 12.5, '12.50'],
    [decimal(10, 2), -0.05, '-0.05'],
    [decimal(10, 0), 7, '7'],
    [decimal(38, 10), '-12345678901234567890.0000000001', '-12345678901234567890.0000000001'],
  ])('writes numbers, times and booleans in one way: %o %s', async (column, v, cell) => {
    expect(await csv({ v: column, w: int32() }, [{ v, w: 0 }])).toBe(`v,w\r\n${cell},0\r\n`);
  });

  it.each([
    [utf8(), 1, 'number 1 is not a string'],
    [int32(), 1.5, 'number 1.5 is not a whole number of 32 bits'],
    [int64(), 2 ** 53, 'is not a whole number that is exact'],
    [int64(), 2n ** 63n, 'has more than 64 bits'],
    [float64(), '1', 'string "1" is not a number'],
    [bool(), 0, 'number 0 is not a boolean'],
    [timestamp(), '2025-02-30T00:00:00Z', 'is not an ISO 8601 time'],
    [timestamp(), 9e15, 'is not an ISO 8601 time'],
    [decimal(4, 2), 100, 'has more than 2 digits before the point'],
    [decimal(4, 2), true, 'is not a number or a string'],
    [utf8(), null, 'null in a column that is not nullable'],
    [utf8(), undefined, 'undefined in a column that is not nullable'],
  ])('refuses what its column cannot hold: %o %s', (column, v, words) => {
    const writer = csvFormat({ ok: int32(), v: column }, DEFAULTS).begin();
    const fits = { ok: 1, v: column.type.kind === 'utf8' ? 'text' : column.type.kind === 'bool' ? true : 1 };
    const start = column.type.kind === 'timestamp' ? [{ ok: 1, v: 0 }] : [fits];
    const problem = expect.objectContaining({ index: 1, message: expect.stringContaining(words) as string });
    expect(() => writer.add([...start, { ok: 1, v }])).toThrow(problem);
  });

  it('refuses a type that has no cell when the plan is built', () => {
    const columns = { v: { type: { kind: 'list' }, nullable: false } } as unknown as Columns;
    expect(() => csvFormat(columns, DEFAULTS)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });

  it('tells segments apart that must not share a file', () => {
    const signature = (options: CsvOptions, columns: Columns) => csvFormat(columns, options).signature;
    const all = [
      signature(DEFAULTS, { a: utf8() }),
      signature(DEFAULTS, { a: nullable(utf8()) }),
      signature({ ...DEFAULTS, header: false }, { a: utf8() }),
      signature({ ...DEFAULTS, escapeFormulas: false }, { a: utf8() }),
    ];
    expect(new Set(all).size).toBe(4);
  });
});
