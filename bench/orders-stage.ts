/** What the benches of the orders job play on: a broker, topics of orders, and empty topics for what is made of them. */
import type { RunningBroker } from '../scripts/kafka/broker.ts';
import { systemClock } from '../src/time/clock.ts';
import { startBenchBroker } from './child.ts';
import { emptyTotals, generateOrders, type OrderKey, type Totals } from './orders-data.ts';
import { OrderSum } from './order-sum.ts';
import { createTopics, fill, FORGET_SOON, type NewRecord, PARTITIONS } from './topics.ts';

export const OUTPUTS = ['processed-orders', 'orders-dlq', 'orders-late', 'product-metrics'];

const INPUT = 'orders';
/** For programs that would take too long over all of them: the first fifth. */
const SHORT_INPUT = 'orders-short';
const SHORT_SHARE = 0.2;
/** Event times may be old: a broker would forget such orders before they are read. */
const KEEP = { 'retention.ms': '-1' };
/** More than an order, enriched, takes in a log. */
const MAX_BYTES = 400;

export interface OrdersInput {
  readonly topic: string;
  readonly records: number;
  /** What is to be made of them. */
  readonly expected: Totals;
  /** Sum of the hashes of all valid orders, as they are to be passed on. */
  readonly processed: number;
  /** The time of the last order. */
  readonly end: number;
}

export interface Stage {
  readonly brokers: string;
  readonly key: OrderKey;
  readonly full: OrdersInput;
  readonly short: OrdersInput;
  stop(): Promise<void>;
}

export async function openStage(records: number, key: OrderKey = 'order'): Promise<Stage> {
  const broker = await startBenchBroker({ properties: FORGET_SOON.broker });
  try {
    return await fillStage(broker, records, key);
  } catch (error) {
    await broker.stop();
    throw error;
  }
}

async function fillStage(broker: RunningBroker, records: number, key: OrderKey): Promise<Stage> {
  const brokers = broker.bootstrap;
  const start = systemClock.now() - records;
  const filled = async (topic: string, count: number): Promise<OrdersInput> => {
    await createTopics(brokers, [topic], KEEP);
    const expected = emptyTotals();
    const processed = new OrderSum();
    await fill(brokers, topic, summed(generateOrders(count, start, expected, key), expected, processed));
    return { topic, records: count, expected, processed: processed.hash, end: start + count };
  };
  const full = await filled(INPUT, records);
  const short = await filled(SHORT_INPUT, Math.ceil(records * SHORT_SHARE));
  // All that one run writes is there until it has been looked at.
  const kept = Math.ceil((records * MAX_BYTES) / PARTITIONS);
  const retention = String(Math.max(kept, Number(FORGET_SOON.topic['retention.bytes'])));
  await createTopics(brokers, OUTPUTS, { ...FORGET_SOON.topic, ...KEEP, 'retention.bytes': retention });
  return { brokers, key, full, short, stop: () => broker.stop() };
}

/** Adds up what is to become of the valid ones. */
function* summed(orders: Iterable<NewRecord>, totals: Totals, processed: OrderSum): Iterable<NewRecord> {
  let { valid } = totals;
  for (const order of orders) {
    if (totals.valid > valid) processed.addInput(order.value);
    valid = totals.valid;
    yield order;
  }
}
