import { describe, expect, it } from 'vitest';
import { kafka, pipeline } from 'millrace';
import { map, sinkPreview, type SinkPreviewOptions } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';

interface Row {
  readonly n: number;
  readonly text: string;
}

/** What is printed for batches of rows, 3 s from each to the next. */
async function printed(
  batches: readonly (readonly unknown[])[],
  options: SinkPreviewOptions<Row> = {},
): Promise<string[]> {
  const lines: string[] = [];
  const shown = pipeline(
    'shown',
    kafka('in').pipe(
      map((record) => JSON.parse(String(record.value)) as Row),
      sinkPreview('rows', options),
    ),
  );
  const driver = new TestDriver(shown, { print: (line) => lines.push(line) });
  await driver.start();
  for (const batch of batches) {
    await driver.append(
      'in',
      batch.map((value) => ({ value })),
    );
    await driver.advance(3_000);
  }
  await driver.stop();
  return lines;
}

const row = (n: number, text = 'a') => ({ n, text });

describe('a preview', () => {
  it('shows the first rows at once, numbers to the right', async () => {
    expect(await printed([[row(1), row(20, 'longer')]])).toEqual([
      'rows: 2 rows',
      '   n  text',
      '  --  ------',
      '   1  a',
      '  20  longer',
      '',
    ]);
  });

  it('shows the last few of many', async () => {
    const lines = await printed([[row(1), row(2), row(3)]], { rows: 2 });
    expect(lines[0]).toBe('rows: 3 rows, the last 2 of them');
    expect(lines.slice(3, 5)).toEqual(['  2  a', '  3  a']);
  });

  it('counts rows as other counts are written', async () => {
    const [head] = await printed([Array.from({ length: 1_200 }, (_, n) => row(n))], { rows: 2 });
    expect(head).toBe('rows: 1,200 rows, the last 2 of them');
  });

  it('shows no more than one table in its interval, with the last rows of all of it', async () => {
    const lines = await printed([[row(1)], [row(2)], [row(3)], [row(4)], [row(5)]], { everyMs: 9_000, rows: 2 });
    expect(lines.filter((line) => line.startsWith('rows'))).toEqual([
      'rows: 1 row',
      'rows: 3 rows, the last 2 of them',
    ]);
    expect(lines.slice(-3)).toEqual(['  3  a', '  4  a', '']);
  });

  it('shows what it is told of a record, and asks for what is shown only', async () => {
    const asked: number[] = [];
    const show = ({ n, text }: Row) => {
      asked.push(n);
      return { double: n * 2, text };
    };
    const lines = await printed([[row(1), row(2), row(3)]], { rows: 1, show });
    expect(lines.slice(1, 4)).toEqual(['  double  text', '  ------  ----', '       6  a']);
    expect(asked).toEqual([3]);
  });

  it('lets nothing through that a terminal would obey, and cuts what is long', async () => {
    const lines = await printed([[row(1, '\u001b[31mred\n\u009b2J\u202e'), row(2, 'x'.repeat(60))]]);
    expect(lines[3]).toBe('  1  \ufffd[31mred\ufffd\ufffd2J\ufffd');
    expect(lines[4]).toBe(`  2  ${'x'.repeat(47)}…`);
  });

  it('shows values of every kind, and fields that not every row has', async () => {
    const values = [{ a: null, b: true }, { a: { deep: [1] } }];
    expect((await printed([values])).slice(1, 5)).toEqual([
      '  a             b',
      '  ------------  ----',
      '  null          true',
      '  {"deep":[1]}  null',
    ]);
  });

  it.each([{ rows: 0 }, { everyMs: -1 }])('refuses %j', (options) => {
    expect(() => kafka('in').pipe(sinkPreview('rows', options))).toThrow('sinkPreview');
  });
});
