import { kafka } from 'millrace';
import { count, toDLQ, tumblingWindow, watermark } from 'millrace/operators';

const ticks = kafka('ticks').pipe(
  watermark({ eventTime: (tick) => tick.timestamp, outOfOrdernessMs: 0 }),
  toDLQ('ticks-dlq'),
);

// expect: key the stream first: put keyBy() above this operator
export const windows = ticks.pipe(tumblingWindow('w', { sizeMs: 1_000, graceMs: 0, aggregate: { n: count() } }));
