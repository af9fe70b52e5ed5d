/** Orders as JSON, most of them as usual, and others that differ from an order by little: what code made for a shape may stumble over. */
import type { Random } from '../../src/core/ports.ts';
import { randomAt } from '../../src/core/random.ts';

const AMOUNTS = [
  '0',
  '-1',
  '250.50',
  '1e2',
  '0.1',
  '999.999999',
  '1e400',
  '"12"',
  'null',
  '12345678901234567',
  '-0',
  '1.',
  '01',
  '.5',
];
const TEXTS = [
  '',
  'é',
  '\\u00e9',
  '\\"',
  '\\n',
  'a\u0001b',
  '\u2028',
  '__proto__',
  'x'.repeat(300),
  '\\ud800',
  '\u007f',
];
const NAMES = ['order_id', 'amount', 'product_id', 'note', '__proto__', '7', 'toJSON', 'order_i'];
const SPACES = [' ', '\n', '\t', '\u00a0', '\ufeff'];

/** Documents of which most have one shape; some are broken, and what is broken differs. */
export function* mutatedDocuments({ seed, count }: { seed: number; count: number }): Iterable<Buffer> {
  for (let i = 0; i < count; i++) yield Buffer.from(document(i, randomAt(seed, i)));
}

function document(i: number, random: Random): string | Buffer {
  const order = usual(i, random);
  const text = JSON.stringify(order);
  const roll = random();
  if (roll < 0.6) return text;
  if (roll < 0.8) return ways[Math.floor(random() * ways.length)](order, text, random);
  return flipped(Buffer.from(text), random);
}

interface Order {
  readonly order_id: string;
  readonly amount: number;
  readonly product_id: string;
}

function usual(i: number, random: Random): Order {
  return {
    order_id: `order-${i}`,
    amount: (1 + Math.floor(random() * 99_999)) / 100,
    product_id: `prod-${1 + Math.floor(random() * 2)}`,
  };
}

const pick = <T>(all: readonly T[], random: Random): T => all[Math.floor(random() * all.length)];

const ways: readonly ((order: Order, text: string, random: Random) => string)[] = [
  ({ order_id: id, product_id: product }, _, random) =>
    `{"order_id":"${id}","amount":${pick(AMOUNTS, random)},"product_id":"${product}"}`,
  ({ amount, product_id: product }, _, random) =>
    `{"order_id":"${pick(TEXTS, random)}","amount":${amount},"product_id":"${product}"}`,
  (order, _, random) =>
    JSON.stringify({ ...order, [pick(NAMES, random)]: pick([1, 'x', null, true, [1], { a: 1 }], random) }),
  (_, text, random) => text.replace('{', `{"${pick(NAMES, random)}":${pick(AMOUNTS, random)},`),
  (_, text, random) => text.replaceAll(',', `,${pick(SPACES, random)}`),
  (_, text, random) => text.replaceAll(':', `: ${random() < 0.5 ? '' : pick(SPACES, random)}`),
  (_, text, random) => text.slice(0, Math.floor(random() * text.length)),
  (order) => JSON.stringify(Object.fromEntries(Object.entries(order).toReversed())),
  (order) => JSON.stringify({ ...order, product_id: 'prod-99' }),
  (_, text, random) => `${pick(SPACES, random)}${text}${pick(SPACES, random)}`,
  (_, text) => text + text,
  () => '',
];

/** Some bytes are others, or gone. */
function flipped(bytes: Buffer, random: Random): Buffer {
  const made = Buffer.from(bytes);
  for (let n = 1 + Math.floor(random() * 2); n > 0; n--) {
    made[Math.floor(random() * made.length)] = Math.floor(random() * 256);
  }
  const cut = Math.floor(random() * made.length);
  return random() < 0.3 ? Buffer.concat([made.subarray(0, cut), made.subarray(cut + 1)]) : made;
}
