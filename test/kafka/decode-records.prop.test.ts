import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import { crc32c } from '../../src/kafka/crc32c.ts';
import { type AbortedTransaction, decodeRecords } from '../../src/kafka/decode-records.ts';
import { stampBatch } from '../../src/kafka/encode-records.ts';
import { batchOf, COMPRESSIONS, decodeAll, encodeAll, linesOf, records } from './codec-records.ts';

// Many runs and many bytes: a machine with much else to do needs more than the five seconds of other tests.
vi.setConfig({ testTimeout: 30_000 });

const PLACE = { topic: 't', partition: 3, aborted: [] };

/** Whatever the bytes: records behind the offset asked for and a way to go on, or the one error; `undefined` for that. */
function decodeAnything(bytes: Buffer, offset = 0): number | undefined {
  try {
    const { batch, nextOffset } = decodeRecords({ ...PLACE, offset, records: bytes });
    expect(nextOffset).toBeGreaterThanOrEqual(offset);
    if (batch === undefined) return 0;
    expect(batch.offsets[0]).toBeGreaterThanOrEqual(offset);
    for (let row = 1; row < batch.length; row++) expect(batch.offsets[row]).toBeGreaterThan(batch.offsets[row - 1]);
    expect(nextOffset).toBeGreaterThanOrEqual(batch.nextOffset);
    for (let row = 0; row < batch.length; row++) void batch.record(row);
    return batch.length;
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    expect(error).toMatchObject({ code: 'LOG_UNAVAILABLE', place: { topic: 't', partition: 3 } });
    return undefined;
  }
}

const mutation = fc.record({ at: fc.nat(), byte: fc.nat(255), width: fc.constantFrom(1, 1, 1, 4) });

/** The same bytes, some of them changed; only those that a checksum covers, or all. */
function mutate(bytes: Buffer, mutations: readonly { at: number; byte: number; width: number }[], from = 0): Buffer {
  const changed = Buffer.from(bytes);
  for (const { at, byte, width } of mutations) {
    const place = from + (at % (bytes.length - from));
    changed.fill(byte, place, Math.min(bytes.length, place + width));
  }
  return changed;
}

describe('decodeRecords, of any bytes', () => {
  it('gives out nothing when a single bit of what the checksum covers has changed', () => {
    fc.assert(
      fc.property(records, fc.constantFrom(...COMPRESSIONS), fc.nat(), fc.nat(7), (all, compression, at, bit) => {
        const [first, ...others] = encodeAll(batchOf(all), { compression, maxBytes: 500 });
        first[21 + (at % (first.length - 21))] ^= 1 << bit;
        expect(() => decodeAll(Buffer.concat([first, ...others]))).toThrow(/checksum of a batch is wrong/);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('reads changed answers or refuses them, and ends', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        records,
        fc.constantFrom(...COMPRESSIONS),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        fc.nat(30),
        (all, compression, mutations, offset) => {
          const bytes = Buffer.concat(encodeAll(batchOf(all), { compression, maxBytes: 400 }));
          if (decodeAnything(mutate(bytes, mutations), offset) === undefined) refused++;
        },
      ),
      { seed: 4, numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it('reads changed batches or refuses them when their checksum is right again, and ends', () => {
    let read = 0;
    let refused = 0;
    fc.assert(
      fc.property(
        records,
        fc.constantFrom(...COMPRESSIONS, 'none', 'none'),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (all, compression, mutations) => {
          const batches = encodeAll(batchOf(all), { compression }).map((bytes) => {
            const changed = mutate(bytes, mutations, 21);
            changed.writeUInt32BE(crc32c(changed.subarray(21)), 17);
            return changed;
          });
          if (decodeAnything(Buffer.concat(batches)) === undefined) refused++;
          else read++;
        },
      ),
      { seed: 5, numRuns: 1_500 },
    );
    // Both must be met often, or the test has lost its point.
    expect(Math.min(read, refused)).toBeGreaterThan(100);
  });

  it('takes whole batches from an answer that is cut anywhere, and goes on there', () => {
    fc.assert(
      fc.property(records, fc.nat(), (all, cut) => {
        const batches = encodeAll(batchOf(all), { maxBytes: 400 });
        const bytes = Buffer.concat(batches);
        const length = cut % bytes.length;
        if (length > 0 && length < batches[0].length) {
          expect(() => decodeAll(bytes.subarray(0, length))).toThrow(/ends behind the answer/);
          return;
        }
        const { batch, nextOffset } = decodeRecords({ ...PLACE, offset: 0, records: bytes.subarray(0, length) });
        expect(nextOffset).toBe(batch?.length ?? 0);
        expect(linesOf(decodeAll(bytes, nextOffset))).toEqual(linesOf(all.slice(nextOffset)));
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('refuses noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (noise) => {
        expect(decodeAnything(Buffer.from(noise))).toBeUndefined();
      }),
      { seed: 8, numRuns: 500 },
    );
  });
});

/** A log of transactional batches and markers, as a broker keeps it, and what a committed reader sees of it. */
interface Log {
  readonly batches: readonly { readonly base: number; readonly bytes: Buffer }[];
  readonly aborted: readonly (AbortedTransaction & { readonly marker: number })[];
  readonly visible: readonly number[];
}

const event = fc.record({
  producer: fc.nat(2),
  kind: fc.constantFrom('data', 'data', 'data', 'abort', 'commit', 'plain'),
  count: fc.integer({ min: 1, max: 3 }),
});

function logOf(events: readonly { producer: number; kind: string; count: number }[]): Log {
  const batches: Log['batches'][number][] = [];
  const aborted: Log['aborted'][number][] = [];
  const visible: number[] = [];
  const open = new Map<number, number[]>();
  let offset = 0;
  const append = (kind: string, producer: number, count: number): void => {
    const isMarker = kind === 'abort' || kind === 'commit';
    const key = isMarker ? Uint8Array.of(0, 0, 0, kind === 'abort' ? 0 : 1) : null;
    const all = Array.from({ length: count }, () => ({ key, value: null, timestamp: 5, headers: [] }));
    const [bytes] = encodeAll(batchOf(all), { baseOffset: offset });
    if (isMarker) bytes.writeInt16BE(32, 21);
    stampBatch(bytes, {
      producerId: BigInt(producer),
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: kind !== 'plain',
    });
    batches.push({ base: offset, bytes });
    offset += count;
  };
  const end = (kind: string, producer: number): void => {
    const offsets = open.get(producer) ?? [];
    if (kind === 'commit') visible.push(...offsets);
    else if (offsets.length > 0)
      aborted.push({ producerId: BigInt(producer), firstOffset: offsets[0], marker: offset });
    open.delete(producer);
    append(kind, producer, 1);
  };
  for (const { kind, producer, count } of events) {
    const offsets = Array.from({ length: count }, (_, i) => offset + i);
    if (kind === 'abort' || kind === 'commit') {
      end(kind, producer);
      continue;
    }
    if (kind === 'plain') visible.push(...offsets);
    else open.set(producer, [...(open.get(producer) ?? []), ...offsets]);
    append(kind, producer, count);
  }
  // A broker's answer to a committed reader ends at the first transaction that is open: here all are ended.
  for (const producer of open.keys()) end('abort', producer);
  return { batches, aborted, visible: visible.toSorted((a, b) => a - b) };
}

describe('decodeRecords, of transactions', () => {
  it('shows what was committed and nothing else, wherever the answers are split', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 14 }), fc.integer({ min: 1, max: 5 }), (events, size) => {
        const { batches, aborted, visible } = logOf(events);
        const seen: number[] = [];
        let offset = 0;
        for (let from = 0; from < batches.length; from += size) {
          const part = batches.slice(from, from + size);
          const end = batches[from + size]?.base ?? Number.POSITIVE_INFINITY;
          const overlapping = aborted.filter(({ firstOffset, marker }) => marker >= offset && firstOffset < end);
          const bytes = Buffer.concat(part.map((batch) => batch.bytes));
          const answer = decodeRecords({ topic: 't', partition: 3, offset, records: bytes, aborted: overlapping });
          seen.push(...(answer.batch?.offsets ?? []));
          if (from + size < batches.length) expect(answer.nextOffset).toBe(end);
          offset = answer.nextOffset;
        }
        expect(seen).toEqual(visible);
      }),
      { seed: 9, numRuns: 500 },
    );
  });

  it('refuses a marker whose type is missing', () => {
    const [bytes] = encodeAll(batchOf([{ key: Uint8Array.of(0, 0), value: null, timestamp: 0, headers: [] }]));
    bytes.writeInt16BE(32, 21);
    bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
    expect(() => decodeAll(bytes)).toThrow(/has no type/);
  });
});

describe('decodeRecords, within its bounds', () => {
  it('stops before a compressed batch that would make the sum too large, and goes on there', () => {
    const value = new Uint8Array(30_000_000);
    const large = { key: null, value, timestamp: 1, headers: [] };
    const bytes = Buffer.concat(
      [0, 1, 2, 3].flatMap((baseOffset) => encodeAll(batchOf([large]), { compression: 'gzip', baseOffset })),
    );
    const first = decodeRecords({ ...PLACE, offset: 0, records: bytes });
    expect([...first.batch!.offsets]).toEqual([0, 1]);
    expect(first.nextOffset).toBe(2);
    const second = decodeRecords({ ...PLACE, offset: 2, records: bytes.subarray(bytes.length / 2) });
    expect([...second.batch!.offsets]).toEqual([2, 3]);
  });

  it.each(['gzip', 'snappy', 'lz4'] as const)('refuses a batch that %s lets grow beyond 64 MiB', (compression) => {
    const value = new Uint8Array(64 * 1024 * 1024);
    const [bytes] = encodeAll(batchOf([{ key: null, value, timestamp: 1, headers: [] }]), { compression });
    expect(bytes.length).toBeLessThan(5_000_000);
    expect(() => decodeAll(bytes)).toThrow(new RegExp(`compressed by ${compression} does not unpack`));
  });

  it('takes so many headers at once, and goes on at the record behind', () => {
    const headers = Array.from({ length: 100_000 }, () => ({ key: '', value: new Uint8Array() }));
    const record = { key: null, value: null, timestamp: 1, headers };
    const [bytes] = encodeAll(batchOf([record, record, record]), { maxBytes: 1_000_000 });
    const { batch, nextOffset } = decodeRecords({ ...PLACE, offset: 0, records: bytes });
    expect([batch!.length, nextOffset]).toEqual([2, 2]);
    expect(decodeRecords({ ...PLACE, offset: 2, records: bytes })).toMatchObject({ nextOffset: 3 });
  });

  it('ends an answer where the topic changes whose times it keeps', () => {
    const one = [{ key: null, value: null, timestamp: 1, headers: [] }];
    const [created] = encodeAll(batchOf(one));
    const [appended] = encodeAll(batchOf(one), { baseOffset: 1 });
    appended.writeInt16BE(8, 21);
    appended.writeUInt32BE(crc32c(appended.subarray(21)), 17);
    const bytes = Buffer.concat([created, appended]);
    const first = decodeRecords({ ...PLACE, offset: 0, records: bytes });
    expect([first.batch!.timestampType, first.nextOffset]).toEqual(['create', 1]);
    const second = decodeRecords({ ...PLACE, offset: 1, records: bytes });
    expect([second.batch!.timestampType, second.nextOffset]).toEqual(['append', 2]);
  });

  it('keeps the headers of the records it shows when it leaves out some before them', () => {
    const headers = [{ key: 'h', value: Uint8Array.of(1) }];
    const plain = { key: null, value: null, timestamp: 1, headers: [] };
    const bytes = Buffer.concat(encodeAll(batchOf([{ ...plain, headers }, plain, { ...plain, headers }, plain])));
    expect(decodeAll(bytes, 1).map((record) => record.headers)).toEqual([[], headers, []]);
  });
});
