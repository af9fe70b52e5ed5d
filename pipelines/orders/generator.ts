/** Orders as shops send them: most of them good, some broken, some out of order, a few far too late. */
import { type GeneratedRecord, type Generator, type GeneratorTurn, iso, type Random } from 'millrace';

const PRODUCTS = ['prod-1', 'prod-2', 'prod-3', 'prod-4', 'prod-5'];
const USERS = 100;
const MIN_CENTS = 1_000;
const MAX_CENTS = 50_000;

/** Orders come up to so much behind their turn … */
const JITTER_MS = 2_000;
/** … and one in five hundred so much, past every window that it belongs to. */
const VERY_LATE_SHARE = 0.002;
const VERY_LATE_MS = 90_000;

const generator: Generator = {
  topic: 'orders',
  partitions: 3,
  rate: 30,
  backfillMs: 600_000,
  badRatio: 0.01,
  description: 'orders of 100 users over five products; 1 % broken, some out of order, 0.2 % late',
  record,
};
export default generator;

function record({ index, time, seed, random, badRatio }: GeneratorTurn): GeneratedRecord {
  const behind = random() < VERY_LATE_SHARE ? VERY_LATE_MS : random() * JITTER_MS;
  const order = {
    order_id: `order-${seed}-${index}`,
    user_id: `user-${1 + Math.floor(random() * USERS)}`,
    product_id: PRODUCTS[Math.floor(random() * PRODUCTS.length)],
    amount: (MIN_CENTS + Math.floor(random() * (MAX_CENTS - MIN_CENTS + 1))) / 100,
    timestamp: iso(time - Math.floor(behind)),
  };
  const value = random() < badRatio ? broken(order, random) : JSON.stringify(order);
  return { key: order.order_id, value };
}

/** The ways in which orders go wrong. */
function broken(order: Readonly<Record<string, unknown>>, random: Random): string {
  const ways: (() => string)[] = [
    () => JSON.stringify({ ...order, amount: 0 }),
    () => JSON.stringify({ ...order, amount: -(order.amount as number) }),
    () => JSON.stringify({ ...order, amount: String(order.amount) }),
    () => JSON.stringify({ ...order, amount: undefined }),
    () => JSON.stringify({ ...order, product_id: 'prod-99' }),
    () => JSON.stringify({ ...order, user_id: undefined }),
    () => JSON.stringify({ ...order, timestamp: 'yesterday' }),
    () => JSON.stringify(order).slice(0, 40),
  ];
  return ways[Math.floor(random() * ways.length)]();
}
