import { z } from 'zod';

/** A transaction as terminals send it; those that know where they stand say so. */
export const Transaction = z.looseObject({
  transaction_id: z.string().min(1),
  card_id: z.int(),
  amount: z.number().positive().max(1_000_000),
  /** Epoch milliseconds. */
  timestamp: z.int(),
  lat: z.number().min(-90).max(90).optional(),
  lon: z.number().min(-180).max(180).optional(),
});
export type Transaction = z.infer<typeof Transaction>;
