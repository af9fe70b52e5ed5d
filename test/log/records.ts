/** Records for tests of the log: batches from plain data, and plain data from batches. */
import * as fc from 'fast-check';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import type { Header, RecordBatch } from '../../src/core/record-batch.ts';
import type { LogClient } from '../../src/log/log-client.ts';

export interface PlainRecord {
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly Header[];
}

const FETCH_BYTES = 1024 * 1024;
const FETCH_WAIT_MS = 500;
/** Empty answers in a row, before the end, after which a log is taken to have lost records. */
const MAX_EMPTY_ANSWERS = 40;

export function batchOf(topic: string, partition: number, records: readonly PlainRecord[]): RecordBatch {
  const builder = new RecordBatchBuilder(topic, partition);
  for (const { key, value, headers } of records) builder.add(key, value, 1, headers);
  return builder.finish();
}

/** `n` records that can be told apart. */
export function numbered(n: number, name = 'r', bytes = 0): PlainRecord[] {
  return Array.from({ length: n }, (_, i) => ({ key: `${name}${i}`, value: `${name}${i}`.padEnd(bytes, '.') }));
}

const text = (bytes: string | Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('latin1'));

/** Something that `toEqual` compares fast, whatever the record was made of. */
export function shown({ key, value, headers }: PlainRecord): unknown {
  return [text(key), text(value), (headers ?? []).map((header) => [header.key, text(header.value)])];
}

export function shownBatch(batch: RecordBatch): unknown[] {
  return Array.from({ length: batch.length }, (_, row) => shown(batch.record(row)));
}

/** The values, in their order. */
export function textsOf(batches: readonly RecordBatch[]): string[] {
  return batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => String(batch.value(row))));
}

/** Everything in a partition from `from` up to `end`, batch by batch. */
export async function readAll(
  client: LogClient,
  place: { readonly topic: string; readonly partition: number },
  from: number,
  end: number,
  maxBytes = FETCH_BYTES,
): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  let offset = from;
  for (let empty = 0; offset < end && empty < MAX_EMPTY_ANSWERS; ) {
    const [answer] = await client.fetch([{ ...place, offset }], { maxBytes, maxWaitMs: FETCH_WAIT_MS });
    if (answer.batch === undefined) empty++;
    else {
      empty = 0;
      batches.push(answer.batch);
    }
    offset = answer.nextOffset;
  }
  return batches;
}

const bytesOf = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 60 }));
const headerOf = fc.record({
  key: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 }),
  value: fc.uint8Array({ maxLength: 9 }),
});

export const recordOf: fc.Arbitrary<PlainRecord> = fc.record({
  key: bytesOf,
  value: bytesOf,
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.uniqueArray(headerOf, { maxLength: 3, selector: ({ key }) => key }) },
  ),
});
