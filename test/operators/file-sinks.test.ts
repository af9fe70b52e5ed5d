import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { kafka, pipeline } from '../../src/index.ts';
import { decodeJson, map, sinkArrow, sinkCsv, sinkJsonl, sinkParquet, toDLQ } from '../../operators/index.ts';
import { decimal, int64, nullable, utf8 } from '../../src/arrow/columns.ts';
import type { Pipeline } from '../../src/core/pipeline.ts';
import { TestDriver } from '../../src/testing/index.ts';

interface Row {
  readonly id: string;
  readonly n: number;
  readonly total?: number;
}

const rows = () =>
  kafka('in').pipe(
    decodeJson(),
    toDLQ('dlq'),
    map((row) => row as Row),
  );

async function driven(of: Pipeline, values: readonly unknown[]): Promise<TestDriver> {
  const driver = new TestDriver(of);
  await driver.createTopic('in', 1);
  await driver.append(
    'in',
    values.map((value) => ({ value })),
  );
  await driver.start();
  return driver;
}

const textOf = async (driver: TestDriver, path: string) => Buffer.from(await driver.disk.read(path)).toString();

describe('sinkJsonl', () => {
  it('writes a line of JSON for each value, under the output folder', async () => {
    const driver = await driven(pipeline('p', rows().pipe(sinkJsonl('deep/rows.jsonl'))), [
      { n: 1 },
      { s: 'a\nb\u2028' },
    ]);
    await driver.settle();
    await driver.stop();
    expect(await textOf(driver, '/output/deep/rows.jsonl')).toBe('{"n":1}\n{"s":"a\\nb\u2028"}\n');
  });

  it('goes on behind the last line after a restart', async () => {
    const driver = await driven(pipeline('p', rows().pipe(sinkJsonl('/abs/rows.jsonl'))), [{ n: 1 }]);
    await driver.settle();
    await driver.stop();
    await driver.append('in', [{ value: { n: 2 } }]);
    await driver.start();
    await driver.settle();
    await driver.stop();
    expect(await textOf(driver, '/abs/rows.jsonl')).toBe('{"n":1}\n{"n":2}\n');
  });

  it.each([
    ['a bigint', () => 1n, 'BigInt'],
    ['undefined', () => undefined, 'a value of type undefined has no JSON form'],
    ['a function', () => () => 1, 'a value of type function has no JSON form'],
    ['a toJSON that throws', () => ({ toJSON: () => JSON.parse('{') as unknown }), 'JSON'],
  ])('stops at %s and says at which record', async (_, value, words) => {
    const of = pipeline(
      'p',
      rows().pipe(
        map((row) => (row.n === 2 ? (value() as unknown) : row)),
        sinkJsonl('rows.jsonl'),
      ),
    );
    const driver = await driven(of, [{ n: 1 }, { n: 2 }]);
    await expect(driver.settle()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { operator: 'sinkJsonl(rows.jsonl)', topic: 'in', partition: 0, offset: 1 },
      message: expect.stringContaining(words) as string,
    });
    expect(await driver.disk.size('/output/rows.jsonl')).toBeUndefined();
  });

  it('stops at a cycle', async () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const of = pipeline(
      'p',
      rows().pipe(
        map(() => cycle),
        sinkJsonl('rows.jsonl'),
      ),
    );
    await expect((await driven(of, [{}])).settle()).rejects.toMatchObject({ code: 'CALLBACK_FAILED' });
  });
});

describe('sinkArrow', () => {
  const columns = { id: utf8(), n: int64(), total: nullable(decimal(18, 2)) };
  const of = () => pipeline('p', rows().pipe(sinkArrow('rows', { columns, prefix: 'rows' })));
  const namesOf = async (driver: TestDriver) =>
    (await driver.disk.list('/output/rows')).filter((name) => !name.startsWith('.'));

  it('publishes a whole file at a stop', async () => {
    const driver = await driven(of(), [
      { id: 'a', n: 1, total: 0.1 },
      { id: 'b', n: 2 },
    ]);
    await driver.settle();
    await driver.stop();
    const names = await namesOf(driver);
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(/^rows_20240101_\d{6}_\d+\.arrow$/);
    const table = tableFromIPC(await driver.disk.read(`/output/rows/${names[0]}`));
    expect(table.toArray().map((row) => (row as { toJSON(): object }).toJSON())).toMatchObject([
      { id: 'a', n: 1n },
      { id: 'b', n: 2n, total: null },
    ]);
  });

  it('writes the stream format where it is asked for', async () => {
    const stream = sinkArrow<Row, typeof columns>('rows', { columns, prefix: 'rows', format: 'stream' });
    const driver = await driven(pipeline('p', rows().pipe(stream)), [{ id: 'a', n: 1 }]);
    await driver.settle();
    await driver.stop();
    const [name] = await namesOf(driver);
    expect(name).toMatch(/\.arrows$/);
    const bytes = await driver.disk.read(`/output/rows/${name}`);
    expect(Buffer.from(bytes.subarray(0, 6)).toString()).not.toBe('ARROW1');
    expect(tableFromIPC(bytes).numRows).toBe(1);
  });

  it('publishes a file when its first row is a minute old, without new records', async () => {
    const driver = await driven(of(), [{ id: 'a', n: 1 }]);
    await driver.settle();
    expect(await namesOf(driver)).toEqual([]);
    await driver.advance(61_000);
    expect(await namesOf(driver)).toHaveLength(1);
  });

  it('stops at a value that its column cannot hold, and says at which record', async () => {
    const driver = await driven(of(), [
      { id: 'a', n: 1 },
      { id: 'a', n: 2.5 },
    ]);
    await expect(driver.settle()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { operator: 'sinkArrow(rows)', topic: 'in', partition: 0, offset: 1 },
      message: "cannot write the record to rows: column 'n': number 2.5 is not a whole number that is exact",
    });
  });

  it.each([
    [{ rollEveryMs: -1 }, 'rollEveryMs'],
    [{ rollRows: 0 }, 'rollRows'],
    [{ rollBytes: 1.5 }, 'rollBytes'],
    [{ prefix: '../up' }, 'prefix'],
    [{ prefix: '' }, 'prefix'],
    [{ format: 'feather' as 'file' }, 'format'],
  ])('refuses options that cannot be meant: %o', (options, words) => {
    expect(() => rows().pipe(sinkArrow('rows', { columns, ...options }))).toThrow(words);
  });

  it('wants a column', () => {
    expect(() => rows().pipe(sinkArrow('rows', { columns: {}, omit: ['id', 'n', 'total'] }))).toThrow(
      'at least one column',
    );
  });
});

describe('sinkCsv', () => {
  const columns = { id: utf8(), n: int64(), total: nullable(decimal(18, 2)) };
  const listed = async (driver: TestDriver, folder: string) =>
    (await driver.disk.list(folder)).filter((name) => !name.startsWith('.'));

  it('publishes whole files with a header', async () => {
    const driver = await driven(pipeline('p', rows().pipe(sinkCsv('rows', { columns, prefix: 'raw' }))), [
      { id: '=a', n: 1, total: 0.1 },
      { id: 'b', n: -2 },
    ]);
    await driver.settle();
    await driver.stop();
    const [name, ...others] = await listed(driver, '/output/rows');
    expect(name).toMatch(/^raw_20240101_\d{6}_\d+\.csv$/);
    expect(others).toEqual([]);
    expect(await textOf(driver, `/output/rows/${name}`)).toBe('id,n,total\r\n"\'=a",1,0.10\r\nb,-2,\r\n');
  });

  it('puts records into folders of partitions', async () => {
    const partitionBy = ({ id }: Row) => ({ id });
    const of = pipeline(
      'p',
      rows().pipe(sinkCsv('rows', { columns: { n: int64() }, omit: ['id', 'total'], partitionBy })),
    );
    const driver = await driven(of, [
      { id: 'a/b', n: 1 },
      { id: 'c', n: 2 },
      { id: 'a/b', n: 3 },
    ]);
    await driver.settle();
    await driver.stop();
    expect(await listed(driver, '/output/rows')).toEqual(['id=a%2Fb', 'id=c']);
    const [name] = await listed(driver, '/output/rows/id=a%2Fb');
    expect(await textOf(driver, `/output/rows/id=a%2Fb/${name}`)).toBe('n\r\n1\r\n3\r\n');
  });

  it('keeps the last files', async () => {
    const of = pipeline('p', rows().pipe(sinkCsv('rows', { columns, rollEveryMs: 0, keepFiles: 2 })));
    const driver = await driven(of, []);
    for (const n of [1, 2, 3]) {
      await driver.append('in', [{ value: { id: 'a', n } }]);
      await driver.settle();
      await driver.advance(10_000);
    }
    const names = await listed(driver, '/output/rows');
    const texts = await Promise.all(names.map((name) => textOf(driver, `/output/rows/${name}`)));
    expect(texts.map((text) => text.split('\r\n')[1])).toEqual(['a,2,', 'a,3,']);
  });

  it.each<[string, (row: Row) => object, string]>([
    ['throws', () => JSON.parse('{') as object, 'JSON'],
    ['gives no folder', () => ({}), 'no column'],
    ['gives other columns than before', ({ n }) => (n === 1 ? { a: 1 } : { b: 1 }), 'those before it had a'],
  ])('stops at a record for which partitionBy %s, and says at which', async (_, partitionBy, words) => {
    const options = { columns, partitionBy: partitionBy as () => Record<string, string> };
    const driver = await driven(pipeline('p', rows().pipe(sinkCsv('rows', options))), [
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
    ]);
    await expect(driver.settle()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { operator: 'sinkCsv(rows)', topic: 'in' },
      message: expect.stringContaining(words) as string,
    });
  });

  it('names the record that does not fit its column among those of its partition', async () => {
    const options = { columns, partitionBy: ({ id }: Row) => ({ id }) };
    const driver = await driven(pipeline('p', rows().pipe(sinkCsv('rows', options))), [
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
      { id: 'a', n: 2.5 },
    ]);
    await expect(driver.settle()).rejects.toMatchObject({ place: { topic: 'in', partition: 0, offset: 2 } });
  });

  it('refuses to keep no files', () => {
    expect(() => rows().pipe(sinkCsv('rows', { columns, keepFiles: 0 }))).toThrow('keepFiles');
  });
});

describe('sinkParquet', () => {
  const columns = { id: utf8(), n: int64(), total: nullable(decimal(18, 2)) };

  it('publishes a whole file with the magic bytes at both ends', async () => {
    const driver = await driven(pipeline('p', rows().pipe(sinkParquet('rows', { columns, prefix: 'silver' }))), [
      { id: 'a', n: 1, total: 0.1 },
    ]);
    await driver.settle();
    await driver.stop();
    const [name, ...others] = (await driver.disk.list('/output/rows')).filter((each) => !each.startsWith('.'));
    expect([name, others]).toEqual([expect.stringMatching(/^silver_20240101_\d{6}_\d+\.parquet$/), []]);
    const text = Buffer.from(await driver.disk.read(`/output/rows/${name}`)).toString('latin1');
    expect([text.slice(0, 4), text.slice(-4)]).toEqual(['PAR1', 'PAR1']);
  });

  it('refuses a compression that this Node cannot write when the plan is built', () => {
    const compression = 'lzo' as 'none';
    expect(() => rows().pipe(sinkParquet('rows', { columns, compression }))).toThrow(
      expect.objectContaining({ code: 'PLAN_INVALID' }),
    );
  });
});
