/** What pyarrow, the reference reader, finds in our files. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { arrowFormat } from '../../src/arrow/arrow-format.ts';
import { bool, decimal, float64, int32, int64, nullable, timestamp, utf8 } from '../../src/arrow/columns.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { RollingOutput } from '../../src/files/rolling-output.ts';
import { readingPython } from './reading-python.ts';

const SCRIPT = `
import json, sys, pyarrow.ipc as ipc
with ipc.open_file(sys.argv[1]) as reader:
    table = reader.read_all()
table.validate(full=True)
print(json.dumps({
    'schema': [f'{f.name}: {f.type}{"" if f.nullable else " not null"}' for f in table.schema],
    'rows': [[str(v) for v in row.values()] for row in table.to_pylist()],
}))
`;

const python = readingPython();

describe('an Arrow file', () => {
  it('has the types and values in pyarrow that its columns say', async () => {
    const columns = {
      window_start: timestamp(),
      product_id: utf8(),
      order_count: int64(),
      total_revenue: decimal(18, 2),
      ratio: float64(),
      small: int32(),
      open: bool(),
      note: nullable(utf8()),
      refund: nullable(decimal(38, 10)),
    };
    const first = {
      window_start: '2025-01-01T00:00:00.001Z',
      product_id: 'prod-1',
      order_count: 2n ** 62n,
      total_revenue: 0.1,
      ratio: 1 / 3,
      small: -5,
      open: true,
      note: null,
      refund: '-1234567890123456789012345678.0123456789',
    };
    const second = {
      ...first,
      window_start: -1,
      product_id: 'Größe 鍵',
      order_count: -1,
      total_revenue: -12345678901234.56,
    };
    const world = {
      disk: nodeDisk,
      clock: { now: () => 1_735_689_600_000 },
      hold() {},
      release() {},
    };
    const { dir } = python;
    const options = { dir, prefix: 'metrics', rollEveryMs: 60_000, rollRows: 1_000, rollBytes: 1_000_000 };
    const output = new RollingOutput<object>(world, arrowFormat(columns), options);
    await output.recover(undefined);
    output.append([first]);
    await output.publish(await output.seal(41, false));
    output.append([{ ...second, open: false, note: 'x', refund: null }]);
    await output.publish(await output.seal(42, true));

    const file = join(dir, 'metrics_20250101_000000_42.arrow');
    expect(python.read(SCRIPT, [file])).toEqual({
      schema: [
        'window_start: timestamp[ms, tz=UTC] not null',
        'product_id: string not null',
        'order_count: int64 not null',
        'total_revenue: decimal128(18, 2) not null',
        'ratio: double not null',
        'small: int32 not null',
        'open: bool not null',
        'note: string',
        'refund: decimal128(38, 10)',
      ],
      rows: [
        [
          '2025-01-01 00:00:00.001000+00:00',
          'prod-1',
          '4611686018427387904',
          '0.10',
          '0.3333333333333333',
          '-5',
          'True',
          'None',
          '-1234567890123456789012345678.0123456789',
        ],
        [
          '1969-12-31 23:59:59.999000+00:00',
          'Größe 鍵',
          '-1',
          '-12345678901234.56',
          '0.3333333333333333',
          '-5',
          'False',
          'x',
          'None',
        ],
      ],
    });
  });
});
