/** What the guard looks at: the orders job where the store decides, where a transaction of the log does, and many keys. */
import type { Pipeline } from 'millrace';
import orders from '../pipelines/orders/pipeline.ts';
import { RecordBatchBuilder } from '../src/core/batch-builder.ts';
import type { RecordBatch } from '../src/core/record-batch.ts';
import type { TopicSpec } from '../src/log/log-client.ts';
import { AT_REST, type GrowthJob } from './growth-axes.ts';
import { growthBatches, growthPipeline } from './growth-job.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';
import { PARTITIONS } from './topics.ts';

export interface GuardJob {
  /** Kafka is simulated in memory: what is counted is the way to it and the protocol, not the wire. */
  readonly log: 'embedded' | 'simulated Kafka';
  readonly pipeline: Pipeline;
  readonly topics: readonly TopicSpec[];
  /** The input, appended one after the other; event times are below `end`. */
  batches(records: number, end: number): Iterable<RecordBatch[]>;
}

/** Records of one append, over all partitions. */
const BATCH = 3_000;
const ORDERS = { pipeline: orders, topics: [{ topic: 'orders', partitions: PARTITIONS }], batches: orderBatches };
const MANY_KEYS: GrowthJob = { ...AT_REST, keys: 100_000 };

export const GUARD_JOBS: Readonly<Record<string, GuardJob>> = {
  'orders, embedded log': { ...ORDERS, log: 'embedded' },
  'orders, transactions': { ...ORDERS, log: 'simulated Kafka' },
  '100,000 keys': {
    log: 'embedded',
    pipeline: growthPipeline(MANY_KEYS, 'growth', 'out'),
    topics: [{ topic: 'growth', partitions: MANY_KEYS.partitions }],
    batches: (records, end) => growthBatches({ ...MANY_KEYS, records }, 'growth', end),
  },
};

function* orderBatches(records: number, end: number): Iterable<RecordBatch[]> {
  let builders: RecordBatchBuilder[] = [];
  let added = 0;
  for (const { key, value, partition } of generateOrders(records, end - records, emptyTotals())) {
    builders[partition] ??= new RecordBatchBuilder('orders', partition);
    builders[partition].add(key, value, end);
    if (++added % BATCH > 0) continue;
    yield builders.map((builder) => builder.finish()).filter(({ length }) => length > 0);
    builders = [];
  }
  yield builders.map((builder) => builder.finish()).filter(({ length }) => length > 0);
}
