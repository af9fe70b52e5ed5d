import { describe, expect, it } from 'vitest';
import { Transaction } from '../../../pipelines/transactions/schema.ts';

const NOON = Date.UTC(2024, 1, 29, 12);
const full = {
  txn_id: '9b2c7b4e-3f39-4d55-a2f2-0c5d53a7a1f0',
  event_ts: '2024-02-29T12:00:00.123456+00:00',
  user_id: 'user-1',
  card_id: 'card-1',
  merchant: 'Leffler - Wiegand',
  category: 'fuel',
  amount: 12.34,
  currency: 'EUR',
  status: 'approved',
  city: 'Köln',
  country: 'DE',
  lat: 50.9,
  lon: 6.9,
};

function problems(value: unknown): string[] {
  const { error } = Transaction.safeParse(value);
  return error === undefined ? [] : error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the time of a transaction', () => {
  it.each([
    ['2024-02-29T12:00:00.123456+00:00', 123],
    ['2024-02-29T12:00:00.123456+0000', 123],
    ['2024-02-29T12:00:00.123456Z', 123],
    ['2024-02-29T12:00:00.123456', 123],
    ['2024-02-29 12:00:00.123456', 123],
    ['2024-02-29T12:00:00.123Z', 123],
    ['2024-02-29T12:00:00Z', 0],
    ['2024-02-29T12:00:00+00:00', 0],
    ['2024-02-29T12:00:00+0000', 0],
    ['2024-02-29T12:00:00', 0],
    ['2024-02-29 12:00:00', 0],
    ['2024-02-29 12:00:00+00', 0],
    ['2024-02-29T12:00', 0],
    ['2024-02-29T17:30:00.5+05:30', 500],
    ['2024-02-29T17:30:00.5+0530', 500],
    ['2024-02-29T07:00:00.999999-05:00', 999],
  ])('is understood when it is written %s', (event_ts, ms) => {
    expect(Transaction.parse({ ...full, event_ts }).event_time).toBe(NOON + ms);
  });

  it.each(['', 'yesterday', '2024-02-30T12:00:00Z', '2024-02-29T25:00:00Z', '12:00', '1709208000000', 0.5, true, {}])(
    'is refused when it is %j',
    (event_ts) => {
      expect(problems({ ...full, event_ts })).toEqual(['event_ts: must be an ISO 8601 time, or epoch milliseconds']);
    },
  );
});

describe('a transaction', () => {
  it('has its fields, without event_ts and without fields that nobody knows', () => {
    const { event_ts: _, ...others } = full;
    expect(Transaction.parse({ ...full, extra: 1 })).toEqual({ ...others, event_time: NOON + 123 });
  });

  it('may lack everything but txn_id and event_ts', () => {
    const { txn_id, event_ts } = full;
    const { event_time, ...fields } = Transaction.parse({ txn_id, event_ts, city: null });
    expect(event_time).toBe(NOON + 123);
    expect(Object.keys(fields)).toHaveLength(12);
    expect(Object.values(fields).filter((value) => value !== null)).toEqual([txn_id]);
  });

  it.each<[string, object]>([
    ['txn_id: is missing', { txn_id: undefined }],
    ['txn_id: is missing', { txn_id: null }],
    ['txn_id: is empty', { txn_id: '' }],
    ['txn_id: must be text', { txn_id: 7 }],
    ['event_ts: is missing', { event_ts: undefined }],
    ['event_ts: is missing', { event_ts: null }],
    ['amount: must be a number', { amount: '12.34' }],
    ['amount: is beyond a million million', { amount: 1e12 + 1 }],
    ['lat: must be a number', { lat: [] }],
    ['user_id: must be text', { user_id: 2 ** 53 }],
    ['city: must be text', { city: {} }],
  ])('is refused with the words %s', (problem, fields) => {
    expect(problems({ ...full, ...fields })).toEqual([problem]);
  });

  it.each([null, 5, 'text', [full], true])('is an object, not %j', (value) => {
    expect(problems(value)).toHaveLength(1);
  });

  it('takes whole numbers for text, as ids often are', () => {
    expect(Transaction.parse({ ...full, user_id: 42 }).user_id).toBe('42');
  });
});

describe('the smaller record', () => {
  const small = { transaction_id: 't-1', card_id: 1004, amount: 512.4, timestamp: NOON };

  it('is understood under the names of the other one', () => {
    expect(Transaction.parse(small)).toMatchObject({
      txn_id: 't-1',
      card_id: '1004',
      amount: 512.4,
      event_time: NOON,
      merchant: null,
      lon: null,
    });
  });

  it('is refused without its id or its time', () => {
    expect(problems({ ...small, transaction_id: null })).toEqual(['txn_id: is missing']);
    expect(problems({ ...small, timestamp: undefined })).toEqual(['event_ts: is missing']);
    expect(problems({ ...small, timestamp: 9e15 })).toEqual([
      'event_ts: must be an ISO 8601 time, or epoch milliseconds',
    ]);
  });
});
