import { kafka, pipeline } from 'millrace';
import { decodeJson, sinkKafka, toDLQ } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

async function decoded(values: readonly unknown[]): Promise<{ out: unknown[]; reasons: string[] }> {
  const of = pipeline('p', kafka('in').pipe(decodeJson(), toDLQ('dlq'), sinkKafka('out', { partitions: 1 })));
  const driver = new TestDriver(of);
  await driver.start();
  await driver.append(
    'in',
    values.map((value) => ({ key: 'one partition', value })),
  );
  await driver.settle();
  const dlq = await driver.read('dlq');
  await driver.stop();
  const reasons = dlq.map(({ headers }) =>
    Buffer.from(headers.find(({ key }) => key === 'dlq_reason')!.value).toString(),
  );
  return { out: await driver.readJson('out'), reasons };
}

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('decodeJson', () => {
  it('says why a value is no JSON document', async () => {
    const { out, reasons } = await decoded([null, '', Uint8Array.of(0xc3, 0x28), '{"a":', 'NaN']);
    expect(out).toEqual([]);
    expect(reasons.slice(0, 3)).toEqual([
      'the value is null, not a JSON document',
      'the value is empty, not a JSON document',
      'the value is not UTF-8',
    ]);
    expect(reasons.slice(3).every((reason) => reason.startsWith('the value is not JSON: '))).toBe(true);
  });

  it('takes documents nested 500 deep, and rejects deeper ones, which nothing could write again', async () => {
    const { out, reasons } = await decoded([nested(500), nested(501), `{"x":${nested(100_000)}}`]);
    expect(out).toHaveLength(1);
    expect(reasons).toEqual(['the document is nested deeper than 500', 'the document is nested deeper than 500']);
  });

  it('does not count brackets in strings', async () => {
    const text = `"\\"${'['.repeat(1_000)}\\\\"`;
    expect((await decoded([text])).out).toEqual([JSON.parse(text)]);
  });
});
