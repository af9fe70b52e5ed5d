/** Produce alone: orders of 150 bytes to three partitions, idempotent, acknowledged by all replicas. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runScript, startBenchBroker } from './child.ts';
import { runJavaTool } from './java-tools.ts';
import { alternate, type Contender, type Maker, type Measurement, type Run } from './measure.ts';
import { SAMPLE_BYTES, sampleOrders } from './sample-orders.ts';
import { countUpTo, createTopics, endsOf, FORGET_SOON } from './topics.ts';

const TOPIC = 'produced-orders';
const JAVA_BATCH = 128 * 1024;

const WRITERS: readonly (readonly [name: string, maker: Maker, writer: string])[] = [
  ['millrace', 'millrace', 'millrace-fast'],
  ['millrace through kafkajs', 'millrace', 'millrace-kafkajs'],
  ['kafkajs, batches of 1,000', 'public', 'kafkajs'],
  ['@platformatic/kafka, batches of 3 × 500', 'public', 'platformatic'],
];

export async function benchProduce({
  runs,
  records = 1_500_000,
}: {
  runs: number;
  records?: number | undefined;
}): Promise<Measurement[]> {
  const broker = await startBenchBroker({ properties: FORGET_SOON.broker });
  const { bootstrap } = broker;
  try {
    await createTopics(bootstrap, [TOPIC], FORGET_SOON.topic);
    const contenders = WRITERS.map(([name, maker, writer]): Contender => {
      const run = () => runScript<Run>('produce-run.ts', [writer, bootstrap, TOPIC, records]);
      return { name, maker, run: () => checked(bootstrap, records, run) };
    });
    const runJava = () => checked(bootstrap, records, () => produceByJava(bootstrap, records));
    return await alternate([...contenders, { name: 'Java, ProducerPerformance', maker: 'java', run: runJava }], runs);
  } finally {
    await broker.stop();
  }
}

/** A run counts when the topic has become longer by exactly its records. */
async function checked(brokers: string, records: number, run: () => Promise<Run>): Promise<Run> {
  const before = countUpTo(await endsOf(brokers, TOPIC));
  const result = await run();
  const written = countUpTo(await endsOf(brokers, TOPIC)) - before;
  if (written !== records) throw new Error(`${written} records were written, not ${records}`);
  return result;
}

/** It has no warm-up to leave out, and its CPU holds the start of the virtual machine; its records have no key. */
async function produceByJava(brokers: string, records: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    const payloads = join(folder, 'payloads');
    const lines = sampleOrders().map(({ key, value }) => `${String(value)}${' '.repeat(key.length)}`);
    writeFileSync(payloads, lines.join('\n'));
    const properties = [`bootstrap.servers=${brokers}`, 'acks=all', 'enable.idempotence=true'];
    const tuned = [`batch.size=${JAVA_BATCH}`, 'linger.ms=5', 'buffer.memory=67108864'];
    const job = ['--topic', TOPIC, '--num-records', String(records), '--throughput', '-1', '--payload-file', payloads];
    const run = await runJavaTool('ProducerPerformance', [...job, '--producer-props', ...properties, ...tuned]);
    const rate = run.lines.map(({ text }) =>
      /^\d+ records sent, ([\d.]+) records\/sec \(([\d.]+) MB\/sec\).* 99th/.exec(text),
    );
    const [, recordsPerSecond, megabytesPerSecond] = rate.find((found) => found !== null)!.map(Number);
    const bytes = (megabytesPerSecond * 2 ** 20) / recordsPerSecond;
    if (Math.abs(bytes - SAMPLE_BYTES) > 1) throw new Error(`Java wrote ${bytes} bytes a record`);
    return { recordsPerSecond, cpuMicros: (run.cpuSeconds * 1e6) / records, peakMiB: run.peakMiB };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
