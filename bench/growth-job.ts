/** The job of the growth bench: orders decoded, checked, passed on, and counted by key and window. */
import { kafka, type Pipeline, pipeline } from 'millrace';
import {
  count,
  decodeJson,
  filter,
  keyBy,
  lateTo,
  map,
  sinkKafka,
  sumMoney,
  toDLQ,
  tumblingWindow,
  validate,
  watermark,
} from 'millrace/operators';
import { z } from 'zod';
import { randomAt } from '../src/core/random.ts';
import { RecordBatchBuilder } from '../src/core/batch-builder.ts';
import type { RecordBatch } from '../src/core/record-batch.ts';
import type { Stream } from '../src/core/stream.ts';
import { partitionFor } from '../src/log/partitioner.ts';
import type { GrowthJob } from './growth-axes.ts';

const Order = z.looseObject({
  id: z.string().min(1),
  product: z.string().min(1),
  amount: z.number().positive(),
  time: z.number(),
  note: z.string(),
});
type Order = z.infer<typeof Order>;

const HOUR_MS = 3_600_000;
/** Records of one append, over all partitions. */
const BATCH = 3_000;

export function growthPipeline(job: GrowthJob, input: string, output: string): Pipeline {
  let orders: Stream<Order, 'DecodeError' | 'ValidationError' | 'CallbackError'> = kafka(input, {
    partitions: job.partitions,
  }).pipe(decodeJson(), validate(Order));
  for (let step = 0; step < job.steps; step++) {
    orders =
      step % 2 === 0
        ? orders.pipe(map(({ id, product, amount, time, note }): Order => ({ id, product, amount, time, note })))
        : orders.pipe(filter(({ amount }) => amount > step / 10));
  }
  const timed = orders.pipe(
    watermark({ eventTime: ({ time }) => time, outOfOrdernessMs: job.reachMs }),
    toDLQ(`${output}-dlq`),
  );
  const totals = timed.pipe(
    keyBy(({ product }) => product),
    tumblingWindow('per-product', {
      sizeMs: job.windowMs,
      graceMs: 0,
      aggregate: { orders: count(), revenue: sumMoney(({ amount }) => amount) },
    }),
    lateTo(`${output}-late`),
  );
  return pipeline(
    'growth',
    timed.pipe(sinkKafka(output, { key: ({ id }) => id })),
    totals.pipe(sinkKafka(`${output}-totals`, { key: ({ key }) => key })),
  );
}

/** One order a millisecond of event time, from the start of an hour on and to `end` at the latest, as a producer would send them. */
export function* growthBatches(job: GrowthJob, topic: string, end: number): Iterable<RecordBatch[]> {
  // A window of an hour has room for all of a million.
  const begin = Math.floor((end - job.records) / HOUR_MS) * HOUR_MS;
  let builders: (RecordBatchBuilder | undefined)[] = [];
  for (let i = 0; i < job.records; i++) {
    const random = randomAt(3, i);
    const order = {
      id: `o${i}`,
      product: `p${i % job.keys}`,
      amount: (1_000 + Math.floor(random() * 49_001)) / 100,
      time: begin + i - Math.floor(random() * job.reachMs),
      note: '',
    };
    order.note = 'x'.repeat(Math.max(0, job.recordBytes - JSON.stringify(order).length));
    const partition = partitionFor(order.id, job.partitions);
    builders[partition] ??= new RecordBatchBuilder(topic, partition);
    builders[partition].add(order.id, JSON.stringify(order), order.time);
    if ((i + 1) % BATCH > 0) continue;
    yield finished(builders);
    builders = [];
  }
  yield finished(builders);
}

function finished(builders: readonly (RecordBatchBuilder | undefined)[]): RecordBatch[] {
  return builders.filter((builder) => builder !== undefined).map((builder) => builder.finish());
}
