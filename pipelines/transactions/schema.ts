import { parseIso } from 'millrace';
import { z } from 'zod';

/** An amount beyond it is a slip, and would not fit the columns of the sums. */
const MAX_AMOUNT = 1_000_000_000_000;
const TOO_MUCH = 'is beyond a million million';
/** The times that a Date can hold. */
const MAX_TIME = 8_640_000_000_000_000;

const NO_TEXT = { error: 'must be text' };
/** Whole numbers, as ids often are, become text, unless JavaScript has lost their last digits. */
const text = z.union([z.string(), z.int(NO_TEXT)], NO_TEXT).nullish();
const number = z.number({ error: 'must be a number' });

/** Looked at by the transform. */
const unchecked = z.unknown().optional();

/** One transform over all of it: one a field would cost several times as much. */
const Fields = z.object({
  txn_id: unchecked,
  event_ts: unchecked,
  transaction_id: unchecked,
  timestamp: unchecked,
  user_id: text,
  card_id: text,
  merchant: text,
  category: text,
  amount: number.min(-MAX_AMOUNT, TOO_MUCH).max(MAX_AMOUNT, TOO_MUCH).nullish(),
  currency: text,
  status: text,
  city: text,
  country: text,
  lat: number.nullish(),
  lon: number.nullish(),
});

/**
 * A card transaction: a record of topic `transactions`, its `event_ts` in any spelling of ISO 8601, without a zone in UTC; or
 * one of topic `transactions_raw` (`transaction_id`, `card_id`, `amount`, `timestamp`). Without `txn_id` or `event_ts` it is
 * none; all else may be missing.
 */
export const Transaction = Fields.transform((fields, ctx) => {
  const isSmall = fields.txn_id === undefined && fields.transaction_id !== undefined;
  const [txn_id, event_ts] = isSmall ? [fields.transaction_id, fields.timestamp] : [fields.txn_id, fields.event_ts];
  const event_time = timeOf(event_ts);
  if (typeof txn_id !== 'string' || txn_id === '') {
    const message = absent(txn_id) ?? (txn_id === '' ? 'is empty' : 'must be text');
    ctx.addIssue({ code: 'custom', path: ['txn_id'], message });
    return z.NEVER;
  }
  if (Number.isNaN(event_time)) {
    const message = absent(event_ts) ?? 'must be an ISO 8601 time, or epoch milliseconds';
    ctx.addIssue({ code: 'custom', path: ['event_ts'], message });
    return z.NEVER;
  }
  return {
    txn_id,
    event_time,
    user_id: textOf(fields.user_id),
    card_id: textOf(fields.card_id),
    merchant: textOf(fields.merchant),
    category: textOf(fields.category),
    amount: fields.amount ?? null,
    currency: textOf(fields.currency),
    status: textOf(fields.status),
    city: textOf(fields.city),
    country: textOf(fields.country),
    lat: fields.lat ?? null,
    lon: fields.lon ?? null,
  };
});
export type Transaction = z.infer<typeof Transaction>;

/** Epoch milliseconds, NaN for what is no time. */
function timeOf(value: unknown): number {
  if (typeof value === 'string') return parseIso(value);
  return Number.isInteger(value) && Math.abs(value as number) <= MAX_TIME ? (value as number) : Number.NaN;
}

function textOf(value: string | number | null | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function absent(value: unknown): string | undefined {
  return value === undefined || value === null ? 'is missing' : undefined;
}
