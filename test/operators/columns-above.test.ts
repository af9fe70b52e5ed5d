import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { kafka, parseIso } from '../../src/index.ts';
import {
  decodeJson,
  filter,
  int32,
  keyBy,
  lateTo,
  map,
  sinkArrow,
  sinkCsv,
  sinkParquet,
  splitRejections,
  toDLQ,
  utf8,
  validate,
  watermark,
} from '../../operators/index.ts';

const Order = z.object({ id: z.string(), n: z.int32(), at: z.iso.datetime(), tags: z.array(z.string()).optional() });
const orders = kafka('orders').pipe(decodeJson(), validate(Order), toDLQ('orders-dlq'));

const columnsIn = (stream: { readonly node: { readonly options: object } }) =>
  (stream.node.options as { columns: string }).columns;

describe('a sink without columns', () => {
  it('has those of the schema of the validate() above it', () => {
    const all = 'id utf8, n int32, at timestamp, tags list(utf8)?';
    expect(columnsIn(orders.pipe(sinkParquet('a')))).toBe(all);
    expect(columnsIn(orders.pipe(sinkArrow('a', { prefix: 'x' })))).toBe(all);
    expect(columnsIn(orders.pipe(sinkCsv('a', { omit: ['tags'] })))).toBe('id utf8, n int32, at timestamp');
  });

  it('looks past steps that keep values', () => {
    const below = orders.pipe(
      filter((order) => order.n > 0),
      watermark({ eventTime: (order) => parseIso(order.at), outOfOrdernessMs: 0 }),
      toDLQ('times-dlq'),
      keyBy((order) => order.id),
      lateTo('late'),
    );
    expect(columnsIn(below.pipe(sinkParquet('a', { omit: ['tags'] })))).toBe('id utf8, n int32, at timestamp');
  });

  it('takes those of what splitRejections accepts, and none for what it rejects', () => {
    const parts = kafka('orders').pipe(decodeJson(), validate(Order));
    const [accepted, rejected] = splitRejections(parts);
    expect(columnsIn(accepted.pipe(sinkParquet('a', { omit: ['tags'] })))).toBe('id utf8, n int32, at timestamp');
    expect(() => rejected.pipe(sinkParquet('b'))).toThrow('the rejections of splitRejections() have no schema');
  });

  it('is refused below a step that makes other values', () => {
    const mapped = orders.pipe(
      map((order) => ({ id: order.id })),
      toDLQ('map-dlq'),
    );
    expect(() => mapped.pipe(sinkParquet('out'))).toThrow(
      'sinkParquet(out) has no columns: map() makes values whose fields are known to the compiler only',
    );
    expect(columnsIn(mapped.pipe(sinkParquet('out', { columns: { id: utf8() } })))).toBe('id utf8');
  });

  it('is refused where nothing above is validated', () => {
    expect(() => kafka('a').pipe(sinkArrow('out'))).toThrow('there is no validate() above it');
  });

  it('is refused when the plan is built, where a field has no column', () => {
    const strange = kafka('a').pipe(decodeJson(), validate(z.object({ a: z.any(), b: z.int32() })), toDLQ('dlq'));
    expect(() => strange.pipe(sinkParquet('out'))).toThrow("the field 'a' is of no type");
    expect(columnsIn(strange.pipe(sinkParquet('out', { omit: ['a'] })))).toBe('b int32');
    expect(() => strange.pipe(sinkParquet('out', { columns: { b: int32() }, omit: ['a'] }))).not.toThrow();
  });

  it('is refused in CSV, where a column has no cell', () => {
    expect(() => orders.pipe(sinkCsv('out'))).toThrow("column 'tags': CSV has no cell for list");
  });
});
