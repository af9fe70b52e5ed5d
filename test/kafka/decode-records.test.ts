import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/kafka/crc32c.ts';
import { type AbortedTransaction, decodeRecords } from '../../src/kafka/decode-records.ts';

const GZIP = 1;
const SNAPPY = 2;
const UNKNOWN_CODEC = 7;
const APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;
const ABORT = Buffer.of(0, 0, 0, 0);
const COMMIT = Buffer.of(0, 0, 0, 1);

interface Batch {
  readonly base: number;
  /** Offsets that are left of a batch, from its base; compaction takes some away. */
  readonly deltas?: readonly number[];
  readonly lastDelta?: number;
  readonly attributes?: number;
  readonly producerId?: number;
  readonly key?: Buffer;
  readonly baseTime?: number;
  readonly timeDelta?: number;
  readonly count?: number;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value >= 0 ? value * 2 : -value * 2 - 1;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

function record(delta: number, timeDelta: number, key: Buffer): Buffer {
  const value = Buffer.from(`v${delta}`);
  const parts = [
    Buffer.of(0),
    varint(timeDelta),
    varint(delta),
    varint(key.length),
    key,
    varint(value.length),
    value,
    varint(0),
  ];
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(body.length), body]);
}

function encode(batch: Batch): Buffer {
  const { base, deltas = [0], attributes = 0, baseTime = 1_000, timeDelta = 0, key = Buffer.from('k') } = batch;
  const plain = Buffer.concat(deltas.map((delta) => record(delta, timeDelta, key)));
  const body = (attributes & GZIP) === GZIP ? gzipSync(plain) : plain;
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(base), 0);
  header.writeInt32BE(49 + body.length, 8);
  header[16] = 2;
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(batch.lastDelta ?? deltas.at(-1) ?? 0, 23);
  header.writeBigInt64BE(BigInt(baseTime), 27);
  header.writeBigInt64BE(2_000n, 35);
  header.writeBigInt64BE(BigInt(batch.producerId ?? -1), 43);
  header.writeInt32BE(batch.count ?? deltas.length, 57);
  const bytes = Buffer.concat([header, body]);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

function decode(batches: readonly Batch[], offset = 0, aborted: readonly AbortedTransaction[] = [], cut = 0) {
  const records = Buffer.concat(batches.map(encode));
  const answer = { topic: 't', partition: 3, offset, aborted, records: records.subarray(0, records.length - cut) };
  const { batch, nextOffset } = decodeRecords(answer);
  return { offsets: [...(batch?.offsets ?? [])], batch, nextOffset };
}

describe('decodeRecords', () => {
  it('goes on behind offsets that compaction took away, also where it left an empty batch', () => {
    expect(decode([{ base: 0, deltas: [1, 4], lastDelta: 9 }])).toMatchObject({ offsets: [1, 4], nextOffset: 10 });
    expect(decode([{ base: 5, deltas: [], lastDelta: 7 }], 6)).toMatchObject({ batch: undefined, nextOffset: 13 });
  });

  it('starts at the offset asked for in the middle of a batch', () => {
    expect(decode([{ base: 10, deltas: [0, 1, 2] }], 11)).toMatchObject({ offsets: [11, 12], nextOffset: 13 });
    expect(decode([{ base: 10, deltas: [0, 1], lastDelta: 5 }], 13)).toMatchObject({
      batch: undefined,
      nextOffset: 16,
    });
  });

  it('leaves a batch that the answer cuts off for the next one', () => {
    const batches = [{ base: 0 }, { base: 1, deltas: [0, 1] }];
    expect(decode(batches, 0, [], 1)).toMatchObject({ offsets: [0], nextOffset: 1 });
    expect(decode(batches, 0, [], encode(batches[1]).length - 20)).toMatchObject({ offsets: [0], nextOffset: 1 });
    expect(decode([], 7)).toMatchObject({ batch: undefined, nextOffset: 7 });
  });

  it('mixes compressed batches and plain ones', () => {
    const { batch, offsets } = decode([{ base: 0 }, { base: 1, attributes: GZIP, deltas: [0, 1] }, { base: 3 }]);
    expect(offsets).toEqual([0, 1, 2, 3]);
    expect(offsets.map((_, row) => String(batch?.value(row)))).toEqual(['v0', 'v0', 'v1', 'v0']);
  });

  it("takes the log's time for each record where the topic says so, else the producer's", () => {
    const { batch } = decode([{ base: 0, attributes: APPEND_TIME }]);
    expect([batch?.timestampType, ...(batch?.timestamps ?? [])]).toEqual(['append', 2_000]);
    const times = [-1_700_000_000_000, -1, 0, 1, 1_700_000_000_000];
    for (const timeDelta of times) {
      const { batch: created } = decode([{ base: 0, baseTime: 5, timeDelta }]);
      expect([created?.timestampType, ...(created?.timestamps ?? [])]).toEqual(['create', 5 + timeDelta]);
    }
  });

  it('drops what its producer aborted, up to the marker, and keeps the same producer behind it', () => {
    const own = { attributes: TRANSACTIONAL, producerId: 7 };
    const marker = { attributes: TRANSACTIONAL | CONTROL, producerId: 7 };
    const batches = [
      { base: 0, ...own },
      { base: 1, attributes: TRANSACTIONAL, producerId: 8 },
      { base: 2, producerId: 7 },
      { base: 3, ...own },
      { base: 4, ...marker, key: ABORT },
      { base: 5, ...own },
      { base: 6, ...marker, key: COMMIT },
    ];
    const aborted = [{ producerId: 7n, firstOffset: 0 }];
    expect(decode(batches, 0, aborted)).toMatchObject({ offsets: [1, 2, 5], nextOffset: 7 });
    expect(decode(batches)).toMatchObject({ offsets: [0, 1, 2, 3, 5], nextOffset: 7 });
    // A transaction of which an earlier answer held the start.
    expect(decode(batches.slice(3), 3, aborted)).toMatchObject({ offsets: [5] });
    // Two that were aborted, one after the other.
    const twice = [...aborted, { producerId: 7n, firstOffset: 5 }];
    const second = [...batches.slice(0, 6), { base: 6, ...marker, key: ABORT }];
    expect(decode(second, 0, twice)).toMatchObject({ offsets: [1, 2], nextOffset: 7 });
  });

  it('takes no record of a user for a marker, whatever its key', () => {
    const own = { attributes: TRANSACTIONAL, producerId: 7, key: ABORT };
    const batches = [
      { base: 0, ...own },
      { base: 1, ...own },
    ];
    expect(decode(batches, 0, [{ producerId: 7n, firstOffset: 0 }])).toMatchObject({ batch: undefined, nextOffset: 2 });
  });

  it('refuses what it cannot read, and names place and codec', () => {
    const place = { topic: 't', partition: 3, offset: 0 };
    const code = 'LOG_UNAVAILABLE';
    const failureOf = (batch: Batch) => () => decode([batch]);
    expect(failureOf({ base: 0, attributes: SNAPPY })).toThrow(expect.objectContaining({ code, place }));
    expect(failureOf({ base: 0, attributes: SNAPPY })).toThrow(/compressed by snappy does not unpack/);
    expect(failureOf({ base: 0, attributes: UNKNOWN_CODEC })).toThrow(/codec 7/);
    expect(failureOf({ base: 0, count: 1_000_000_000, lastDelta: 2_000_000_000 })).toThrow(/claims 1000000000 records/);
    expect(failureOf({ base: 0, deltas: [], count: -1 })).toThrow(/claims -1 records/);
    expect(failureOf({ base: 0, deltas: [0, 2, 1], lastDelta: 2 })).toThrow(/claims offset 1/);
    expect(failureOf({ base: 0, deltas: [0, 3], lastDelta: 2 })).toThrow(/claims offset 3/);
    expect(() => decode([{ base: 5, deltas: [0, 1] }, { base: 6 }])).toThrow(/begins before the last one ends/);
  });
});
