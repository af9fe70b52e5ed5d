/**
 * Sends orders to `streamlake.orders.raw`, and what is no order to `streamlake.orders.dlq`.
 *
 *     KAFKA_BOOTSTRAP_SERVERS=localhost:9092 npx tsx docs/examples/streamlake-orders.ts
 *
 * Without that variable they go into the embedded log in `.millrace`.
 */
import { argv, stdout } from 'node:process';
import { createDlqProducer, createProducer, type DeliveryReport, type ProducerOptions, topicOf } from 'millrace';

interface Order {
  readonly order_id: string;
  readonly amount: number;
}

const rawOrders = topicOf<Order>('streamlake.orders.raw', { key: (order) => order.order_id, dataset: 'orders' });

export async function sendOrders(
  values: Iterable<unknown> | AsyncIterable<unknown>,
  print: (line: string) => unknown,
  options: ProducerOptions = {},
): Promise<void> {
  const onDelivery = (report: DeliveryReport): void => void print(lineOf(report));
  await using producer = await createProducer({ service: 'streamlake-producer', onDelivery, ...options });
  await using dlq = await createDlqProducer('streamlake.orders.dlq', { log: producer.log, onDelivery });
  for await (const value of values) {
    await producer.ready();
    if (isOrder(value)) void producer.send(rawOrders, value);
    else await dlq.send({ payload: value, headers: { dataset: 'orders' } }, 'order_id or amount is missing');
  }
}

function isOrder(value: unknown): value is Order {
  const { order_id: id, amount } = (value ?? {}) as Partial<Order>;
  return typeof id === 'string' && typeof amount === 'number';
}

function lineOf(report: DeliveryReport): string {
  if (report.status === 'failed') return `[ERROR] Delivery failed: ${report.error.message}`;
  if (report.status === 'buffered') return `[BUFFERED] Topic=${report.topic}`;
  return `[SUCCESS] Topic=${report.topic} Partition=${report.partition} Offset=${report.offset}`;
}

if (argv[1] === import.meta.filename) {
  await sendOrders([{ order_id: 'ORD-100', amount: 250.5 }, { order_id: 'ORD-101' }], (line) =>
    stdout.write(`${line}\n`),
  );
}
