/** Transactions of eleven cards: at home mostly, at times in a burst, now and then at the other end of the world. */
import type { GeneratedRecord, Generator, GeneratorTurn, Random } from 'millrace';

const FIRST_CARD = 1_000;
/** Where each card is at home: degrees of latitude and longitude. */
const HOMES: readonly (readonly [lat: number, lon: number])[] = [
  [52.52, 13.4],
  [48.86, 2.35],
  [51.51, -0.13],
  [40.71, -74.01],
  [37.77, -122.42],
  [-23.55, -46.63],
  [19.43, -99.13],
  [35.68, 139.69],
  [28.61, 77.21],
  [-33.87, 151.21],
  [1.35, 103.82],
];
/** Of so many transactions … */
const ROUND = 600;
/** … the first so many are of one card. */
const BURST = 20;
const FAR_SHARE = 0.003;
const JITTER_MS = 3_000;
/** Far too late: behind the watermark. */
const LATE_SHARE = 0.002;
const LATE_MS = 90_000;

const generator: Generator = {
  topic: 'transactions_raw',
  partitions: 3,
  rate: 1,
  backfillMs: 1_800_000,
  badRatio: 0.01,
  description: 'transactions of eleven cards; 20 of every 600 in one burst, 0.3 % far from home, 1 % broken',
  record,
};
export default generator;

function record({ index, time, seed, random, badRatio }: GeneratorTurn): GeneratedRecord {
  const isBurst = index % ROUND < BURST;
  const drawn = Math.floor(random() * HOMES.length);
  const card = isBurst ? (seed + Math.floor(index / ROUND) * 7) % HOMES.length : drawn;
  const isFar = random() < FAR_SHARE;
  // The place opposite in the list is on another continent.
  const [lat, lon] = HOMES[isFar ? (card + 5) % HOMES.length : card];
  const behind = random() < LATE_SHARE ? LATE_MS : random() * JITTER_MS;
  const transaction = {
    transaction_id: uuid(random),
    card_id: FIRST_CARD + card,
    amount: Math.round(1_000 + random() * 99_000) / 100,
    timestamp: time - Math.floor(behind),
    lat: near(lat, random),
    lon: near(lon, random),
  };
  const value = random() < badRatio ? broken(transaction, random) : JSON.stringify(transaction);
  return { key: String(transaction.card_id), value };
}

function near(degrees: number, random: Random): number {
  return Math.round((degrees + (random() - 0.5) / 10) * 1e4) / 1e4;
}

/** The ways in which transactions go wrong. */
function broken(transaction: Readonly<Record<string, unknown>>, random: Random): string {
  const ways: (() => string)[] = [
    () => JSON.stringify({ ...transaction, amount: -1 }),
    () => JSON.stringify({ ...transaction, card_id: String(transaction.card_id) }),
    () => JSON.stringify({ ...transaction, timestamp: 'now' }),
    () => JSON.stringify({ ...transaction, transaction_id: undefined }),
    () => JSON.stringify({ ...transaction, lat: 91 }),
    () => JSON.stringify(transaction).slice(0, 40),
  ];
  return ways[Math.floor(random() * ways.length)]();
}

/** @see RFC 9562, section 5.4 */
function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = '4';
  hex[16] = '89ab'[Math.floor(random() * 4)];
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .map((part) => part.join(''))
    .join('-');
}
