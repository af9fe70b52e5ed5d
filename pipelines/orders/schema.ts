import { z } from 'zod';

/** The catalogue: what a product id stands for. */
export const PRODUCT_NAMES = {
  'prod-1': 'Laptop',
  'prod-2': 'Phone',
  'prod-3': 'Tablet',
  'prod-4': 'Monitor',
  'prod-5': 'Keyboard',
} as const;

/** An order as it must be. The bound on the amount keeps a slip of the decimal point out of the books. */
export const Order = z.looseObject({
  order_id: z.string().min(1),
  user_id: z.string().min(1),
  product_id: z.enum(['prod-1', 'prod-2', 'prod-3', 'prod-4', 'prod-5']),
  amount: z.number().positive().max(1_000_000),
  timestamp: z.string().min(1),
});
export type Order = z.infer<typeof Order>;
