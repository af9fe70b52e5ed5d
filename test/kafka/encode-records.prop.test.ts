import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { RecordBatchBuilder } from '../../src/core/record-batch.ts';
import { CODEC_NUMBERS } from '../../src/kafka/compression.ts';
import { encodeRecords, maxEncodedBytes, stampBatch } from '../../src/kafka/encode-records.ts';
import { batchOf, COMPRESSIONS, decodeAll, encodeAll, linesOf, records, recordsOf, STAMP } from './codec-records.ts';

// Many runs and many bytes: a machine with much else to do needs more than the five seconds of other tests.
vi.setConfig({ testTimeout: 30_000 });

const RUNS = { seed: 7, numRuns: 200 };
const compression = fc.constantFrom(...COMPRESSIONS);

describe('encodeRecords', () => {
  it('writes what decodeRecords reads, at every codec and size of target', () => {
    fc.assert(
      fc.property(records, compression, fc.integer({ min: 0, max: 3_000 }), (all, codec, targetBytes) => {
        const batches = encodeAll(batchOf(all), { compression: codec, targetBytes });
        expect(linesOf(decodeAll(Buffer.concat(batches)))).toEqual(linesOf(all));
      }),
      RUNS,
    );
  });

  it('writes a part of a batch, from any row on', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(), (all, a, b) => {
        const from = a % all.length;
        const to = from + 1 + (b % (all.length - from));
        const part = batchOf(all).subarray(from, to);
        expect(linesOf(recordsOf(part))).toEqual(linesOf(all.slice(from, to)));
        expect(linesOf(decodeAll(Buffer.concat(encodeAll(part))))).toEqual(linesOf(all.slice(from, to)));
      }),
      RUNS,
    );
  });

  it('writes again what it has read, over the bytes of an answer', () => {
    fc.assert(
      fc.property(records, compression, (all, codec) => {
        const bytes = Buffer.concat(encodeAll(batchOf(all), { compression: codec, targetBytes: 2_000 }));
        expect(linesOf(decodeAll(bytes))).toEqual(linesOf(all));
        const again = Buffer.concat(encodeAll(batchOf(decodeAll(bytes)), { compression: codec, targetBytes: 2_000 }));
        expect(again.equals(bytes)).toBe(true);
      }),
      { ...RUNS, numRuns: 50 },
    );
  });

  it('stays within its target and within the bound it gives for one row', () => {
    fc.assert(
      fc.property(records, compression, fc.integer({ min: 61, max: 1_000 }), (all, codec, targetBytes) => {
        const batch = batchOf(all);
        const { bytes, to } = encodeRecords(batch, 0, Buffer.alloc(targetBytes), codec);
        expect(bytes.length).toBeLessThanOrEqual(targetBytes);
        if (to === 0) expect(maxEncodedBytes(batch, 0)).toBeGreaterThan(targetBytes);
        const one = encodeRecords(batch, 0, Buffer.alloc(maxEncodedBytes(batch, 0)), codec);
        expect(one.to).toBeGreaterThanOrEqual(1);
        expect(one.bytes.length).toBeLessThanOrEqual(maxEncodedBytes(batch, 0));
      }),
      RUNS,
    );
  });

  it('says in the header what is in the batch', () => {
    const times = [50, 40, 90, 60];
    const [bytes] = encodeAll(batchOf(times.map((timestamp) => ({ key: null, value: null, timestamp, headers: [] }))));
    expect({
      length: bytes.readInt32BE(8),
      leaderEpoch: bytes.readInt32BE(12),
      magic: bytes[16],
      attributes: bytes.readInt16BE(21),
      lastOffsetDelta: bytes.readInt32BE(23),
      baseTime: bytes.readBigInt64BE(27),
      maxTime: bytes.readBigInt64BE(35),
      count: bytes.readInt32BE(57),
    }).toEqual({
      length: bytes.length - 12,
      leaderEpoch: -1,
      magic: 2,
      attributes: 0,
      lastOffsetDelta: 3,
      baseTime: 50n,
      maxTime: 90n,
      count: 4,
    });
  });

  it('begins a new batch where times are too far apart for one', () => {
    const far = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 0];
    const all = far.map((timestamp) => ({ key: null, value: null, timestamp, headers: [] }));
    const batches = encodeAll(batchOf(all));
    expect(batches).toHaveLength(2);
    expect(linesOf(decodeAll(Buffer.concat(batches)))).toEqual(linesOf(all));
  });

  it('leaves as it is what compression does not shorten', () => {
    const builder = new RecordBatchBuilder('t', 3);
    builder.add(null, 'x', 0);
    for (const codec of COMPRESSIONS) {
      const { bytes } = encodeRecords(builder.finish(), 0, Buffer.alloc(200), codec);
      expect(bytes.readInt16BE(21)).toBe(0);
    }
  });

  it('keeps a large value whole at every codec', () => {
    const value = Buffer.alloc(10_000_000, 'a value that repeats, and is large ');
    const all = [{ key: null, value: Uint8Array.from(value), timestamp: 1, headers: [] }];
    for (const codec of COMPRESSIONS) {
      const [bytes] = encodeAll(batchOf(all), { compression: codec });
      expect(bytes.readInt16BE(21)).toBe(CODEC_NUMBERS[codec]);
      const [{ value: read }] = decodeAll(bytes);
      expect(Buffer.compare(read!, value)).toBe(0);
    }
  });
});

describe('stampBatch', () => {
  it('can be called again, and leaves the records alone', () => {
    const all = [{ key: null, value: Uint8Array.of(1), timestamp: 1, headers: [] }];
    const [bytes] = encodeAll(batchOf(all));
    const before = Buffer.from(bytes);
    stampBatch(bytes, {
      producerId: 9_007_199_254_740_993n,
      producerEpoch: 3,
      baseSequence: 77,
      isTransactional: true,
    });
    expect(bytes.readInt16BE(21)).toBe(16);
    expect(bytes.readBigInt64BE(43)).toBe(9_007_199_254_740_993n);
    expect(bytes.readInt16BE(51)).toBe(3);
    expect(bytes.readInt32BE(53)).toBe(77);
    expect(decodeAll(bytes)).toEqual(all);
    stampBatch(bytes, STAMP);
    expect(bytes).toEqual(before);
  });
});
