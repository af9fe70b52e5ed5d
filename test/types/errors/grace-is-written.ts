import { kafka } from 'millrace';
import { count, keyBy, toDLQ, tumblingWindow, watermark } from 'millrace/operators';

// expect: Property 'outOfOrdernessMs' is missing
const ticks = kafka('ticks').pipe(watermark({ eventTime: (tick) => tick.timestamp }), toDLQ('ticks-dlq'));

export const windows = ticks.pipe(
  keyBy((tick) => tick.partition),
  // expect: Property 'graceMs' is missing
  tumblingWindow('w', { sizeMs: 1_000, aggregate: { n: count() } }),
);
