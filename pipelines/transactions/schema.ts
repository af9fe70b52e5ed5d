import { parseIso } from 'millrace';
import { z } from 'zod';

/** An amount beyond it is a slip, and would not fit the columns of the sums. */
const MAX_AMOUNT = 1_000_000_000_000;
/** The times that a Date can hold. */
const MAX_TIME = 8_640_000_000_000_000;

/** Text; whole numbers become text, unless JavaScript has lost their last digits. */
const text = z
  .union([z.string(), z.int().transform(String)], { error: 'must be text' })
  .nullish()
  .transform((value) => value ?? null);

const number = z
  .number({ error: 'must be a number' })
  .nullish()
  .transform((value) => value ?? null);

const NO_TIME = 'must be an ISO 8601 time, or epoch milliseconds';
const time = z
  .union([z.string().transform(parseIso), z.int()], { error: (issue) => absent(issue) ?? NO_TIME })
  .refine((ms) => Math.abs(ms) <= MAX_TIME, NO_TIME);

/** A record of topic `transactions`; `event_ts` in any spelling of ISO 8601, without a zone in UTC. */
const Spelled = z
  .object({
    txn_id: z.string({ error: (issue) => absent(issue) ?? 'must be text' }).min(1, 'is empty'),
    event_ts: time,
    user_id: text,
    card_id: text,
    merchant: text,
    category: text,
    amount: number.refine((amount) => amount === null || Math.abs(amount) <= MAX_AMOUNT, 'is beyond a million million'),
    currency: text,
    status: text,
    city: text,
    country: text,
    lat: number,
    lon: number,
  })
  .transform(({ event_ts, ...fields }) => ({ ...fields, event_time: event_ts }));

/**
 * A card transaction: a record of topic `transactions`, or one of topic `transactions_raw` (`transaction_id`, `card_id`,
 * `amount`, `timestamp`). Without `txn_id` or `event_ts` it is none; all else may be missing.
 */
export const Transaction = z.preprocess(respelled, Spelled);
export type Transaction = z.infer<typeof Transaction>;

/** The smaller record under the names of the other one. */
function respelled(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'txn_id' in value || !('transaction_id' in value)) return value;
  const { transaction_id, timestamp, ...fields } = value as Record<string, unknown>;
  return { ...fields, txn_id: transaction_id, event_ts: timestamp };
}

function absent({ input }: { readonly input?: unknown }): string | undefined {
  return input === undefined || input === null ? 'is missing' : undefined;
}
