/** One run of the engine bench in a process of its own: `tsx bench/engine-run.ts RECORDS KEYS`; prints one line of JSON. */
import { type } from 'arktype';
import { kafka } from 'millrace';
import {
  count,
  enrich,
  keyBy,
  lateTo,
  sink,
  sumMoney,
  toDLQ,
  tumblingWindow,
  validate,
  watermark,
} from 'millrace/operators';
import { Chunk, type Origin } from '../src/core/element.ts';
import { drivePlan } from './drive-plan.ts';

const records = Number(process.argv[2]);
const keys = Number(process.argv[3]);
const CHUNK = 2_048;
/** One record a millisecond of event time: a window of 60 s holds 60,000. */
const START = Date.now() - records - 60_000;

const NAMES: Record<string, string> = { p0: 'Laptop', p1: 'Phone', p2: 'Tablet', p3: 'Monitor', p4: 'Keyboard' };
const Order = type({
  order_id: 'string',
  user_id: 'string',
  product_id: 'string',
  amount: '0 < number <= 1000000000',
  timestamp: 'number',
});

let results = 0;
const windows = kafka('orders').pipe(
  validate(Order),
  enrich((order, ctx) => ({ product_name: NAMES[order.product_id] ?? '', processed_at: ctx.now() })),
  watermark({ eventTime: (order) => order.timestamp, outOfOrdernessMs: 2_000 }),
  toDLQ('dlq'),
  keyBy((order) => order.product_id),
  tumblingWindow('per-product', {
    sizeMs: 60_000,
    graceMs: 0,
    aggregate: { order_count: count(), total_revenue: sumMoney((order) => order.amount) },
  }),
  lateTo('late'),
  sink({
    kind: 'counted',
    name: 'counted',
    options: {},
    writer: () => ({ write: (chunk) => void (results += chunk.length) }),
  }),
);

const origin: Origin = { source: 'kafka(orders)', topic: 'orders', partition: 0 };
const input = drivePlan([windows], { origins: [origin] });

const began = process.hrtime.bigint();
let measured = 0n;
const cpuBefore = process.cpuUsage();
let cpuMaking = 0;
for (let at = 0; at < records; at += CHUNK) {
  const making = process.cpuUsage();
  const n = Math.min(CHUNK, records - at);
  const values = Array.from({ length: n }, (_, i) => {
    const id = at + i;
    return {
      order_id: `o${id}`,
      user_id: `u${id % 100}`,
      product_id: `p${id % keys}`,
      amount: (id % 49_000) / 100 + 10,
      timestamp: START + id,
    };
  });
  const times = new Float64Array(n);
  const columns = {
    origin,
    input: undefined,
    rows: undefined,
    times,
    watermarks: undefined,
    keys: undefined,
    caughtUp: false,
  };
  const chunk = new Chunk(columns, values, [], true);
  cpuMaking += process.cpuUsage(making).user / 1e6;
  const before = process.hrtime.bigint();
  input.next(chunk);
  measured += process.hrtime.bigint() - before;
}
const cpu = process.cpuUsage(cpuBefore);
process.stdout.write(
  JSON.stringify({
    seconds: Number(measured) / 1e9,
    wallSeconds: Number(process.hrtime.bigint() - began) / 1e9,
    cpuSeconds: (cpu.user + cpu.system) / 1e6 - cpuMaking,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    results,
  }),
);
