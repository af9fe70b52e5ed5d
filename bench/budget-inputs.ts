/** What goes into each step of the orders job, made without that step. */
import { iso } from 'millrace';
import { Order, PRODUCT_NAMES } from '../pipelines/orders/schema.ts';
import { Chunk, type Origin } from '../src/core/element.ts';
import { RecordBatchBuilder } from '../src/core/batch-builder.ts';
import type { RecordBatch } from '../src/core/record-batch.ts';
import { JsonScanner } from '../src/json/json-scanner.ts';
import { systemClock } from '../src/time/clock.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';
import { type NewRecord, PARTITIONS } from './topics.ts';

/**
 * `raw`: records as fetched; `parsed`: JSON values; `valid`: orders; `enriched`: orders as they are written; `written`: records
 * that hold those.
 */
export type Stage = 'raw' | 'parsed' | 'valid' | 'enriched' | 'written';

const CHUNK = 2_048;
const TOPIC = 'orders';

export const ORIGINS: readonly Origin[] = Array.from({ length: PARTITIONS }, (_, partition) => ({
  source: 'kafka(in)',
  topic: TOPIC,
  partition,
}));

/** About `records` orders in chunks of one partition each, fewer where a stage has dropped the broken ones. */
export function* inputsOf(records: number, stage: Stage): Iterable<Chunk<unknown>> {
  const groups = ORIGINS.map(() => [] as NewRecord[]);
  for (const record of generateOrders(records, systemClock.now() - records, emptyTotals())) {
    const group = groups[record.partition];
    if (group.push(record) < CHUNK) continue;
    yield chunkOf(group, stage);
    groups[record.partition] = [];
  }
}

function chunkOf(records: readonly NewRecord[], stage: Stage): Chunk<unknown> {
  const origin = ORIGINS[records[0].partition];
  const builder = new RecordBatchBuilder(TOPIC, origin.partition);
  const values: unknown[] = [];
  for (const { key, value } of records) {
    const made = stage === 'raw' ? undefined : valueOf(value, stage);
    if (stage !== 'raw' && made === undefined) continue;
    builder.add(key, stage === 'written' ? JSON.stringify(made) : value, systemClock.now());
    values.push(made);
  }
  const input = builder.finish();
  const raw = Chunk.ofBatch(origin, input, false);
  if (stage === 'raw' || stage === 'written') return raw;
  return raw.withValues(scanned(input, values as object[]), true);
}

const scanner = new JsonScanner();

/** As decodeJson leaves a chunk: what was read of the bytes is noted beside them, and values hold the same texts. */
function scanned(input: RecordBatch, values: readonly object[]): unknown[] {
  scanner.begin(input);
  return values.map((value, row) => Object.assign({}, value, scanner.read(row)));
}

function valueOf(value: Buffer, stage: Stage): unknown {
  const parsed = parse(value);
  if (stage === 'parsed' || parsed === undefined) return parsed;
  const { data } = Order.safeParse(parsed);
  if (stage === 'valid' || data === undefined) return data;
  return { ...data, product_name: PRODUCT_NAMES[data.product_id], processed_at: iso(systemClock.now()) };
}

function parse(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    return undefined;
  }
}
