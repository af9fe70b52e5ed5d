/**
 * Card transactions as terminals send them, with times in several spellings: most of them good, some broken, some out of
 * order, a few too late. Or the smaller record, of eleven cards.
 */
import type { Faker } from '@faker-js/faker';
import { type ConfigurableGenerator, type GeneratedRecord, type Generator, iso, type Random } from 'millrace';
import { PARAMS, RAW_TOPIC } from './settings.ts';

const CARDS = 200;
const CATEGORIES = ['grocery', 'fuel', 'restaurant', 'travel', 'electronics', 'clothing', 'health', 'entertainment'];
const STATUSES = [...new Array<string>(18).fill('approved'), 'declined', 'reversed'];
const FIRST_SMALL_CARD = 1_000;
const SMALL_CARDS = 11;

/** Transactions come up to so much behind their turn … */
const JITTER_MS = 20_000;
/** … and one in two hundred so much, past every window that it belongs to. */
const VERY_LATE_SHARE = 0.005;
const VERY_LATE_MS = 480_000;

const generator: ConfigurableGenerator<typeof PARAMS> = {
  description: 'card transactions in several spellings of time; 1 % broken, some out of order, 0.5 % late',
  async configure({ topic, msgsPerSec, shape }) {
    const isSmall = shape === 'small' || (shape === 'auto' && topic === RAW_TOPIC);
    const common = { topic, partitions: 3, backfillMs: 900_000, badRatio: 0.01, lingerMs: 50 };
    const { description } = generator;
    const rate = msgsPerSec === 0 ? undefined : msgsPerSec;
    if (isSmall) return { ...SMALL, ...common, description, rate: rate ?? SMALL.rate };
    return { ...(await fullGenerator()), ...common, description, rate: rate ?? FULL_RATE };
  },
};
export default generator;

type Shape = Pick<Generator, 'record' | 'progress' | 'compression' | 'spool'>;

const FULL_RATE = 5;

/** `{"transaction_id":"…","card_id":1004,"amount":512.4,"timestamp":1709208000000}` */
const SMALL = {
  rate: 1,
  spool: 'buffer.jsonl',
  progress: { every: 1, line: (_, { value }) => `Sent: ${String(value)}` },
  record({ time, random, badRatio }) {
    const card_id = FIRST_SMALL_CARD + Math.floor(random() * SMALL_CARDS);
    const amount = Math.round(1_000 + random() * 99_000) / 100;
    const transaction = { transaction_id: uuid(random), card_id, amount, timestamp: time - behind(random) };
    const value = random() < badRatio ? broken(transaction, random) : JSON.stringify(transaction);
    return { key: String(card_id), value };
  },
} as const satisfies Shape & { rate: number };

/** Loads what makes up people and places. */
async function fullGenerator(): Promise<Shape> {
  const { faker } = await import('@faker-js/faker/locale/en');
  let source: Random = () => 0;
  const randomizer = { next: () => source(), seed: () => {} };
  // The class itself stands in an entry that loads every language.
  const local = new (faker.constructor as typeof Faker)({ locale: faker.rawDefinitions, randomizer });
  const holders = new Map<string, Holder>();
  const holderOf = (seed: number, card: number): Holder => {
    const name = `${seed}/${card}`;
    const known = holders.get(name);
    if (known !== undefined) return known;
    faker.seed([seed, card]);
    const holder = holderFrom(faker, card);
    holders.set(name, holder);
    return holder;
  };
  return {
    compression: 'gzip',
    progress: { every: 50, line: (sent) => `[producer] sent ${sent} messages` },
    record({ time, seed, random, badRatio }): GeneratedRecord {
      source = random;
      const holder = holderOf(seed, Math.floor(random() * CARDS));
      const transaction = {
        txn_id: local.string.uuid(),
        event_ts: spelled(time - behind(random), random),
        user_id: holder.user_id,
        card_id: holder.card_id,
        merchant: local.company.name(),
        category: CATEGORIES[Math.floor(random() * CATEGORIES.length)],
        amount: Number(local.finance.amount({ min: 1, max: 2_000, dec: 2 })),
        currency: holder.currency,
        status: STATUSES[Math.floor(random() * STATUSES.length)],
        city: holder.city,
        country: holder.country,
        lat: near(holder.lat, random),
        lon: near(holder.lon, random),
      };
      const value = random() < badRatio ? broken(transaction, random) : JSON.stringify(transaction);
      return { key: holder.card_id, value };
    },
  };
}

/** Who has the card, and where it is used. */
interface Holder {
  readonly user_id: string;
  readonly card_id: string;
  readonly currency: string;
  readonly city: string;
  readonly country: string;
  readonly lat: number;
  readonly lon: number;
}

function holderFrom(faker: Faker, card: number): Holder {
  return {
    user_id: `user-${String(card + 1).padStart(3, '0')}`,
    card_id: `card-${String(card + 1).padStart(4, '0')}`,
    currency: faker.helpers.arrayElement(['USD', 'EUR', 'GBP', 'INR', 'BRL']),
    city: faker.location.city(),
    country: faker.location.countryCode(),
    lat: faker.location.latitude({ min: -60, max: 70 }),
    lon: faker.location.longitude(),
  };
}

function near(degrees: number, random: Random): number {
  return Math.round((degrees + (random() - 0.5) / 10) * 1e4) / 1e4;
}

function behind(random: Random): number {
  return Math.floor(random() < VERY_LATE_SHARE ? VERY_LATE_MS : random() * JITTER_MS);
}

/** One time in one of the ways in which producers write it. */
function spelled(time: number, random: Random): string {
  const [second, zulu] = iso(time).split('.');
  const micros = `${zulu.slice(0, 3)}${String(Math.floor(random() * 1_000)).padStart(3, '0')}`;
  const east = iso(time + 19_800_000).slice(0, 19);
  const spellings = [
    `${second}.${micros}+00:00`,
    `${second}.${micros}+0000`,
    `${second}+00:00`,
    `${second}.${zulu}`,
    `${second}Z`,
    `${second}.${micros}`,
    `${second.replace('T', ' ')}.${micros}`,
    `${east}.${micros}+05:30`,
  ];
  return spellings[Math.floor(random() * spellings.length)];
}

/** The ways in which transactions go wrong. */
function broken(transaction: Readonly<Record<string, unknown>>, random: Random): string {
  const text = JSON.stringify(transaction);
  const [id, time] = 'txn_id' in transaction ? ['txn_id', 'event_ts'] : ['transaction_id', 'timestamp'];
  const ways: (() => string)[] = [
    () => text.slice(0, 40),
    () => '',
    () => 'not a transaction',
    () => `[${text}]`,
    () => JSON.stringify({ ...transaction, [id]: undefined }),
    () => JSON.stringify({ ...transaction, [time]: null }),
    () => JSON.stringify({ ...transaction, [time]: 'yesterday' }),
    () => JSON.stringify({ ...transaction, amount: String(transaction.amount) }),
  ];
  return ways[Math.floor(random() * ways.length)]();
}

const HEX = '0123456789abcdef';

function uuid(random: Random): string {
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replaceAll(/[xy]/g, (place) => {
    const nibble = Math.floor(random() * 16);
    return HEX[place === 'x' ? nibble : 8 + (nibble % 4)];
  });
}
