/**
 * Appends orders at a steady rate, whatever becomes of those before: `tsx bench/latency-write.ts ADDRESS FOLDER RATE ORDERS`. When
 * order n is due does not depend on how the log answers. Prints one line of JSON.
 */
import { RecordBatchBuilder } from '../src/core/record-batch.ts';
import { systemClock } from '../src/time/clock.ts';
import { monotonicMs, openLog } from './latency-log.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';
import { PARTITIONS } from './topics.ts';

export interface Written {
  /** When the first order was due, by the common clock. Each of the others is due 1,000 ms / rate after the one before. */
  readonly startMs: number;
  /** The longest time that an order waited here after it was due. */
  readonly latestMs: number;
}

/** What came due in it goes out together: as long as producers of Kafka linger. */
const TICK_MS = 5;
/** Connections are made, and topics led, before the first order is due. */
const FIRST_MS = 500;

const [address, folder, rate, total] = process.argv.slice(2);
const perMs = Number(rate) / 1000;
const orders = [...generateOrders(Number(total), systemClock.now() - Number(total), emptyTotals())];
const { log, close } = await openLog(address, folder);
const startMs = monotonicMs() + FIRST_MS;
const appends: Promise<unknown>[] = [];
let failure: { readonly thrown: unknown } | undefined;
let latestMs = 0;

for (let sent = 0; sent < orders.length && failure === undefined; ) {
  await systemClock.sleep(TICK_MS);
  const sinceStart = monotonicMs() - startMs;
  const due = Math.min(orders.length, Math.floor(sinceStart * perMs) + 1);
  if (sinceStart < 0 || due === sent) continue;
  latestMs = Math.max(latestMs, sinceStart - sent / perMs);
  const append = log.append(batchesOf(sent, due));
  append.catch((thrown: unknown) => (failure = { thrown }));
  appends.push(append);
  sent = due;
}
await Promise.all(appends);
await close();
process.stdout.write(`${JSON.stringify({ startMs, latestMs } satisfies Written)}\n`);

function batchesOf(from: number, to: number) {
  const builders = Array.from({ length: PARTITIONS }, (_, partition) => new RecordBatchBuilder('orders', partition));
  const now = systemClock.now();
  for (const { key, value, partition } of orders.slice(from, to)) builders[partition].add(key, value, now);
  return builders.filter(({ length }) => length > 0).map((builder) => builder.finish());
}
