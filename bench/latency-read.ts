/**
 * Notes when each processed order is first seen by a reader of committed records: `tsx bench/latency-read.ts ADDRESS FOLDER ORDERS
 * VALID`. Prints `first` when it has seen one; the times, by the common clock, are in the file `seen` in the folder when it ends. Fails where not each valid
 * order was seen once.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs, openLog } from './latency-log.ts';

/** After the last order: one that comes twice should be seen. */
const QUIET_MS = 1_000;
/** So long without a record means that the missing ones do not come. The program may take its time to start. */
const PATIENCE_MS = 60_000;
const FETCH_BYTES = 4 * 1024 * 1024;

const [address, folder, total, valid] = process.argv.slice(2);
/** By the number of the order; 0: not seen. */
const seenAt = new Float64Array(Number(total));
let distinct = 0;
let repeated = 0;

const { log, close } = await openLog(address, folder);
const positions = (await log.offsets('processed-orders', 'earliest')).map((offset, partition) => ({
  topic: 'processed-orders',
  partition,
  offset,
}));
let lastMs = monotonicMs();
while (monotonicMs() - lastMs < (distinct === Number(valid) ? QUIET_MS : PATIENCE_MS)) {
  const answers = await log.fetch(positions, { maxBytes: FETCH_BYTES, maxWaitMs: QUIET_MS });
  const now = monotonicMs();
  for (const { partition, batch, nextOffset } of answers) {
    positions[partition].offset = nextOffset;
    if (batch === undefined) continue;
    lastMs = now;
    for (let row = 0; row < batch.length; row++) note(numberOf(batch.key(row)!), now);
  }
}
await close();
if (distinct !== Number(valid) || repeated > 0) {
  throw new Error(`${distinct} of ${valid} orders were seen, and ${repeated} more than once`);
}
writeFileSync(join(folder, 'seen'), seenAt);

function note(order: number, now: number): void {
  if (seenAt[order] === 0) {
    if (distinct === 0) process.stdout.write('first\n');
    seenAt[order] = now;
    distinct++;
  } else repeated++;
}

/** `order-2-17` is the order number 17. */
function numberOf(key: Uint8Array): number {
  const text = Buffer.from(key).toString('latin1');
  return Number(text.slice(text.lastIndexOf('-') + 1));
}
