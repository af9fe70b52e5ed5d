/** A producer on a simulated Kafka, and what tests of producers look at. */
import { createProducer, type LogRecord, MillraceError, type ProducerOptions, topicOf } from 'millrace';
import { ManualClock, SimulatedKafka } from 'millrace/testing';
import type { LogClient } from '../../src/log/log-client.ts';

export interface Order {
  readonly order_id: string;
  readonly amount: number;
}

export const orders = topicOf<Order>('streamlake.orders.raw', { key: (order) => order.order_id, dataset: 'orders' });
export const order = (n: number): Order => ({ order_id: `ORD-${n}`, amount: n });
export const NOW = 1_700_000_000_000;

export async function world(options: ProducerOptions = {}, wrap: (log: LogClient) => void = () => {}) {
  const clock = new ManualClock(NOW);
  const log = new SimulatedKafka(clock);
  wrap(log);
  const producer = await createProducer({ log, clock, lingerMs: 0, ...options });
  return { clock, log, producer };
}

export async function recordsOf(log: LogClient, topic: string): Promise<LogRecord[]> {
  const ends = await log.offsets(topic, 'latest');
  const positions = ends.map((_, partition) => ({ topic, partition, offset: 0 }));
  const answers = await log.fetch(positions, { maxBytes: 1 << 20, maxWaitMs: 0 });
  return answers.flatMap(({ batch }) => Array.from({ length: batch?.length ?? 0 }, (_, row) => batch!.record(row)));
}

export const headersOf = ({ headers }: LogRecord) =>
  Object.fromEntries(headers.map(({ key, value }) => [key, Buffer.from(value).toString()]));

/** Appends wait until they are let go, and fail where they are told to. */
export function gated(log: LogClient) {
  const waiting: (() => void)[] = [];
  const append = log.append.bind(log);
  const failures: Error[] = [];
  log.append = async (batches) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return append(batches);
  };
  return { waiting, failures };
}

export const away = () => new MillraceError('LOG_UNAVAILABLE', 'Kafka is away');

export async function codeOf(sending: Promise<unknown>): Promise<string> {
  return sending.then(
    () => 'nothing failed',
    (thrown: unknown) => (thrown instanceof MillraceError ? thrown.code : String(thrown)),
  );
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}
