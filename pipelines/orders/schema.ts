import { type } from 'arktype';

/** The catalogue: what a product id stands for. */
export const PRODUCT_NAMES = {
  'prod-1': 'Laptop',
  'prod-2': 'Phone',
  'prod-3': 'Tablet',
  'prod-4': 'Monitor',
  'prod-5': 'Keyboard',
} as const;

/** An order as it must be. The bound on the amount keeps a slip of the decimal point out of the books. */
export const Order = type({
  order_id: 'string > 0',
  user_id: 'string > 0',
  product_id: "'prod-1' | 'prod-2' | 'prod-3' | 'prod-4' | 'prod-5'",
  amount: '0 < number <= 1000000',
  timestamp: 'string > 0',
});
export type Order = typeof Order.infer;
