/** Fetch alone: a topic of orders in three partitions, read to its end by each client. */
import { runScript, startBenchBroker } from './child.ts';
import { runJavaTool } from './java-tools.ts';
import { alternate, type Contender, type Maker, type Measurement, type Run } from './measure.ts';
import { SAMPLE_BYTES, sampleOrders } from './sample-orders.ts';
import { createTopics, fill, type NewRecord, PARTITIONS } from './topics.ts';

const TOPIC = 'sample-orders';
const JAVA_WARM_UP = 0.2;

const READERS: readonly (readonly [name: string, maker: Maker, reader: string])[] = [
  ['millrace', 'millrace', 'millrace-fast'],
  ['millrace through kafkajs', 'millrace', 'millrace-kafkajs'],
  ['kafkajs, eachBatch', 'public', 'kafkajs'],
  ['@platformatic/kafka, for await of stream', 'public', 'platformatic-stream'],
  ['@platformatic/kafka, data events', 'public', 'platformatic-data'],
];

export async function benchFetch({
  runs,
  records = 2_000_000,
}: {
  runs: number;
  records?: number | undefined;
}): Promise<Measurement[]> {
  const broker = await startBenchBroker();
  try {
    await createTopics(broker.bootstrap, [TOPIC]);
    await fill(broker.bootstrap, TOPIC, orders(records));
    const contenders = READERS.map(
      ([name, maker, reader]): Contender => ({
        name,
        maker,
        run: () => runScript<Run>('fetch-run.ts', [reader, broker.bootstrap, TOPIC, records]),
      }),
    );
    const java = {
      name: 'Java, ConsumerPerformance',
      maker: 'java',
      run: () => runJava(broker.bootstrap, records),
    } as const;
    return await alternate([...contenders, java], runs);
  } finally {
    await broker.stop();
  }
}

function* orders(records: number): Iterable<NewRecord> {
  const samples = sampleOrders();
  for (let i = 0; i < records; i++) yield { ...samples[i % samples.length], partition: i % PARTITIONS };
}

/** Its lines tell, every 100 ms, what it has read so far: `time, thread, MB, MB/s, records, records/s, …`. */
async function runJava(brokers: string, records: number): Promise<Run> {
  const place = ['--bootstrap-server', brokers, '--topic', TOPIC, '--messages', String(records)];
  const report = ['--show-detailed-stats', '--reporting-interval', '100', '--date-format', 'yyyyMMdd HH:mm:ss.SSS'];
  const { lines, peakMiB } = await runJavaTool('ConsumerPerformance', [...place, ...report, '--hide-header']);
  const seen = lines
    .map(({ text, cpuSeconds }) => ({ fields: text.split(',').map((field) => field.trim()), cpuSeconds }))
    .filter(({ fields }) => fields.length > 5)
    .map(({ fields, cpuSeconds }) => ({
      at: timeOf(fields[0]),
      megabytes: Number(fields[2]),
      records: Number(fields[4]),
      cpuSeconds,
    }));
  const first = seen.find((line) => line.records >= records * JAVA_WARM_UP);
  const last = seen.at(-1);
  if (first === undefined || last === undefined || first === last)
    throw new Error('too few records to measure Java by');
  const read = last.records - first.records;
  const bytes = (last.megabytes * 2 ** 20) / last.records;
  if (Math.abs(bytes - SAMPLE_BYTES) > 1) throw new Error(`Java read ${bytes} bytes a record`);
  return {
    recordsPerSecond: (read * 1000) / (last.at - first.at),
    cpuMicros: ((last.cpuSeconds - first.cpuSeconds) * 1e6) / read,
    peakMiB,
  };
}

function timeOf(text: string): number {
  const [, y, mo, d, rest] = /^(\d{4})(\d\d)(\d\d) (.*)$/.exec(text)!;
  return Date.parse(`${y}-${mo}-${d}T${rest}Z`);
}
