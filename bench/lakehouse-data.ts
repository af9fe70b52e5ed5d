/** Card transactions for the lakehouse bench, and what every program must make of them. */
import { iso } from 'millrace';
import type { Random } from '../src/core/ports.ts';
import { randomAt } from '../src/core/random.ts';
import { partitionFor } from '../src/log/partitioner.ts';
import { type NewRecord, PARTITIONS } from './topics.ts';

/** By layer, the rows, and the amounts where the layer has any. */
export interface LakehouseTotals {
  bronze: number;
  quarantine: number;
  /** As many as lines of `raw_csv`. */
  silver: number;
  silverCents: number;
  goldCount: number;
  goldCents: number;
  /** `start of the window, card` of the rows of gold. */
  readonly windows: Set<string>;
}

const WINDOW_MS = 60_000;
const RECORD_MS = 2;
const CARDS = 2_000;
const INVALID_SHARE = 0.01;
/** Behind its turn by up to so much: in time for every window under a watermark of five minutes. */
const JITTER_MS = 20_000;
/** The last record of each partition is so much ahead of all others, which closes their windows; its own stays open. */
const AHEAD_MS = 3_600_000;

const MERCHANTS = ['Corner Store', 'Northside Fuel', 'Blue Fork', 'Airline Nine', 'Volt & Wire', 'Cotton Lane'];
const CATEGORIES = ['grocery', 'fuel', 'restaurant', 'travel', 'electronics', 'clothing'];
const CURRENCIES = ['USD', 'EUR', 'GBP', 'INR', 'BRL'];
const STATUSES = ['approved', 'approved', 'approved', 'declined', 'reversed'];
const CITIES = ['Lisbon', 'Pune', 'Malmö', 'Denver', 'Recife'];
const COUNTRIES = ['PT', 'IN', 'SE', 'US', 'BR'];

/** `records` transactions from `start` on, and one for each partition that closes their windows. */
export function* generateTransactions(records: number, start: number): Generator<NewRecord, LakehouseTotals> {
  const totals: LakehouseTotals = {
    bronze: records + PARTITIONS,
    quarantine: 0,
    silver: 0,
    silverCents: 0,
    goldCount: 0,
    goldCents: 0,
    windows: new Set(),
  };
  for (let i = 0; i < records; i++) {
    const random = randomAt(3, i);
    const time = start + i * RECORD_MS - Math.floor(random() * JITTER_MS);
    const made = transaction(i, time, random);
    const isBroken = random() < INVALID_SHARE;
    if (isBroken) totals.quarantine++;
    else count(totals, made, true);
    const key = Buffer.from(made.card);
    const value = Buffer.from(isBroken ? broken(made.fields, i) : JSON.stringify(made.fields));
    yield { key, value, partition: partitionFor(key, PARTITIONS) };
  }
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const i = records + partition;
    const made = transaction(i, start + records * RECORD_MS + AHEAD_MS, randomAt(3, i));
    count(totals, made, false);
    yield { key: Buffer.from(made.card), value: Buffer.from(JSON.stringify(made.fields)), partition };
  }
  return totals;
}

interface Made {
  readonly fields: Readonly<Record<string, string | number>>;
  readonly card: string;
  readonly cents: number;
  readonly time: number;
}

function transaction(i: number, time: number, random: Random): Made {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
  const card = `card-${String(Math.floor(random() * CARDS)).padStart(5, '0')}`;
  const cents = 100 + Math.floor(random() * 200_000);
  const fields = {
    txn_id: `00000000-0000-4000-8000-${i.toString(16).padStart(12, '0')}`,
    event_ts: spelled(time, random),
    user_id: `user-${card.slice(5)}`,
    card_id: card,
    merchant: pick(MERCHANTS),
    category: pick(CATEGORIES),
    amount: cents / 100,
    currency: pick(CURRENCIES),
    status: pick(STATUSES),
    city: pick(CITIES),
    country: pick(COUNTRIES),
    lat: Math.floor(random() * 1_200_000 - 600_000) / 1e4,
    lon: Math.floor(random() * 3_600_000 - 1_800_000) / 1e4,
  };
  return { fields, card, cents, time };
}

function count(totals: LakehouseTotals, { card, cents, time }: Made, closes: boolean): void {
  totals.silver++;
  totals.silverCents += cents;
  if (!closes) return;
  totals.goldCount++;
  totals.goldCents += cents;
  totals.windows.add(`${Math.floor(time / WINDOW_MS)} ${card}`);
}

/** With and without a zone, its colon and microseconds. */
function spelled(time: number, random: Random): string {
  const plain = iso(time).slice(0, -1);
  const micros = String(Math.floor(random() * 1_000)).padStart(3, '0');
  const spellings = [
    `${plain}${micros}+00:00`,
    `${plain}${micros}+0000`,
    `${plain}Z`,
    `${plain}${micros}`,
    `${iso(time + 19_800_000).slice(0, -1)}${micros}+05:30`,
  ];
  return spellings[Math.floor(random() * spellings.length)];
}

function broken(fields: Readonly<Record<string, unknown>>, i: number): string {
  const ways = [
    () => JSON.stringify(fields).slice(0, 40),
    () => 'not a transaction',
    () => JSON.stringify({ ...fields, txn_id: undefined }),
    () => JSON.stringify({ ...fields, event_ts: null }),
  ];
  return ways[i % ways.length]();
}
