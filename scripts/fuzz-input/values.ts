/** Orders as no shop should send them, among honest ones: the same for the same seed, block by block. */
import * as fc from 'fast-check';
import { randomAt } from '../../src/core/random.ts';
import { parseIso } from '../../src/time/iso.ts';

export interface FuzzedRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** A plain order, in its turn: it must be emitted, and must not be late. */
  readonly isHonest: boolean;
}

export const BLOCK = 1_000;
/** Event time of the first honest order; the log's time is the same. */
export const START = Date.UTC(2026, 0, 1);
/** Event time between two records. */
export const STEP_MS = 10;

const HONEST_SHARE = 0.3;
/** From fast-check, in each block. */
const ARBITRARY = 60;
/** One record in so many has megabytes. */
const LARGE_EVERY = 25_000;
const LARGE_BYTES = 10_000_000;
/** As `watermark()` grants; a time between the honest ones and that is possible, not bad. */
const MAX_FUTURE_MS = 300_000;
const DEEP = 100_000;

type Random = () => number;
type Order = Record<string, unknown>;

/** Record `index` has the event time `START + index * STEP_MS` when it is honest. */
export function block(seed: number, number: number): FuzzedRecord[] {
  const arbitrary = fc.sample(VALUES, { seed: seed * 1_000_003 + number, numRuns: ARBITRARY });
  return Array.from({ length: BLOCK }, (_, i) => {
    const index = number * BLOCK + i;
    const random = randomAt(seed, index);
    const order = honest(index, random);
    const key = keyOf(order, random);
    const isLarge = index % LARGE_EVERY === LARGE_EVERY - 1;
    if (isLarge) return { key, value: large(Math.floor(index / LARGE_EVERY) % 4, order), isHonest: false };
    if (random() < HONEST_SHARE) return { key, value: Buffer.from(JSON.stringify(order)), isHonest: true };
    let value = i < ARBITRARY ? arbitrary[i] : bad(order, random);
    if (value !== null && isPossible(value, index)) value = Buffer.from('what could be true is no bad input');
    return { key, value, isHonest: false };
  });
}

function honest(index: number, random: Random): Order {
  return {
    order_id: `order-${index}`,
    user_id: `user-${Math.floor(random() * 100)}`,
    product_id: `prod-${1 + Math.floor(random() * 5)}`,
    amount: Math.floor(1_000 + random() * 50_000) / 100,
    timestamp: new Date(START + index * STEP_MS).toISOString(),
  };
}

function keyOf(order: Order, random: Random): Uint8Array | null {
  const chance = random();
  if (chance < 0.01) return null;
  if (chance < 0.02) return bytes(Math.floor(random() * 40), random);
  return Buffer.from(chance < 0.03 ? '' : String(order.order_id));
}

function bad(order: Order, random: Random): Uint8Array | null {
  const way = WAYS[Math.floor(random() * WAYS.length)](order, random);
  return typeof way === 'string' ? Buffer.from(way) : way;
}

/** 10 MB: of garbage, of text that is cut, of brackets, and in a good order, which is late for it is as old as it is large. */
function large(kind: number, order: Order): Uint8Array {
  if (kind === 0) return Buffer.alloc(LARGE_BYTES, 0xfe);
  if (kind === 1) return Buffer.from(`{"order_id":"${'x'.repeat(LARGE_BYTES)}`);
  if (kind === 2) return Buffer.alloc(LARGE_BYTES, '[');
  return Buffer.from(
    JSON.stringify({ ...order, timestamp: '1999-12-31T23:59:59Z', note: 'é'.repeat(LARGE_BYTES / 2) }),
  );
}

/** The text of an order with one field in the words of JSON, which may be none. */
function withField(order: Order, name: string, json: string): string {
  const { [name]: _, ...rest } = order;
  return `{"${name}":${json},${JSON.stringify(rest).slice(1)}`;
}

const FIELDS = ['order_id', 'user_id', 'product_id', 'amount', 'timestamp'];
const WRONG = [
  'null',
  'true',
  '{}',
  '[]',
  '""',
  '0',
  '-1',
  '"1"',
  '[1]',
  '{"a":{}}',
  '1e999',
  '-1e999',
  '1e-999',
  '-0',
];
const NUMBERS = [
  'NaN',
  'Infinity',
  '-Infinity',
  '0x10',
  '1e400',
  '-1e400',
  '1e308',
  '9'.repeat(400),
  '01',
  '.5',
  '+1',
  '1_000',
];
const TIMES = [
  '1735689600',
  '"1735689600"',
  '1735689600000',
  '-1',
  '"2099-01-01T00:00:00.000Z"',
  '"+275760-09-13T00:00:00.000Z"',
  '"+275760-09-13T00:00:00.001Z"',
  '"-000001-01-01T00:00:00.000Z"',
  '"0000-01-01T00:00:00Z"',
  '"1969-12-31T23:59:59.999Z"',
  '"1901-01-01T00:00:00+23:59"',
  '"2024-02-30T00:00:00Z"',
  '"2024-13-01T00:00:00Z"',
  '"yesterday"',
  '"2024-01-01"',
  '""',
];
const PROTOTYPES = [
  '"__proto__":{"amount":5}',
  '"__proto__":null',
  '"__proto__":[]',
  '"constructor":{"prototype":{"polluted":true}}',
  '"prototype":1',
  '"hasOwnProperty":1',
  '"toString":null',
  '"toJSON":"no"',
  '"then":1',
  '"nested":{"__proto__":{"polluted":true}}',
];

/** Each makes a value that is bad in its own way, or good and strange. */
const WAYS: readonly ((order: Order, random: Random) => string | Uint8Array | null)[] = [
  () => null,
  () => '',
  (_, random) => bytes(1 + Math.floor(random() * 300), random),
  (order, random) => flipped(Buffer.from(JSON.stringify(order)), random),
  (order, random) => spliced(Buffer.from(JSON.stringify(order)), random),
  (order, random) => JSON.stringify(order).slice(0, Math.floor(random() * 120)),
  (order) => `${JSON.stringify(order)}${JSON.stringify(order)}`,
  (order) => `\ufeff${JSON.stringify(order)}`,
  (order) => Buffer.from(JSON.stringify(order), 'utf16le'),
  (order, random) =>
    withField(
      past(order),
      pick(PROTOTYPES, random).split(':')[0].slice(1, -1),
      pick(PROTOTYPES, random).split(/:(.*)/s)[1],
    ),
  (order, random) => `{${pick(PROTOTYPES, random)},${JSON.stringify(past(order)).slice(1)}`,
  (order, random) => withField(past(order), pick(FIELDS, random), pick(WRONG, random)),
  (order, random) => withField(order, 'amount', pick(NUMBERS, random)),
  (order, random) => withField(past(order), 'extra', pick([...WRONG, ...NUMBERS], random)),
  (order, random) => withField(order, 'timestamp', pick(TIMES, random)),
  (order, random) => withField(past(order), 'deep', nested(Math.floor(random() * 1_000))),
  (order, random) => (random() < 0.02 ? nested(DEEP) : withField(past(order), pick(FIELDS, random), nested(3))),
  (order) => JSON.stringify({ ...past(order), text: '\ud800\u0000\u2028"\\\b', '': 0, '🦊': ['\uffff'] }),
  (order) => JSON.stringify([order]),
  (_, random) =>
    pick(['null', 'true', '0', '-0', '""', '[]', '{}', ' ', '\n', '"order"', '{', '}', '\\', '\u0000'], random),
];

/** Good, but for its time: it is late wherever a partition has come further. */
function past(order: Order): Order {
  return { ...order, timestamp: '2001-09-09T01:46:40.000Z' };
}

function nested(depth: number): string {
  return depth % 2 === 0 ? `${'['.repeat(depth)}${']'.repeat(depth)}` : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

function bytes(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** Some bits turned round. */
function flipped(value: Uint8Array, random: Random): Uint8Array {
  for (let n = 1 + Math.floor(random() * 4); n > 0; n--) {
    value[Math.floor(random() * value.length)] ^= 1 << Math.floor(random() * 8);
  }
  return value;
}

/** A piece cut out, or written twice. */
function spliced(value: Uint8Array, random: Random): Uint8Array {
  const [a, b] = [random(), random()].map((share) => Math.floor(share * value.length));
  return Buffer.concat([value.subarray(0, a), value.subarray(b)]);
}

function pick<T>(values: readonly T[], random: Random): T {
  return values[Math.floor(random() * values.length)];
}

/** Anything at all that is JSON, and orders whose fields are anything. */
const anything = fc.oneof(
  fc.jsonValue(),
  fc.double(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('prod-1', 10, 'x'),
);
const VALUES: fc.Arbitrary<Uint8Array | null> = fc.oneof(
  fc.json().map((json) => Buffer.from(json)),
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  fc
    .record(Object.fromEntries([...FIELDS, '__proto__x', 'more'].map((name) => [name, anything])), { requiredKeys: [] })
    .map((order) => Buffer.from(JSON.stringify(order).replace('__proto__x', '__proto__'))),
);

/** Whether it could be honest, as far as anybody can tell who does not know the order: its time moves the watermark. */
function isPossible(value: Uint8Array, index: number): boolean {
  if (value.length > LARGE_BYTES / 2) return false;
  const found = /"timestamp"\s*:\s*"([^"]{1,40})"/.exec(
    Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1'),
  );
  const time = found === null ? Number.NaN : parseIso(found[1]);
  const now = START + index * STEP_MS;
  return time > now && time <= now + 2 * MAX_FUTURE_MS;
}
