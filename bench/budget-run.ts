/** One step of the orders job alone: `tsx bench/budget-run.ts STEP RECORDS BROKERS TOPIC`; prints microseconds of CPU a record. */
import {
  decodeJson,
  enrich,
  keyBy,
  lateTo,
  sinkKafka,
  toDLQ,
  tumblingWindow,
  validate,
  watermark,
} from 'millrace/operators';
import { avgMoney, count, first, sumMoney } from 'millrace/operators';
import { iso, kafka, parseIso, type SealedStream, type Stream } from 'millrace';
import { Order, PRODUCT_NAMES } from '../pipelines/orders/schema.ts';
import type { RecordBatch } from '../src/core/record-batch.ts';
import { BatchWriter } from '../src/kafka/batch-writer.ts';
import { decodeRecords } from '../src/kafka/decode-records.ts';
import { encodeRecords, stampBatch } from '../src/kafka/encode-records.ts';
import type { LogClient } from '../src/log/log-client.ts';
import { Credit } from '../src/runtime/credit.ts';
import { PublishedTopic } from '../src/runtime/topic-output.ts';
import { inputsOf, ORIGINS, type Stage } from './budget-inputs.ts';
import { connectDriver } from './drivers.ts';
import { drivePlan } from './drive-plan.ts';
import { PARTITIONS } from './topics.ts';

const [step, total, brokers, topic] = process.argv.slice(2);
const records = Number(total);
/** The first records, while the compiler still learns, do not count. */
const warmUp = records * 0.2;
const BATCH_BYTES = 1_000_000;
const IN_FLIGHT = 4;

/** Takes what an output has collected. */
const nowhere = {
  append: (batches: readonly RecordBatch[]) => Promise.resolve(batches.map(() => 0)),
} as unknown as LogClient;

const STEPS: Readonly<Record<string, () => Promise<number>>> = {
  fetch,
  decode,
  parse: () => plan('raw', kafka('in').pipe(decodeJson(), toDLQ('dlq'), sinkKafka('out', { value: () => '' }))),
  validate: () =>
    plan('parsed', kafka('in').pipe(validate(Order), toDLQ('dlq'), sinkKafka('out', { value: () => '' }))),
  operators: () => plan('valid', windows()),
  serialise: () => plan('enriched', orders().pipe(sinkKafka('out', { key: (order) => order.order_id })), true),
  encode,
  produce,
};

process.stdout.write(`${JSON.stringify(await STEPS[step]())}\n`);
process.exit(0);

/** What is put in here are orders, whatever the type of a log's records says. */
function orders(): Stream<Order> {
  return kafka('in') as unknown as Stream<Order>;
}

function windows(): SealedStream<unknown, never> {
  return orders().pipe(
    enrich((order, ctx) => ({ product_name: PRODUCT_NAMES[order.product_id], processed_at: iso(ctx.now()) })),
    watermark({ eventTime: (order) => parseIso(order.timestamp), outOfOrdernessMs: 5_000 }),
    toDLQ('dlq'),
    keyBy((order) => order.product_id),
    tumblingWindow('per-product', {
      sizeMs: 60_000,
      graceMs: 0,
      aggregate: {
        product_name: first((order) => order.product_name),
        order_count: count(),
        total_revenue: sumMoney((order) => order.amount),
        avg_order_value: avgMoney((order) => order.amount),
      },
    }),
    lateTo('late'),
    sinkKafka('out'),
  );
}

/** Chunks of a stage through a plan; making them does not count. */
async function plan(stage: Stage, stream: SealedStream<unknown, never>, collects = false): Promise<number> {
  const output = (name: string) => {
    const info = { topic: name, partitions: PARTITIONS, timestampType: 'create', maxRecordBytes: 1e6 } as const;
    return new PublishedTopic(info, new Credit(1e12), nowhere, fail);
  };
  const input = drivePlan([stream], { origins: ORIGINS, ...(collects ? { topic: output } : {}) });
  let seen = 0;
  let micros = 0;
  for (const chunk of inputsOf(records, stage)) {
    const before = process.cpuUsage();
    input.next(chunk);
    // An output sends what it has collected in the next turn of the microtasks.
    if (collects) await Promise.resolve();
    if (seen >= warmUp) micros += since(before);
    seen += chunk.length;
  }
  return micros / (seen - warmUp);
}

function fail(thrown: unknown): never {
  throw thrown;
}

function since(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Large batches of one stage, as a producer would be given them. */
function batches(stage: Stage): RecordBatch[] {
  return [...inputsOf(30_000, stage)].map(({ input }) => input!);
}

/** Calls `work`, which says how many records it did, until all are done. */
function repeat(work: () => number): number {
  let before = process.cpuUsage();
  let done = 0;
  let counted = 0;
  while (done < records + warmUp) {
    done += work();
    if (counted === 0 && done >= warmUp) {
      before = process.cpuUsage();
      counted = done;
    }
  }
  return since(before) / (done - counted);
}

async function decode(): Promise<number> {
  const answers = batches('raw').map((batch) => {
    const { bytes } = encodeRecords(batch, 0, BATCH_BYTES, new BatchWriter(BATCH_BYTES), 'none');
    stampBatch(bytes, { producerId: 1n, producerEpoch: 0, baseSequence: 0, isTransactional: false });
    return bytes;
  });
  let i = 0;
  return repeat(() => {
    const place = { topic: 'orders', partition: 0, offset: 0, aborted: [] };
    return decodeRecords({ ...place, records: answers[i++ % answers.length] }).batch!.length;
  });
}

async function encode(): Promise<number> {
  const all = batches('written');
  const writer = new BatchWriter(BATCH_BYTES);
  let i = 0;
  return repeat(() => {
    const { bytes, to } = encodeRecords(all[i++ % all.length], 0, BATCH_BYTES, writer, 'none');
    stampBatch(bytes, { producerId: 1n, producerEpoch: 0, baseSequence: 0, isTransactional: false });
    return to;
  });
}

/** Decoding included. */
async function fetch(): Promise<number> {
  const log = await connectDriver('fast', brokers);
  const next = (await log.offsets(topic, 'earliest')).map((offset, partition) => ({ topic, partition, offset }));
  const ends = await log.offsets(topic, 'latest');
  let before = process.cpuUsage();
  let seen = 0;
  let counted = 0;
  while (next.some(({ partition, offset }) => offset < ends[partition])) {
    for (const { partition, batch, nextOffset } of await log.fetch(next, {
      maxBytes: 2 * 1024 * 1024,
      maxWaitMs: 200,
    })) {
      next[partition].offset = nextOffset;
      seen += batch?.length ?? 0;
    }
    if (counted === 0 && seen >= warmUp) {
      before = process.cpuUsage();
      counted = seen;
    }
  }
  return since(before) / (seen - counted);
}

/** Encoding included, building of the batches not. */
async function produce(): Promise<number> {
  const log = await connectDriver('fast', brokers);
  const all = batches('written').map((batch) => ({ batch, length: batch.length }));
  let before = process.cpuUsage();
  let done = 0;
  let counted = 0;
  let i = 0;
  const lane = async (): Promise<void> => {
    while (done < records) {
      const { batch, length } = all[i++ % all.length];
      await log.append([batch]);
      done += length;
      if (counted === 0 && done >= warmUp) {
        before = process.cpuUsage();
        counted = done;
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return since(before) / (done - counted);
}
