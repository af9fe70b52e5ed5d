/** The pipeline of the state bench: counts and sums by key, and a result for each record. */
import { kafka, pipeline } from 'millrace';
import { keyBy, map, processKeyed, sinkKafka, toDLQ, watermark } from 'millrace/operators';

export default pipeline(
  'state',
  {
    params: {
      input: { default: 'events', description: 'topic of amounts by key' },
      output: { default: 'counts', description: 'topic of counts and sums by key' },
    },
  },
  ({ input, output }) => [
    kafka(input).pipe(
      map(({ key, value, timestamp }) => ({ key: String(key), amount: Number(value), timestamp })),
      watermark({ eventTime: (event) => event.timestamp, outOfOrdernessMs: 0 }),
      toDLQ(`${output}-dlq`),
      keyBy((event) => event.key),
      processKeyed('counts', {
        init: () => ({ count: 0, sum: 0 }),
        onRecord({ key, amount }, { state }) {
          state.count++;
          state.sum += amount;
          return [{ key, text: `${state.count},${state.sum}` }];
        },
      }),
      sinkKafka(output, { key: (result) => result.key, value: (result) => result.text }),
    ),
  ],
);
