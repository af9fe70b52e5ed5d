/** Drives a generator: so many records a second into its topic, each a pure function of seed and number. */
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { randomAt } from '../core/random.ts';
import { type RecordBatch, RecordBatchBuilder } from '../core/record-batch.ts';
import type { LogClient } from '../log/log-client.ts';
import { partitionFor } from '../log/partitioner.ts';
import type { Generator } from './generator.ts';

export interface GenerateOptions {
  readonly log: LogClient;
  readonly clock: Clock;
  /** Records a second. */
  readonly rate: number;
  /** Stop after so many records; without it, when `signal` aborts. */
  readonly events: number | undefined;
  readonly seed: number;
  /** Event time of record 0, epoch ms: times follow from the numbers alone. Without it they follow the clock, and end at now. */
  readonly start: number | undefined;
  readonly badRatio: number;
  /** Write the generator's back-fill at once where the topic is empty. */
  readonly backfill: boolean;
  /** Go on at the pace of `rate` behind the back-fill. Else `events` are written as fast as the log takes them. */
  readonly live: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: ((sent: number) => void) | undefined;
}

/** Batches a second while live. */
const TICK_MS = 100;
const MAX_BATCH_RECORDS = 1_000;
const LAST_RECORDS_BYTES = 1_048_576;
/** What `watermark()` grants the clocks of producers unless told otherwise. */
const FUTURE_MS = 300_000;

/**
 * Appends records until there are enough, or `signal` aborts; resolves to how many were appended by this call.
 *
 * The first one has the number of records that the topic holds, so that a later call goes on from its end. No record lies in
 * the future: where `start` and `rate` would put one there, it waits for its time.
 * @throws MillraceError CONFIG_INVALID when not `live` and the last of `events` would lie in the future
 */
export async function runGenerator(generator: Generator, options: GenerateOptions): Promise<number> {
  const { log, clock, rate, start, live, signal } = options;
  await log.createTopics([{ topic: generator.topic, partitions: generator.partitions }]);
  const partitions = (await log.topic(generator.topic))!.partitions;
  const ends = await log.offsets(generator.topic, 'latest');
  const firstIndex = ends.reduce((a, b) => a + b, 0);
  const limit = options.events ?? Number.POSITIVE_INFINITY;
  const began = clock.now();
  const fill = options.backfill && firstIndex === 0 ? Math.floor((generator.backfillMs * rate) / 1000) : 0;
  const atOnce = live || options.events === undefined ? Math.min(fill, limit) : limit;
  const timeOf =
    start === undefined
      ? await timesUpTo(began, atOnce, options, generator.topic, ends)
      : (nth: number) => start + Math.floor(((firstIndex + nth) * 1000) / rate);
  if (!live && atOnce > 0) checkFuture(timeOf(atOnce - 1), began);
  let sent = 0;
  const sendUntil = async (target: number): Promise<void> => {
    while (sent < target && !signal.aborted) {
      const n = Math.min(MAX_BATCH_RECORDS, target - sent);
      await log.append(batchesOf(generator, options, partitions, firstIndex + sent, n, (i) => timeOf(sent + i)));
      sent += n;
      options.onProgress?.(sent);
    }
  };
  /** How many of this call's records have an event time that has come. */
  const ripe = (): number =>
    start === undefined ? limit : Math.floor(((clock.now() - start) * rate) / 1000) + 1 - firstIndex;
  await sendUntil(live ? Math.min(atOnce, ripe()) : atOnce);
  const filled = sent;
  const liveBegan = clock.now();
  const isDone = (): boolean => !live || sent >= limit || signal.aborted;
  while (!isDone()) {
    await clock.sleep(TICK_MS, signal);
    const due = filled + Math.floor(((clock.now() - liveBegan) * rate) / 1000);
    await sendUntil(Math.min(due, limit, ripe()));
  }
  return sent;
}

/**
 * Times at the pace of `rate` that reach `now` with record number `count`. Where records are there already, times stay behind
 * those, closer together if need be, so that going on makes nothing late.
 */
async function timesUpTo(
  now: number,
  count: number,
  { log, rate }: GenerateOptions,
  topic: string,
  ends: readonly number[],
): Promise<(nth: number) => number> {
  const first = Math.max(now - (count * 1000) / rate, await lastAppend(log, topic, ends));
  const step = count === 0 ? 1000 / rate : (now - first) / count;
  return (nth) => (nth < count ? Math.floor(first + nth * step) : now + Math.floor(((nth - count) * 1000) / rate));
}

/** The log's time of the newest record, −Infinity where there is none. Event times that were paced by a clock are not behind it. */
async function lastAppend(log: LogClient, topic: string, ends: readonly number[]): Promise<number> {
  const positions = ends
    .map((end, partition) => ({ topic, partition, offset: end - 1 }))
    .filter(({ offset }) => offset >= 0);
  if (positions.length === 0) return Number.NEGATIVE_INFINITY;
  const answers = await log.fetch(positions, { maxBytes: LAST_RECORDS_BYTES, maxWaitMs: 0 });
  return answers.reduce((last, { batch }) => Math.max(last, ...(batch?.timestamps ?? [])), Number.NEGATIVE_INFINITY);
}

function checkFuture(last: number, now: number): void {
  if (last <= now + FUTURE_MS) return;
  throw new MillraceError(
    'CONFIG_INVALID',
    `the last generated record would have the event time ${new Date(last).toISOString()}, which lies in the future: pipelines reject it`,
    { hint: 'give an earlier --start, fewer --events or a higher rate' },
  );
}

function batchesOf(
  generator: Generator,
  { seed, badRatio, clock }: GenerateOptions,
  partitions: number,
  firstIndex: number,
  n: number,
  timeOf: (i: number) => number,
): RecordBatch[] {
  const builders = new Map<number, RecordBatchBuilder>();
  const now = clock.now();
  for (let i = 0; i < n; i++) {
    const index = firstIndex + i;
    const random = randomAt(seed, index);
    const { key, value } = generator.record({ index, time: timeOf(i), seed, random, badRatio });
    const keyBytes = key === null ? null : Buffer.from(key);
    const partition = keyBytes === null ? index % partitions : partitionFor(keyBytes, partitions);
    let builder = builders.get(partition);
    if (builder === undefined) builders.set(partition, (builder = new RecordBatchBuilder(generator.topic, partition)));
    builder.add(keyBytes, value, now);
  }
  return [...builders.values()].map((builder) => builder.finish());
}
