/** Drives a generator: so many records a second into its topic, each a pure function of seed and number. */
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { randomAt } from '../core/random.ts';
import type { LogClient } from '../log/log-client.ts';
import type { GeneratedRecord, Generator } from './generator.ts';
import { type GeneratorTarget, LogTarget, type NumberedRecord } from './generator-target.ts';

export interface GenerateOptions {
  readonly log: LogClient;
  /** Where records go; default straight into `log`. */
  readonly target?: GeneratorTarget;
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
  readonly onProgress?: ((sent: number, last: GeneratedRecord) => void) | undefined;
}

/** What goes out while live goes out so often. */
const LINGER_MS = 100;
const MAX_BATCH_RECORDS = 1_000;
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
  const target = options.target ?? new LogTarget(log, generator);
  const firstIndex = await target.begin();
  const limit = options.events ?? Number.POSITIVE_INFINITY;
  const began = clock.now();
  const fill = options.backfill && firstIndex === 0 ? Math.floor((generator.backfillMs * rate) / 1000) : 0;
  const atOnce = live || options.events === undefined ? Math.min(fill, limit) : limit;
  const timeOf =
    start === undefined
      ? await timesUpTo(began, atOnce, rate, target)
      : (nth: number) => start + Math.floor(((firstIndex + nth) * 1000) / rate);
  if (!live && atOnce > 0) checkFuture(timeOf(atOnce - 1), began);
  let sent = 0;
  const sendUntil = async (count: number): Promise<void> => {
    while (sent < count && !signal.aborted) {
      const n = Math.min(MAX_BATCH_RECORDS, count - sent);
      const records = recordsOf(generator, options, firstIndex + sent, n, (i) => timeOf(sent + i));
      if (!(await target.write(records, clock.now()))) return;
      sent += n;
      options.onProgress?.(sent, records.at(-1)!);
    }
  };
  /** How many of this call's records have an event time that has come. */
  const ripe = (): number =>
    start === undefined ? limit : Math.floor(((clock.now() - start) * rate) / 1000) + 1 - firstIndex;
  await sendUntil(live ? Math.min(atOnce, ripe()) : atOnce);
  const filled = sent;
  const liveBegan = clock.elapsed();
  const isDone = (): boolean => !live || sent >= limit || signal.aborted;
  while (!isDone()) {
    await clock.sleep(generator.lingerMs ?? LINGER_MS, signal);
    const due = filled + Math.floor(((clock.elapsed() - liveBegan) * rate) / 1000);
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
  rate: number,
  target: GeneratorTarget,
): Promise<(nth: number) => number> {
  const live = (nth: number): number => now + Math.floor(((nth - count) * 1000) / rate);
  if (count === 0) return live;
  const first = Math.max(now - (count * 1000) / rate, await target.lastAppend());
  const step = (now - first) / count;
  return (nth) => (nth < count ? Math.floor(first + nth * step) : live(nth));
}

function checkFuture(last: number, now: number): void {
  if (last <= now + FUTURE_MS) return;
  throw new MillraceError(
    'CONFIG_INVALID',
    `the last generated record would have the event time ${new Date(last).toISOString()}, which lies in the future: pipelines reject it`,
    { hint: 'give an earlier --start, fewer --events or a higher rate' },
  );
}

function recordsOf(
  generator: Generator,
  { seed, badRatio }: GenerateOptions,
  firstIndex: number,
  n: number,
  timeOf: (i: number) => number,
): NumberedRecord[] {
  return Array.from({ length: n }, (_, i) => {
    const index = firstIndex + i;
    const random = randomAt(seed, index);
    return { index, ...generator.record({ index, time: timeOf(i), seed, random, badRatio }) };
  });
}
