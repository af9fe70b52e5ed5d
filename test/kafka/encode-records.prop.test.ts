import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { viewOf } from '../../src/core/copy-bytes.ts';
import { CODEC_NUMBERS } from '../../src/kafka/compression.ts';
import { BatchWriter } from '../../src/kafka/batch-writer.ts';
import { encodeRecords, stampBatch } from '../../src/kafka/encode-records.ts';
import { WireBatchBuilder } from '../../src/kafka/wire-batch.ts';
import { batchOf, COMPRESSIONS, decodeAll, encodeAll, linesOf, records, recordsOf, STAMP } from './codec-records.ts';

// Many runs and many bytes: a machine with much else to do needs more than the five seconds of other tests.
vi.setConfig({ testTimeout: 30_000 });

const RUNS = { seed: 7, numRuns: 200 };
const compression = fc.constantFrom(...COMPRESSIONS);

describe('encodeRecords', () => {
  it('writes what decodeRecords reads, at every codec and size of batch', () => {
    fc.assert(
      fc.property(records, compression, fc.integer({ min: 0, max: 3_000 }), (all, codec, maxBytes) => {
        const batches = encodeAll(batchOf(all), { compression: codec, maxBytes });
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
        const bytes = Buffer.concat(encodeAll(batchOf(all), { compression: codec, maxBytes: 2_000 }));
        expect(linesOf(decodeAll(bytes))).toEqual(linesOf(all));
        const again = Buffer.concat(encodeAll(batchOf(decodeAll(bytes)), { compression: codec, maxBytes: 2_000 }));
        expect(again.equals(bytes)).toBe(true);
      }),
      { ...RUNS, numRuns: 50 },
    );
  });

  it('stays within its bound, or takes one record that needs more', () => {
    fc.assert(
      fc.property(records, compression, fc.integer({ min: 61, max: 1_000 }), (all, codec, maxBytes) => {
        const { bytes, to } = encodeRecords(batchOf(all), 0, maxBytes, new BatchWriter(2_000), codec);
        if (to > 1) expect(bytes.length).toBeLessThanOrEqual(maxBytes);
        expect(to).toBeGreaterThanOrEqual(1);
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
      const { bytes } = encodeRecords(builder.finish(), 0, 200, new BatchWriter(200), codec);
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

/** A text, a text with characters of more bytes, and lengths around those where another way of writing begins. */
const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }));
const spliced = fc
  .tuple(fc.uint8Array({ maxLength: 700 }), fc.nat(700), fc.nat(700), fc.uint8Array({ maxLength: 40 }))
  .map(([bytes, a, b, tail]) => {
    const [from, to] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
    return { bytes: viewOf(bytes), from, to, tail: viewOf(tail) };
  });
const written = fc.array(
  fc.record({
    key: fc.oneof(fc.constant(null), text, fc.uint8Array({ maxLength: 40 })),
    value: fc.oneof(fc.constant(null), text, fc.uint8Array({ maxLength: 700 }), spliced),
    // An event's time may have fractions: on the wire it has none.
    timestamp: fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.double({ min: 0, max: 100_000, noNaN: true })),
    headers: fc.array(fc.record({ key: fc.string({ maxLength: 5 }), value: fc.uint8Array({ maxLength: 5 }) }), {
      maxLength: 2,
    }),
  }),
  { minLength: 1, maxLength: 60 },
);

describe('WireBatchBuilder', () => {
  it('writes what a RecordBatchBuilder collects, as encodeRecords would, and again in the same memory', () => {
    const maxBytes = 3_000;
    const wire = new WireBatchBuilder('t', 3, maxBytes);
    fc.assert(
      fc.property(written, compression, (all, codec) => {
        const plain = new RecordBatchBuilder('t', 3);
        wire.reset();
        for (const { key, value, timestamp, headers } of all) {
          if (wire.add(key, value, timestamp, headers) < 0) {
            expect(wire.length).toBeGreaterThan(0);
            break;
          }
          plain.add(key, value, timestamp, headers);
        }
        const [a, b] = [wire.finish(), plain.finish()];
        expect(linesOf(recordsOf(a))).toEqual(linesOf(recordsOf(b)));
        if (a.length > 1) expect(a.bytes.length).toBeLessThanOrEqual(maxBytes);
        const options = { compression: codec, maxBytes: 2 * maxBytes };
        expect(Buffer.concat(encodeAll(a, options)).equals(Buffer.concat(encodeAll(b, options)))).toBe(true);
        // What is larger than a topic takes is written anew, in parts.
        const parts = { compression: codec, maxBytes: 500 };
        const whole = recordsOf(b).map((record) => ({ ...record, timestamp: Math.floor(record.timestamp) }));
        expect(linesOf(decodeAll(Buffer.concat(encodeAll(a, parts))))).toEqual(linesOf(whole));
      }),
      RUNS,
    );
  });

  it('ends a batch where the next record makes it too long, and takes one that is longer than any', () => {
    const builder = new WireBatchBuilder('t', 3, 1_000);
    expect(builder.add(null, 'x'.repeat(2_000), 1)).toBeGreaterThan(2_000);
    expect(builder.add(null, 'y', 2)).toBe(-1);
    expect(builder.finish().length).toBe(1);
    builder.reset();
    while (builder.add('key', 'value', 3) >= 0);
    const { bytes } = builder.finish();
    expect(bytes.length).toBeLessThanOrEqual(1_000);
    expect(bytes.length).toBeGreaterThan(970);
  });

  it('leaves to the next batch a record whose time is too far away', () => {
    const builder = new WireBatchBuilder('t', 3, 1_000);
    builder.add(null, 'x', Number.MIN_SAFE_INTEGER);
    expect(builder.add(null, 'y', Number.MAX_SAFE_INTEGER)).toBe(-1);
    expect(builder.length).toBe(1);
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
