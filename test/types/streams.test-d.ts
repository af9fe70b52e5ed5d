/** What compiles, and what is inferred. */
import { type } from 'arktype';
import { kafka, type LogRecord, merge, pipeline, type SealedStream, type Stream } from 'millrace';
import {
  columnsOf,
  count,
  decimal,
  decodeJson,
  enrich,
  filter,
  flatMap,
  int32,
  keyBy,
  lateTo,
  list,
  map,
  nullable,
  processKeyed,
  type RejectedRecord,
  sinkJsonl,
  sinkKafka,
  sinkParquet,
  splitRejections,
  struct,
  sum,
  toDLQ,
  tumblingWindow,
  utf8,
  validate,
  watermark,
} from 'millrace/operators';
import { expectTypeOf } from 'vitest';
import { z } from 'zod';

const Order = type({ id: 'string', amount: 'number > 0', at: 'string' });

const source = kafka('orders');
expectTypeOf(source).toEqualTypeOf<Stream<LogRecord>>();

const validated = source.pipe(decodeJson(), validate(Order));
expectTypeOf(validated).toEqualTypeOf<
  Stream<{ id: string; amount: number; at: string }, 'DecodeError' | 'ValidationError'>
>();

const zodded = source.pipe(decodeJson(), validate(z.object({ n: z.number().transform(String) })));
expectTypeOf(zodded['~value']).toEqualTypeOf<{ n: string }>();

const enriched = validated.pipe(enrich((order, ctx) => ({ seen: ctx.now(), at: order.amount })));
expectTypeOf(enriched['~value']).toEqualTypeOf<{ id: string; amount: number; seen: number; at: number }>();
expectTypeOf(enriched['~rejections']).toEqualTypeOf<'DecodeError' | 'ValidationError' | 'CallbackError'>();

const timed = enriched.pipe(watermark({ eventTime: (order) => order.at, outOfOrdernessMs: 0 }), toDLQ('orders-dlq'));
expectTypeOf(timed['~rejections']).toEqualTypeOf<never>();

const windows = timed.pipe(
  keyBy((order) => order.id),
  tumblingWindow('per-id', {
    sizeMs: 1_000,
    graceMs: 0,
    aggregate: { n: count(), total: sum((order) => order.amount) },
  }),
);
expectTypeOf(windows['~rejections']).toEqualTypeOf<'LateRecord'>();
expectTypeOf<(typeof windows)['~value']['key']>().toEqualTypeOf<string>();
expectTypeOf<(typeof windows)['~value']['total']>().toEqualTypeOf<number>();

const closed = windows.pipe(
  lateTo('orders-late'),
  map((window) => ({ id: window.key, n: window.n })),
);
expectTypeOf(closed['~value']).toEqualTypeOf<{ id: string; n: number }>();

const sealed = closed.pipe(sinkKafka('per-id', { key: (row) => row.id }));
expectTypeOf(sealed).toExtend<SealedStream<{ id: string; n: number }, 'CallbackError'>>();

const joined = merge(kafka('a').pipe(map((record) => record.offset)), kafka('b').pipe(decodeJson()));
expectTypeOf(joined['~rejections']).toEqualTypeOf<'CallbackError' | 'DecodeError'>();

const narrowed = kafka('a').pipe(
  map((record): string | number => record.offset),
  filter((value) => typeof value === 'string'),
  flatMap((text) => text.split(' ')),
);
expectTypeOf(narrowed['~value']).toEqualTypeOf<string>();

pipeline('several', sealed, closed.pipe(sinkJsonl('closed.jsonl')));
pipeline('options', { group: 'g', version: 2 }, sealed);
pipeline('params', { params: { to: { default: 'x.jsonl', description: 'where to' } } }, ({ to }) => {
  expectTypeOf(to).toEqualTypeOf<string>();
  return [sealed, closed.pipe(sinkJsonl(to))];
});

const [accepted, rejected] = validated.pipe(splitRejections);
expectTypeOf(accepted).toEqualTypeOf<Stream<{ id: string; amount: number; at: string }>>();
expectTypeOf(rejected).toEqualTypeOf<Stream<RejectedRecord<'DecodeError' | 'ValidationError'>>>();
const [, none] = splitRejections(accepted);
expectTypeOf(none['~value']['kind']).toEqualTypeOf<never>();
pipeline('split', accepted.pipe(sinkKafka('good')), rejected.pipe(sinkJsonl('quarantine.jsonl')));

const withRecord = validated.pipe(
  map((order, context) => {
    expectTypeOf(context.record).toEqualTypeOf<LogRecord | undefined>();
    return { id: order.id, appended: context.record?.timestamp };
  }),
);
expectTypeOf(withRecord['~value']).toEqualTypeOf<{ id: string; appended: number | undefined }>();

const keyed = timed.pipe(
  keyBy((order) => order.id),
  processKeyed('totals', {
    init: () => ({ total: 0 }),
    onRecord(order, context) {
      expectTypeOf(order.seen).toEqualTypeOf<number>();
      expectTypeOf(context.key).toEqualTypeOf<string>();
      context.state.total += order.at;
      context.setTimer('out', context.time + 1_000);
    },
    onTimer: ({ time }, { key, state }) => [{ key, total: state.total, time }],
  }),
);
expectTypeOf(keyed).toEqualTypeOf<Stream<{ key: string; total: number; time: number }>>();

const Reading = z.object({
  sensor: z.string(),
  celsius: z.number(),
  seen: z.iso.datetime(),
  tags: z.array(z.string()).optional(),
});
const readings = kafka('readings').pipe(decodeJson(), validate(Reading), toDLQ('readings-dlq'));
readings.pipe(sinkParquet('readings'));
readings.pipe(sinkParquet('readings', { omit: ['tags'], compression: 'none' }));
readings.pipe(sinkParquet('readings', { columns: columnsOf(Reading) }));
readings.pipe(sinkParquet('readings', { columns: { ...columnsOf(Reading), celsius: decimal(5, 2) } }));
readings.pipe(
  map((reading) => ({ ...reading, place: { city: 'x', zip: undefined as number | undefined } })),
  toDLQ('places-dlq'),
  sinkParquet('places', {
    columns: {
      ...columnsOf(Reading),
      place: struct({ city: utf8(), zip: nullable(int32()) }),
      tags: nullable(list(utf8())),
    },
  }),
);
