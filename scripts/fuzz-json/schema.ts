import { z } from 'zod';

export const FuzzedOrder = z.looseObject({
  order_id: z.string().min(1),
  amount: z.number().positive().max(1_000),
  product_id: z.enum(['prod-1', 'prod-2']),
});
