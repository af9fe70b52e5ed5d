/** What pyarrow and DuckDB find in lists, structs and bytes of our Parquet and Arrow files. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binary, bool, type Columns, int32, int64, list, nullable, struct, utf8 } from '../../operators/index.ts';
import { arrowFormat } from '../../src/arrow/arrow-format.ts';
import type { RollingFormat } from '../../src/files/rolling-format.ts';
import { parquetFormat } from '../../src/parquet/parquet-format.ts';
import { readingPython } from './reading-python.ts';

const SEED = 20_260_401;

/** Schemas and rows of both files; whether DuckDB reads the same rows. Bytes are in hex. */
const SCRIPT = `
import json, sys, pyarrow as pa, pyarrow.parquet as pq, duckdb
parquet, arrow, stream = sys.argv[1:]
def rows(table):
    table.validate(full=True)
    return json.loads(json.dumps(table.to_pylist(), default=lambda v: v.hex()))
duck = duckdb.sql(f"select * from '{parquet}'").arrow()
duck = duck.read_all() if hasattr(duck, 'read_all') else duck
whole = pq.read_table(parquet)
tables = [pa.ipc.open_file(arrow).read_all(), pa.ipc.open_stream(stream).read_all()]
print(json.dumps({
    'schema': [f'{f.name}: {f.type}{"" if f.nullable else " not null"}' for f in whole.schema],
    'rows': rows(whole),
    'same': [rows(duck) == rows(whole)] + [rows(t) == rows(whole) for t in tables],
}))
`;

const columns = {
  tags: list(utf8()),
  maybe_tags: nullable(list(nullable(utf8()))),
  place: struct({ city: utf8(), zip: nullable(int32()) }),
  maybe_place: nullable(struct({ city: utf8(), open: nullable(bool()) })),
  matrix: list(list(int32())),
  deep: nullable(list(nullable(struct({ n: int32(), parts: nullable(list(nullable(int64()))) })))),
  outer: nullable(struct({ inner: nullable(struct({ flags: list(bool()), id: utf8() })), n: int32() })),
  raw: binary(),
  maybe_raw: nullable(binary()),
} satisfies Columns;

const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const small = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const bytes = fc.uint8Array({ maxLength: 12 });
const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 4 });

const row = fc.record({
  tags: some(text),
  maybe_tags: fc.option(some(fc.option(text))),
  place: fc.record({ city: text, zip: fc.option(small) }),
  maybe_place: fc.option(fc.record({ city: text, open: fc.option(fc.boolean()) })),
  matrix: some(some(small)),
  deep: fc.option(some(fc.option(fc.record({ n: small, parts: fc.option(some(fc.option(fc.maxSafeInteger()))) })))),
  outer: fc.option(fc.record({ inner: fc.option(fc.record({ flags: some(fc.boolean()), id: text })), n: small })),
  raw: bytes,
  maybe_raw: fc.option(bytes),
});

const python = readingPython();

async function written(name: string, format: RollingFormat<object>, epochs: readonly (readonly object[])[]) {
  async function* segments() {
    for (const rows of epochs) {
      const writer = format.begin();
      writer.add(rows);
      yield writer.finish();
    }
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of format.assemble(segments())) pieces.push(piece);
  const path = join(python.dir, name);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

function withHex(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) =>
      each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each,
    ),
  );
}

describe('lists, structs and bytes', () => {
  it.each([
    ['a few rows', 40, 3],
    ['rows of many pages', 22_000, 1],
  ])(
    'are read back by pyarrow and DuckDB, value by value: %s',
    async (_, count, copies) => {
      const sample = fc.sample(row, { seed: SEED, numRuns: Math.min(count, 500) });
      const rows = Array.from({ length: count }, (__, i) => sample[i % sample.length]);
      const epochs = Array.from({ length: copies }, () => rows);
      const paths = [
        await written('a.parquet', parquetFormat(columns, { compression: 'snappy' }), epochs),
        await written('a.arrow', arrowFormat(columns), epochs),
        await written('a.arrows', arrowFormat(columns, 'stream'), epochs),
      ];
      const found = python.read(SCRIPT, paths) as { schema: string[]; rows: object[]; same: boolean[] };
      expect(found.schema).toEqual([
        'tags: list<element: string not null> not null',
        'maybe_tags: list<element: string>',
        'place: struct<city: string not null, zip: int32> not null',
        'maybe_place: struct<city: string not null, open: bool>',
        'matrix: list<element: list<element: int32 not null> not null> not null',
        'deep: list<element: struct<n: int32 not null, parts: list<element: int64>>>',
        'outer: struct<inner: struct<flags: list<element: bool not null> not null, id: string not null>, n: int32 not null>',
        'raw: binary not null',
        'maybe_raw: binary',
      ]);
      const expected = epochs.flat().map((each) => JSON.stringify(withHex(each)));
      expect(found.rows.map((each) => JSON.stringify(each))).toEqual(expected);
      expect(found.same).toEqual([true, true, true]);
    },
    120_000,
  );
});
