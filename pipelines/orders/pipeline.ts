import { iso, kafka, parseIso, pipeline } from 'millrace';
import { decodeJson, enrich, filter, map, toDLQ, validate, watermark } from 'millrace/operators';
import { avgMoney, count, first, keyBy, lateTo, sumMoney, tumblingWindow } from 'millrace/operators';
import { decimal, int64, sinkArrow, sinkConsole, sinkJsonl, sinkKafka, timestamp, utf8 } from 'millrace/operators';
import { Order, PRODUCT_NAMES } from './schema.ts';

const orders = kafka('orders', { partitions: 3 }).pipe(
  decodeJson(),
  validate(Order),
  enrich((order, ctx) => ({ product_name: PRODUCT_NAMES[order.product_id], processed_at: iso(ctx.now()) })),
  watermark({ eventTime: (order) => parseIso(order.timestamp), outOfOrdernessMs: 5_000 }),
  toDLQ('orders-dlq'),
);

/** Figures of each product by the minute: when the minute is over, and with every order where they are shown running. */
const figures = (running: boolean) =>
  orders.pipe(
    keyBy((order) => order.product_id),
    tumblingWindow('per-product', {
      sizeMs: 60_000,
      graceMs: 0,
      emit: running ? 'update' : 'on-close',
      aggregate: {
        product_name: first((order) => order.product_name),
        order_count: count(),
        total_revenue: sumMoney((order) => order.amount),
        avg_order_value: avgMoney((order) => order.amount),
      },
    }),
    lateTo('orders-late'),
    map(({ key, start, end, final, ...figure }) => ({
      final,
      row: { window_start: iso(start), window_end: iso(end), product_id: key, ...figure },
    })),
  );

type Figure = ReturnType<typeof figures>['~value'];

export default pipeline(
  'orders',
  {
    group: 'order-processors',
    description: 'orders → validated and enriched orders, and the revenue of each product by the minute',
    params: {
      metricsFile: { default: 'output/metrics.jsonl', description: 'file of the figures, one JSON object a line' },
      metricsArrow: { default: 'output/metrics-arrow', description: 'folder of the figures as Arrow files' },
      arrowRollMs: { default: 60_000, min: 0, description: 'age at which an Arrow file is published, in milliseconds' },
      running: { default: false, description: "print a product's running figures with every order" },
    },
  },
  ({ metricsFile, metricsArrow, arrowRollMs, running }) => {
    const all = figures(running);
    const metrics = all.pipe(
      filter(({ final }) => final),
      map(({ row }) => row),
    );
    return [
      orders.pipe(sinkKafka('processed-orders', { key: (order) => order.order_id })),
      metrics.pipe(sinkKafka('product-metrics', { key: (row) => row.product_id })),
      metrics.pipe(sinkJsonl(metricsFile)),
      metrics.pipe(sinkArrow(metricsArrow, { prefix: 'metrics', rollEveryMs: arrowRollMs, columns: COLUMNS })),
      all.pipe(sinkConsole({ format: line })),
    ];
  },
);

const COLUMNS = {
  window_start: timestamp(),
  window_end: timestamp(),
  product_id: utf8(),
  product_name: utf8(),
  order_count: int64(),
  total_revenue: decimal(18, 2),
  avg_order_value: decimal(18, 2),
};

const DOLLARS = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });

/** `10:02   Laptop      31 orders    $8,112.40  avg  $261.69`, with a mark behind the minute while it goes on. */
function line({ final, row }: Figure): string {
  const minute = `${row.window_start.slice(11, 16)}${final ? '  ' : ' …'}`;
  const orders = `${row.order_count}`.padStart(5);
  const revenue = DOLLARS.format(row.total_revenue).padStart(12);
  const average = DOLLARS.format(row.avg_order_value).padStart(8);
  return `${minute} ${row.product_name.padEnd(9)}${orders} orders ${revenue}  avg ${average}`;
}
