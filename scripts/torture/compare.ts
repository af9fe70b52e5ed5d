/** Compares every output of the orders pipeline with the naive computation, record by record. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import type { LogRecord } from '../../src/core/record-batch.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { systemClock } from '../../src/time/clock.ts';
import { type MetricRow, naiveOrders, type RawOrder } from './naive-orders.ts';

const OUTPUTS = ['processed-orders', 'orders-dlq', 'orders-late', 'product-metrics'];
const SETTLE_MS = 10_000;
const SETTLE_PAUSE_MS = 20;

export interface Comparison {
  /** One line an output: how many records, and whether they are as they must be. */
  readonly lines: readonly string[];
  readonly differences: readonly string[];
}

/** `written`: how many orders were put in, where that is known: reading must not be what loses some. */
export async function compareOrders(log: LogClient, outputDir: string, written?: number): Promise<Comparison> {
  for (const topic of OUTPUTS) await settled(log, topic);
  const orders = (await readTopic(log, 'orders')).map(rawOrder);
  const expected = naiveOrders(orders);
  const lines: string[] = [];
  const differences: string[] = [];
  const check = (output: string, actual: readonly unknown[], wanted: readonly unknown[]): void => {
    const difference = firstDifference(actual, wanted);
    lines.push(
      `${output.padEnd(20)} ${String(actual.length).padStart(8)} records  ${difference === undefined ? 'as computed' : 'DIFFERENT'}`,
    );
    if (difference !== undefined) differences.push(`${output}: ${difference}`);
  };

  if (written !== undefined) {
    const numbers = orders.map(({ key }) => Number(/(\d+)$/.exec(key)![1])).sort((a, b) => a - b);
    check(
      'orders',
      numbers,
      Array.from({ length: written }, (_, i) => i),
    );
  }
  const processed = await readTopic(log, 'processed-orders');
  // Keyed alike into as many partitions, what was fed keeps its order; other orders may come to lie anywhere.
  const arranged = <T extends { readonly key?: unknown }>(records: T[]): T[] =>
    written === undefined ? records.sort((a, b) => (String(a.key) < String(b.key) ? -1 : 1)) : records;
  check(
    'processed-orders',
    arranged(processed.map((record) => Object.assign(withoutProcessedAt(record), { key: textOf(record.key) }))),
    arranged(expected.processed.map(({ value }) => Object.assign({}, value, { key: value.order_id }))),
  );
  const rejected = await readTopic(log, 'orders-dlq');
  check(
    'orders-dlq',
    rejected.map(originOf).sort(byOrigin),
    expected.rejected.map(({ from, kind }) => ({ ...plainOrigin(from), kind })).sort(byOrigin),
  );
  const late = await readTopic(log, 'orders-late');
  check(
    'orders-late',
    late.map(originOf).sort(byOrigin),
    expected.late.map((from) => ({ ...plainOrigin(from), kind: 'LateRecord' })).sort(byOrigin),
  );
  const metrics = (await readTopic(log, 'product-metrics')).map(({ value }) => JSON.parse(textOf(value)!) as MetricRow);
  check('product-metrics', metrics.sort(byWindow), expected.metrics);
  // Windows close in one order: the files hold them in it, and in no other.
  check('metrics.jsonl', readJsonl(join(outputDir, 'output/metrics.jsonl')), expected.metrics);
  check('metrics-arrow', readArrow(join(outputDir, 'output/metrics-arrow')), expected.metrics);
  return { lines, differences };
}

/**
 * A reader of the files must never be ahead of a reader of the topic, whenever the pipeline dies: both get their metrics by the
 * same decision, files behind it.
 */
export async function filesAhead(log: LogClient, outputDir: string): Promise<string | undefined> {
  const metrics =
    (await log.topic('product-metrics')) === undefined ? 0 : (await readTopic(log, 'product-metrics')).length;
  const files = {
    'metrics.jsonl': readJsonl(join(outputDir, 'output/metrics.jsonl')).length,
    'metrics-arrow': readArrow(join(outputDir, 'output/metrics-arrow')).length,
  };
  for (const [file, rows] of Object.entries(files)) {
    if (rows > metrics) return `${file} shows ${rows} metrics when ${metrics} were decided`;
  }
  return undefined;
}

/** Waits until no transaction is open in a topic: a commit is answered before its marker is in every partition. */
async function settled(log: LogClient, topic: string): Promise<void> {
  const ends = await log.offsets(topic, 'latest');
  const isOpen = async (): Promise<boolean> => {
    const places = ends.map((offset, partition) => ({ topic, partition, offset }));
    const answers = await log.fetch(places, { maxBytes: 1 << 20, maxWaitMs: 0 });
    return answers.some(({ lastStableOffset, highWatermark }) => lastStableOffset < highWatermark);
  };
  const began = systemClock.now();
  while ((await isOpen()) && systemClock.now() - began < SETTLE_MS) await systemClock.sleep(SETTLE_PAUSE_MS);
}

/** All records of a topic, by partition and offset. */
export async function readTopic(log: LogClient, topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const ends = await log.offsets(topic, 'latest');
  for (const [partition, end] of ends.entries()) {
    let offset = 0;
    while (offset < end) {
      const [answer] = await log.fetch([{ topic, partition, offset }], { maxBytes: 1 << 24, maxWaitMs: 0 });
      for (let row = 0; row < (answer.batch?.length ?? 0); row++) records.push(answer.batch!.record(row));
      offset = answer.nextOffset;
    }
  }
  return records;
}

function rawOrder({ partition, offset, key, value, timestamp }: LogRecord): RawOrder {
  return { partition, offset, key: textOf(key)!, value, timestamp };
}

function withoutProcessedAt({ value }: LogRecord): Record<string, unknown> {
  const { processed_at: at, ...rest } = JSON.parse(textOf(value)!) as Record<string, unknown>;
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at))) throw new Error(`processed_at is ${String(at)}`);
  return rest;
}

interface Origin {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly kind: string;
}

function plainOrigin({ partition, offset, key, value }: RawOrder): Omit<Origin, 'kind'> {
  return { partition, offset, key, value: value === null ? undefined : Buffer.from(value).toString('base64') };
}

function originOf(record: LogRecord): Origin {
  const header = (name: string) => textOf(record.headers.find(({ key }) => key === name)?.value ?? null);
  return {
    partition: Number(header('dlq_partition')),
    offset: Number(header('dlq_offset')),
    key: textOf(record.key),
    value: payloadOf(record.value, header('dlq_payload'))?.toString('base64'),
    kind: header('dlq_kind') ?? '',
  };
}

/** The bytes that failed, got out of their record without the decoder that ships. */
function payloadOf(value: Uint8Array | null, form: string | undefined): Buffer | undefined {
  const text = textOf(value)!;
  const { payload } = JSON.parse(text) as { readonly payload: unknown };
  if (form === 'json') {
    const [whole, verbatim] =
      /^\{"payload":(.*),"error_reason":"(?:[^"\\]|\\.)*","failed_at":"[^"]*"\}$/s.exec(text) ?? [];
    if (whole === undefined) throw new Error(`a DLQ record is not as it must be: ${text}`);
    return Buffer.from(verbatim);
  }
  if (form === 'null' && payload === null) return undefined;
  if (form === 'text' || form === 'base64') return Buffer.from(payload as string, form === 'text' ? 'utf8' : form);
  throw new Error(`a DLQ record has a payload of the form ${form}: ${text}`);
}

/** A file that is not there holds nothing: sinks make theirs with the first record. */
function readJsonl(path: string): unknown[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

/** Files in the order of their names, which begin with the time at which they were published. */
function readArrow(folder: string): MetricRow[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.arrow'))
    .sort(byEpoch);
  return files.flatMap((name) =>
    tableFromIPC(readFileSync(join(folder, name)))
      .toArray()
      .map(
        (row: Record<string, never>): MetricRow => ({
          window_start: new Date(Number(row.window_start)).toISOString(),
          window_end: new Date(Number(row.window_end)).toISOString(),
          product_id: row.product_id,
          product_name: row.product_name,
          order_count: Number(row.order_count),
          total_revenue: moneyOf(row.total_revenue),
          avg_order_value: moneyOf(row.avg_order_value),
        }),
      ),
  );
}

/** The last number of a file's name is the epoch that published it. */
function byEpoch(a: string, b: string): number {
  const epoch = (name: string) => Number(/_(\d+)\.arrow$/.exec(name)?.[1]);
  return epoch(a) - epoch(b);
}

/** A decimal of scale 2 comes as four little-endian words. */
function moneyOf(words: Uint32Array): number {
  return (words[0] + words[1] * 2 ** 32) / 100;
}

function textOf(bytes: Uint8Array | null): string | undefined {
  return bytes === null ? undefined : Buffer.from(bytes).toString();
}

function byOrigin(a: Origin, b: Origin): number {
  return a.partition - b.partition || a.offset - b.offset;
}

function byWindow(a: MetricRow, b: MetricRow): number {
  return a.window_end < b.window_end || (a.window_end === b.window_end && a.product_id < b.product_id) ? -1 : 1;
}

function firstDifference(actual: readonly unknown[], wanted: readonly unknown[]): string | undefined {
  for (let i = 0; i < Math.max(actual.length, wanted.length); i++) {
    if (isDeepStrictEqual(actual[i], wanted[i])) continue;
    return `record ${i} of ${actual.length} (${wanted.length} wanted) is ${JSON.stringify(actual[i])}, not ${JSON.stringify(wanted[i])}`;
  }
  return undefined;
}
