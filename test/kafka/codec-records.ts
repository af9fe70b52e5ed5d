/** Records for the tests of the codec, in whatever shape a topic may hold them. */
import * as fc from 'fast-check';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import type { Header, RecordBatch } from '../../src/core/record-batch.ts';
import type { Compression } from '../../src/kafka/compression.ts';
import { decodeRecords } from '../../src/kafka/decode-records.ts';
import { BatchWriter } from '../../src/kafka/batch-writer.ts';
import { encodeRecords, stampBatch } from '../../src/kafka/encode-records.ts';

export interface TestRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: readonly Header[];
}

export const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4'];
export const STAMP = { producerId: -1n, producerEpoch: -1, baseSequence: -1, isTransactional: false } as const;
const EXTREME_TIMES = [
  0,
  -1,
  1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 31,
  -(2 ** 31),
  2 ** 30,
  2 ** 32,
];

/** Bytes that repeat in part, so that codecs find something, and of lengths around those that varints change at. */
const data = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 30 })).map(([bytes, times]) => {
    const repeated = new Uint8Array(bytes.length * times);
    for (let i = 0; i < times; i++) repeated.set(bytes, i * bytes.length);
    return repeated;
  }),
  fc.constantFrom(63, 64, 127, 8_191, 8_192).map((length) => new Uint8Array(length).fill(length)),
);

export const timestamp = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.maxSafeInteger(),
  fc.constantFrom(...EXTREME_TIMES),
);

const header = fc.record({
  key: fc.string({ unit: 'grapheme', maxLength: 8 }),
  value: fc.uint8Array({ maxLength: 9 }),
});

export const records: fc.Arbitrary<TestRecord[]> = fc.array(
  fc.record({
    key: fc.option(data),
    value: fc.option(data),
    timestamp,
    headers: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(header, { maxLength: 3 })),
  }),
  { minLength: 1, maxLength: 25 },
);

export function batchOf(all: readonly TestRecord[]): RecordBatch {
  const builder = new RecordBatchBuilder('t', 3);
  for (const { key, value, timestamp: time, headers } of all) builder.add(key, value, time, headers);
  return builder.finish();
}

/** All rows as the broker would store them, over as many batches as it takes. */
export function encodeAll(
  batch: RecordBatch,
  options: { readonly compression?: Compression; readonly maxBytes?: number; readonly baseOffset?: number } = {},
): Buffer[] {
  const { compression = 'none', maxBytes = 100_000, baseOffset = 0 } = options;
  const batches: Buffer[] = [];
  const writer = new BatchWriter(maxBytes);
  for (let from = 0; from < batch.length; ) {
    const { bytes, to } = encodeRecords(batch, from, maxBytes, writer, compression);
    stampBatch(bytes, STAMP);
    // What the broker does; the checksum leaves it out.
    bytes.writeBigInt64BE(BigInt(baseOffset + from));
    batches.push(Buffer.from(bytes));
    from = to;
  }
  return batches;
}

export function decodeAll(bytes: Buffer, offset = 0): TestRecord[] {
  const { batch } = decodeRecords({ topic: 't', partition: 3, offset, aborted: [], records: bytes });
  return batch === undefined ? [] : recordsOf(batch);
}

export function recordsOf(batch: RecordBatch): TestRecord[] {
  return Array.from({ length: batch.length }, (_, row) => ({
    key: plain(batch.key(row)),
    value: plain(batch.value(row)),
    timestamp: batch.timestamps[row],
    headers: batch.headers(row).map(({ key, value }) => ({ key, value: Uint8Array.from(value) })),
  }));
}

/** One line a record: comparing these costs far less than comparing arrays of bytes. */
export function linesOf(all: readonly TestRecord[]): string[] {
  return all.map(({ key, value, timestamp: time, headers }) => {
    const parts = headers.flatMap((each) => [JSON.stringify(each.key), hex(each.value)]);
    return [time, hex(key), hex(value), ...parts].join(' ');
  });
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : `<${Buffer.from(bytes).toString('hex')}>`;
}

function plain(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : Uint8Array.from(bytes);
}
