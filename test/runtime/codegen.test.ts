import { kafka, pipeline } from 'millrace';
import { decodeJson, enrich, map, sinkKafka, toDLQ, validate } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { mutatedDocuments } from '../../scripts/fuzz-json/documents.ts';
import { FuzzedOrder } from '../../scripts/fuzz-json/schema.ts';

/** Every record that documents give, in each topic, bytes and headers included. */
async function results(documents: readonly Uint8Array[], codegen: boolean): Promise<unknown[]> {
  const orders = kafka('in', { partitions: 1 }).pipe(decodeJson(), validate(FuzzedOrder), toDLQ('dlq'));
  const added = orders.pipe(
    enrich((order, ctx) => ({ name: order.product_id === 'prod-1' ? 'Laptop' : 'Phöne', at: ctx.offset % 3 })),
  );
  const driver = new TestDriver(
    pipeline(
      'p',
      added.pipe(sinkKafka('added', { partitions: 1 })),
      orders.pipe(sinkKafka('same', { partitions: 1 })),
      orders.pipe(
        map((order) => ({ ...order, amount: order.amount * 2 })),
        sinkKafka('changed', { partitions: 1 }),
      ),
    ),
    { codegen, maxChunkRecords: 64 },
  );
  await driver.start();
  await driver.append(
    'in',
    documents.map((value) => ({ key: 'k', value })),
  );
  await driver.settle();
  const read = await Promise.all(['added', 'same', 'changed', 'dlq'].map((topic) => driver.read(topic)));
  await driver.stop();
  return read.map((records) =>
    records.map(({ key, value, headers }) => [
      String(key),
      String(value),
      headers.map((header) => [header.key, String(header.value)]),
    ]),
  );
}

describe('code made while running', () => {
  it('changes no result, rejections included', async () => {
    const documents = [...mutatedDocuments({ seed: 5, count: 3_000 })];
    const made = await results(documents, true);
    expect(made.map((records) => (records as unknown[]).length > 100)).toEqual([true, true, true, true]);
    expect(made).toEqual(await results(documents, false));
  });
});
