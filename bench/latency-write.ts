/**
 * Appends orders at a steady rate, whatever becomes of those before: `tsx bench/latency-write.ts ADDRESS FOLDER RATE ORDERS`. When
 * an order is due does not depend on how the log answers. Those of the first second are appended at once, for the program to find when
 * it has started; the others become due one by one when this is sent a line. Prints one line of JSON.
 */
import { once } from 'node:events';
import { RecordBatchBuilder } from '../src/core/batch-builder.ts';
import { systemClock } from '../src/time/clock.ts';
import { monotonicMs, openLog } from './latency-log.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';
import { PARTITIONS } from './topics.ts';

export interface Written {
  /** When order number 0 would have been due, by the common clock: each is due 1,000 ms / rate after the one before. */
  readonly startMs: number;
  /** The longest time that an order waited here after it was due. */
  readonly latestMs: number;
}

/** What came due in it goes out together: as long as producers of Kafka linger. */
const TICK_MS = 5;

const [address, folder, rate, total] = process.argv.slice(2);
const perMs = Number(rate) / 1000;
const orders = [...generateOrders(Number(total), systemClock.now() - Number(total), emptyTotals())];
const { log, close } = await openLog(address, folder);
const found = Number(rate);
await log.append(batchesOf(0, found));
await once(process.stdin, 'data');
process.stdin.destroy();
const startMs = monotonicMs() - found / perMs;
const appends: Promise<unknown>[] = [];
let failure: { readonly thrown: unknown } | undefined;
let latestMs = 0;

for (let sent = found; sent < orders.length && failure === undefined; ) {
  await systemClock.sleep(TICK_MS);
  const sinceStart = monotonicMs() - startMs;
  const due = Math.min(orders.length, Math.floor(sinceStart * perMs) + 1);
  if (due === sent) continue;
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
