/** The steps of the orders pipeline, with one field more: where each order came from, so that every record can be asked for. */
import { iso, kafka, parseIso, pipeline } from 'millrace';
import {
  avgMoney,
  count,
  decodeJson,
  enrich,
  first,
  keyBy,
  lateTo,
  map,
  sinkJsonl,
  sinkKafka,
  sumMoney,
  toDLQ,
  tumblingWindow,
  validate,
  watermark,
} from 'millrace/operators';
import { Order, PRODUCT_NAMES } from '../../pipelines/orders/schema.ts';

const orders = kafka('orders', { partitions: 3 }).pipe(
  decodeJson(),
  validate(Order),
  enrich((order, ctx) => ({
    product_name: PRODUCT_NAMES[order.product_id],
    processed_at: iso(ctx.now()),
    from: [ctx.partition, ctx.offset],
  })),
  watermark({ eventTime: (order) => parseIso(order.timestamp), outOfOrdernessMs: 5_000 }),
  toDLQ('orders-dlq'),
);

const metrics = orders.pipe(
  keyBy((order) => order.product_id),
  tumblingWindow('per-product', {
    sizeMs: 60_000,
    graceMs: 0,
    aggregate: {
      product_name: first((order) => order.product_name),
      order_count: count(),
      total_revenue: sumMoney((order) => order.amount),
      avg_order_value: avgMoney((order) => order.amount),
    },
  }),
  lateTo('orders-late'),
  map(({ key, start, ...figure }) => ({ window_start: iso(start), product_id: key, ...figure })),
);

export const fuzzedOrders = pipeline(
  'fuzzed-orders',
  orders.pipe(sinkKafka('processed-orders', { key: (order) => order.order_id })),
  metrics.pipe(sinkKafka('product-metrics', { key: (row) => row.product_id })),
  metrics.pipe(sinkJsonl('metrics.jsonl')),
);
