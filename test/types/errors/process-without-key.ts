import { kafka } from 'millrace';
import { processKeyed, toDLQ, watermark } from 'millrace/operators';

const ticks = kafka('ticks').pipe(
  watermark({ eventTime: (tick) => tick.timestamp, outOfOrdernessMs: 0 }),
  toDLQ('ticks-dlq'),
);

// expect: key the stream first: put keyBy() above this operator
export const counts = ticks.pipe(processKeyed('p', { init: () => 0, onRecord: () => [1] }));
