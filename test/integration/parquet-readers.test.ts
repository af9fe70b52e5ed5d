/** What pyarrow and DuckDB, the reference readers, find in our Parquet files. */
import { readdirSync } from 'node:fs';
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
import { hivePath } from '../../src/files/hive-path.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { RollingOutput } from '../../src/files/rolling-output.ts';
import { type ParquetCompression, parquetFormat } from '../../src/parquet/parquet-format.ts';
import { readingPython } from './reading-python.ts';

/** Schema and rows, as pyarrow reads them; and whether DuckDB reads the same, row by row. */
const SCRIPT = `
import glob, json, sys, pyarrow.parquet as pq, duckdb
[file] = glob.glob(sys.argv[1] + '/*.parquet')
table = pq.read_table(file)
table.validate(full=True)
duck = duckdb.sql(f"set timezone = 'UTC'; select * from '{file}'").arrow()
duck = duck.read_all() if hasattr(duck, 'read_all') else duck
print(json.dumps({
    'schema': [f'{f.name}: {f.type}{"" if f.nullable else " not null"}' for f in table.schema],
    'groups': pq.ParquetFile(file).num_row_groups,
    'rows': [[None if v is None else str(v) for v in row.values()] for row in table.to_pylist()],
    'same': [str(r) for r in duck.to_pylist()] == [str(r) for r in table.to_pylist()],
}))
`;

const PARTITIONS = `
import json, sys, pyarrow.dataset as ds, duckdb
table = ds.dataset(sys.argv[1], partitioning='hive').to_table()
names = lambda rows: sorted([r['name'], str(r['country'])] for r in rows)
duck = duckdb.sql(f"select n, country, name from read_parquet('{sys.argv[1]}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)")
print(json.dumps([names(table.to_pylist()), sorted([name, str(country)] for n, country, name in duck.fetchall())]))
`;

interface Found {
  readonly schema: readonly string[];
  readonly groups: number;
  readonly rows: readonly (readonly (string | null)[])[];
  readonly same: boolean;
}

const python = readingPython();

async function outputOf(columns: Columns, compression: ParquetCompression): Promise<RollingOutput<object>> {
  const clock = { now: () => 1_735_689_600_000 };
  const world = { disk: nodeDisk, clock, hold() {}, release() {} };
  const { dir } = python;
  const options = { dir, prefix: 'rows', rollEveryMs: 60_000, rollRows: 10_000_000, rollBytes: 1_000_000_000 };
  const output = new RollingOutput<object>(world, parquetFormat(columns, { compression }), options);
  await output.recover(undefined);
  return output;
}

/** Each of `epochs` is a checkpoint; all of them are one file. */
async function written(columns: Columns, epochs: readonly (readonly object[])[], compression: ParquetCompression) {
  const output = await outputOf(columns, compression);
  for (const [i, rows] of epochs.entries()) {
    output.append(rows);
    await output.publish(await output.seal(i + 1, i === epochs.length - 1));
  }
  return python.read(SCRIPT, [python.dir]) as Found;
}

const COLUMNS = {
  text: utf8(),
  maybe_text: nullable(utf8()),
  small: int32(),
  maybe_small: nullable(int32()),
  large: int64(),
  maybe_large: nullable(int64()),
  ratio: float64(),
  maybe_ratio: nullable(float64()),
  yes: bool(),
  maybe: nullable(bool()),
  at: timestamp(),
  maybe_at: nullable(timestamp()),
  cents: decimal(9, 2),
  money: nullable(decimal(18, 3)),
  exact: nullable(decimal(38, 10)),
  never: nullable(utf8()),
};

const FULL = {
  text: 'Größe 鍵 🚉',
  maybe_text: '',
  small: -(2 ** 31),
  maybe_small: 2 ** 31 - 1,
  large: -(2n ** 63n),
  maybe_large: 2n ** 63n - 1n,
  ratio: 1 / 3,
  maybe_ratio: -0,
  yes: true,
  maybe: false,
  at: '2025-01-01T00:00:00.001Z',
  maybe_at: -1,
  cents: '-1234567.89',
  money: '123456789012345.678',
  exact: '-1234567890123456789012345678.0123456789',
};

describe('a Parquet file', () => {
  it.each(['snappy', 'none'] as const)(
    'has the types and values in pyarrow and DuckDB that its columns say: %s',
    async (compression) => {
      const { schema, rows, same } = await written(COLUMNS, [[FULL], [{ ...nulls(), text: 'x' }, FULL]], compression);
      expect(schema).toEqual([
        'text: string not null',
        'maybe_text: string',
        'small: int32 not null',
        'maybe_small: int32',
        'large: int64 not null',
        'maybe_large: int64',
        'ratio: double not null',
        'maybe_ratio: double',
        'yes: bool not null',
        'maybe: bool',
        'at: timestamp[ms, tz=UTC] not null',
        'maybe_at: timestamp[ms, tz=UTC]',
        'cents: decimal128(9, 2) not null',
        'money: decimal128(18, 3)',
        'exact: decimal128(38, 10)',
        'never: string',
      ]);
      const full = [
        'Größe 鍵 🚉',
        '',
        '-2147483648',
        '2147483647',
        '-9223372036854775808',
        '9223372036854775807',
        '0.3333333333333333',
        '-0.0',
        'True',
        'False',
        '2025-01-01 00:00:00.001000+00:00',
        '1969-12-31 23:59:59.999000+00:00',
        '-1234567.89',
        '123456789012345.678',
        '-1234567890123456789012345678.0123456789',
        null,
      ];
      const empty = full.map((value, i) => (schema[i].includes('not null') ? value : null));
      expect(rows).toEqual([full, empty.with(0, 'x'), full]);
      expect(same).toBe(true);
    },
  );

  it('gathers the segments of many checkpoints in one row group, page by page', async () => {
    const columns = { n: int64(), text: nullable(utf8()), flag: nullable(bool()), part: nullable(int32()) };
    const epochs = Array.from({ length: 30 }, (_, epoch) =>
      Array.from({ length: epoch * 97 }, (__, i) => {
        const n = epoch * 10_000 + i;
        const text = n % 3 === 0 ? null : `${'long '.repeat(n % 40)}${n}`;
        return { n, text, flag: n % 5 === 0 ? null : n % 2 === 0, part: n % 7 === 0 ? null : n };
      }),
    );
    epochs.push(Array.from({ length: 45_000 }, (_, i) => ({ n: i, text: `t${i}`, flag: true, part: i })));
    const { rows, groups, same } = await written(columns, epochs, 'snappy');
    const shown = (value: string | number | boolean | null) =>
      value === null ? null : String(value).replace(/^[tf](?=rue|alse)/, (c) => c.toUpperCase());
    expect(rows).toEqual(
      epochs
        .flat()
        .map((row) => [row.n, row.text, row.flag, row.part].map((value, i) => (i === 1 ? value : shown(value)))),
    );
    expect([groups, same]).toEqual([1, true]);
  }, 60_000);

  it('begins another row group where one would take too much memory', async () => {
    const text = 'x'.repeat(1_000_000);
    const epochs = Array.from({ length: 3 }, (_, epoch) =>
      Array.from({ length: 20 }, (__, i) => ({ text: text + epoch + i })),
    );
    const { rows, groups } = await written({ text: utf8() }, epochs, 'snappy');
    expect(groups).toBe(2);
    expect(rows.map(([value]) => value!.length)).toEqual(epochs.flat().map((row) => row.text.length));
  }, 60_000);

  it('is found in the folders of partitions by readers that know Hive', async () => {
    const output = await outputOf({ n: int32(), name: utf8() }, 'snappy');
    const countries = ['DE', 'Côte d’Ivoire', 'a/b=c%:"', null];
    for (const [n, country] of countries.entries()) output.append([{ n, name: `row ${n}` }], hivePath({ country }));
    await output.publish(await output.seal(1, true));
    expect(readdirSync(python.dir).filter((name) => !name.startsWith('.'))).toHaveLength(countries.length);
    const expected = countries.map((country, n) => [`row ${n}`, country ?? 'None']);
    expect(python.read(PARTITIONS, [python.dir])).toEqual([expected, expected]);
  });
});

function nulls(): object {
  const isNullable = (name: string) => COLUMNS[name as keyof typeof COLUMNS].nullable;
  return Object.fromEntries(Object.entries(FULL).map(([name, value]) => [name, isNullable(name) ? null : value]));
}
