/** A DLQ topic on a log in memory, and what is read back from it. */
import { type DlqFailure, encodeDlqRecord, type PlainRecord } from '../../../src/core/dlq-record.ts';
import type { Clock } from '../../../src/core/ports.ts';
import { RecordBatchBuilder } from '../../../src/core/batch-builder.ts';
import type { LogRecord } from '../../../src/core/record-batch.ts';
import { EmbeddedLog } from '../../../src/log/embedded-log.ts';
import type { LogClient, TopicInfo } from '../../../src/log/log-client.ts';
import type { Condition } from '../../../src/runtime/dlq/conditions.ts';
import { meets } from '../../../src/runtime/dlq/conditions.ts';
import type { Court } from '../../../src/runtime/dlq/letters.ts';
import { type Redriven, type RedriveOptions, redrive } from '../../../src/runtime/dlq/redrive.ts';
import { scan, wholeTopic } from '../../../src/runtime/dlq/scan.ts';
import { memoryStore } from '../../../src/state/memory-store.ts';
import type { StateStore } from '../../../src/state/state-store.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';

export const NOON = Date.UTC(2024, 1, 29, 12);
export const ORIGIN = 'in';
export const DLQ = 'in-dlq';

export interface DlqWorld {
  readonly log: LogClient;
  readonly store: StateStore;
  readonly clock: ManualClock;
}

/** Topics `in` and `in-dlq` of three partitions each. */
export async function dlqWorld(open?: (clock: Clock) => LogClient): Promise<DlqWorld> {
  const clock = new ManualClock(NOON);
  const store = memoryStore();
  const log = open?.(clock) ?? new EmbeddedLog(store, clock);
  await log.createTopics([ORIGIN, DLQ].map((topic) => ({ topic, partitions: 3 })));
  return { log, store, clock };
}

/** How a record failed, as far as a test does not say otherwise. */
export function failure(more: Partial<DlqFailure> = {}): DlqFailure {
  const place = { topic: ORIGIN, partition: 1, offset: 7, timestamp: NOON - 1_000 };
  return { reason: 'no good', failedAt: NOON, kind: 'DecodeError', step: 'decodeJson', ...place, ...more };
}

export function plain(value: string | null, more: Partial<PlainRecord> = {}): PlainRecord {
  return { key: Buffer.from('k'), value: value === null ? null : Buffer.from(value), headers: [], ...more };
}

export async function put(log: LogClient, records: readonly PlainRecord[], partition = 0): Promise<void> {
  const builder = new RecordBatchBuilder(DLQ, partition);
  for (const { key, value, headers } of records) builder.add(key, value, NOON, headers);
  await log.append([builder.finish()]);
}

/** Puts so many failed records, which say their number. */
export async function putFailed(log: LogClient, count: number, more: Partial<DlqFailure> = {}): Promise<void> {
  await put(
    log,
    Array.from({ length: count }, (_, i) => encodeDlqRecord(plain(`{"n":${i}}`), failure(more))),
  );
}

export async function infoOf(log: LogClient, topic: string): Promise<TopicInfo> {
  return (await log.topic(topic))!;
}

export async function courtOf(
  log: LogClient,
  { maxAttempts = 3, where = [] }: { readonly maxAttempts?: number; readonly where?: readonly Condition[] } = {},
): Promise<Omit<Court, 'isRedriven'>> {
  const origins = new Map([
    [ORIGIN, await log.topic(ORIGIN)],
    ['gone', undefined],
  ]);
  return { origins, maxAttempts, isWanted: (letter) => meets(letter, where) };
}

export async function redriveAll(
  world: DlqWorld,
  more: Partial<RedriveOptions> & Parameters<typeof courtOf>[1] = {},
): Promise<Redriven> {
  const { maxAttempts, where, ...options } = more;
  return redrive({
    ...world,
    dlq: await infoOf(world.log, DLQ),
    court: await courtOf(world.log, { maxAttempts, where }),
    signal: new AbortController().signal,
    ...options,
  });
}

export async function read(log: LogClient, topic = ORIGIN): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const batch of scan(log, topic, await wholeTopic(log, topic)))
    for (let row = 0; row < batch.length; row++) records.push(batch.record(row));
  return records;
}

export function textOf(record: LogRecord, header: string): string | undefined {
  const found = record.headers.findLast(({ key }) => key === header);
  return found && Buffer.from(found.value).toString();
}
