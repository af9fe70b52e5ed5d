import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeDlqRecord,
  type DlqFailure,
  encodeCutDlqRecord,
  encodeDlqRecord,
  type PlainRecord,
} from '../../src/core/dlq-record.ts';

const RUNS = { numRuns: 2_000, seed: 20_250_611 };

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
const space = fc.constantFrom('', ' ', '\n\t ', '\r\n');
const json = fc.tuple(space, fc.json(), space).map((parts) => Buffer.from(parts.join('')));
const awkward = fc
  .constantFrom(
    '',
    'null',
    'true',
    '"text"',
    '"\\u0000\\ud800"',
    '-0.0e+00',
    '123456789012345678901234567890',
    '{"payload":{"payload":1},"error_reason":"x","failed_at":"y"}',
    '{"a":1,"a":2}',
    '"},\\"error_reason\\":\\""',
    '[[[[1,{"a":[]}]]]]',
    '{"order_id":"7","amou',
    '﻿{"a":1}',
    'not json, "quoted" \\ and \u2028',
    '\u0000'.repeat(500),
    'é',
  )
  .map((text) => Buffer.from(text));
const value = fc.oneof(
  fc.constant(null),
  bytes,
  json,
  awkward,
  fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
);
const header = fc.record({
  key: fc.oneof(fc.string(), fc.constantFrom('dlq_reason', 'dlq_payload', 'dlq_truncated', 'dlq_attempt', 'trace')),
  value: bytes,
});
const record: fc.Arbitrary<PlainRecord> = fc.record({
  key: fc.option(bytes),
  value,
  headers: fc.array(header, { maxLength: 4 }),
});
const text = fc.string({ unit: 'grapheme' });
const failure: fc.Arbitrary<DlqFailure> = fc.record({
  reason: text,
  failedAt: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  kind: fc.option(fc.constantFrom('DecodeError', 'LateRecord'), { nil: undefined }),
  step: fc.option(text, { nil: undefined }),
  topic: fc.option(text, { nil: undefined }),
  partition: fc.option(fc.nat(), { nil: undefined }),
  offset: fc.option(fc.maxSafeNat(), { nil: undefined }),
  timestamp: fc.option(fc.maxSafeNat(), { nil: undefined }),
  stack: fc.option(text, { nil: undefined }),
});

describe('a DLQ record', () => {
  it('gives back key, value and headers byte for byte, and all that is known of the failure', () => {
    fc.assert(
      fc.property(record, failure, (original, why) => {
        const decoded = decodeDlqRecord(encodeDlqRecord(original, why))!;
        const { key, payload, headers, form, cutFrom, ...known } = decoded;
        expect({ key, value: payload, headers }).toEqual(original);
        expect(known).toEqual(why);
        expect(cutFrom).toBeUndefined();
        expect(form === 'null').toBe(original.value === null);
      }),
      RUNS,
    );
  });

  it('is JSON of three members, with a JSON payload as the value that it is', () => {
    fc.assert(
      fc.property(record, failure, (original, why) => {
        const { value: written, headers } = encodeDlqRecord(original, why);
        const envelope = JSON.parse(Buffer.from(written!).toString()) as Record<string, unknown>;
        expect(Object.keys(envelope)).toEqual(['payload', 'error_reason', 'failed_at']);
        expect(envelope.error_reason).toBe(why.reason);
        expect(envelope.failed_at).toBe(new Date(why.failedAt).toISOString());
        expect(headers.slice(0, original.headers.length)).toEqual(original.headers);
        const form = headers.findLast(({ key }) => key === 'dlq_payload')!.value;
        if (String(form) === 'json')
          expect(envelope.payload).toEqual(JSON.parse(Buffer.from(original.value!).toString()));
      }),
      RUNS,
    );
  });

  it('stays itself when it fails again, however often', () => {
    fc.assert(
      fc.property(record, failure, failure, (original, first, second) => {
        const inner = encodeDlqRecord(original, first);
        const outer = decodeDlqRecord(encodeDlqRecord(inner, second))!;
        expect({ key: outer.key, value: outer.payload, headers: outer.headers }).toEqual(inner);
      }),
      RUNS,
    );
  });

  it('says so when it was cut, keeps the beginning of its value, and fits', () => {
    const limit = 30_000;
    const large = fc
      .tuple(
        fc.oneof(bytes, json, awkward).filter((part) => part.length > 0),
        fc.integer({ min: 10_000, max: 90_000 }),
      )
      .map(([part, size]) => Buffer.alloc(size, part));
    const short = failure.map((why) => ({ ...why, reason: why.reason.slice(0, 10), stack: undefined }));
    fc.assert(
      fc.property(large, short, (original, why) => {
        const cut = encodeCutDlqRecord({ key: Buffer.from('k'), value: original, headers: [] }, why, limit);
        const decoded = decodeDlqRecord(cut)!;
        expect(decoded.cutFrom).toBe(original.length);
        expect(decoded.payload!.length).toBeGreaterThan(limit / 3 - 4);
        expect(decoded.payload!.equals(original.subarray(0, decoded.payload!.length))).toBe(true);
        expect(cut.value!.length).toBeLessThan(limit);
      }),
      { ...RUNS, numRuns: 200 },
    );
  });

  it('is not seen in what is none', () => {
    fc.assert(
      fc.property(record, (other) => {
        fc.pre(!other.headers.some(({ key }) => key === 'dlq_reason'));
        expect(decodeDlqRecord(other)).toBeUndefined();
      }),
      RUNS,
    );
    const headers = [{ key: 'dlq_reason', value: Buffer.from('why') }];
    for (const none of ['', '[]', 'null', '1', '{"payload":1}', '{"payload":1,"error_reason":"","failed_at":"x"}']) {
      expect(decodeDlqRecord({ key: null, value: Buffer.from(none), headers })).toBeUndefined();
    }
  });

  it('is read where another program has written it', () => {
    const python =
      '{"failed_at": "2025-01-02T03:04:05.678901+00:00", "error_reason": "bad", "payload": {"a": [1, "}"]}}';
    const headers = [
      { key: 'dataset', value: Buffer.from('orders') },
      { key: 'dlq_reason', value: Buffer.from('bad') },
    ];
    const decoded = decodeDlqRecord({ key: Buffer.from('k'), value: Buffer.from(python), headers })!;
    expect(decoded).toMatchObject({ form: 'json', reason: 'bad', topic: undefined, headers: [headers[0]] });
    expect(JSON.parse(String(decoded.payload))).toEqual({ a: [1, '}'] });
    expect(decoded.failedAt).toBe(Date.UTC(2025, 0, 2, 3, 4, 5, 678));
  });
});
