import { beforeAll, describe, expect, it } from 'vitest';
import type { Generator } from 'millrace';
import generator from '../../../pipelines/transactions/generator.ts';
import { Transaction } from '../../../pipelines/transactions/schema.ts';
import { PARAMS } from '../../../pipelines/transactions/settings.ts';
import { randomAt } from '../../../src/core/random.ts';

const TIME = Date.UTC(2024, 1, 29, 12);
const N = 4_000;

const settings = { ...defaults(), showPreviews: false };
let full: Generator;
let small: Generator;
beforeAll(async () => {
  full = await generator.configure(settings);
  small = await generator.configure({ ...settings, topic: 'transactions_raw' });
});

function defaults() {
  const entries = Object.entries(PARAMS).map(([name, param]) => [name, param.default] as const);
  return Object.fromEntries(entries) as { [K in keyof typeof PARAMS]: never };
}

function recordAt(from: Generator, index: number, { seed = 1, badRatio = 0 } = {}): { key: string; value: string } {
  const { key, value } = from.record({ index, time: TIME, seed, random: randomAt(seed, index), badRatio });
  return { key: key!, value: value as string };
}

const recordsOf = (from: Generator, badRatio = 0) =>
  Array.from({ length: N }, (_, index) => recordAt(from, index, { badRatio }));

function isGood(value: string): boolean {
  try {
    return Transaction.safeParse(JSON.parse(value)).success;
  } catch {
    return false;
  }
}

describe('the generator of transactions', () => {
  it('gives the same bytes for the same seed and number, in any order and from another instance, and others for another seed', async () => {
    const numbers = [0, 1, 2, 77, 3_000];
    const forward = numbers.map((index) => recordAt(full, index));
    const again = await generator.configure(settings);
    expect(numbers.toReversed().map((index) => recordAt(again, index))).toEqual(forward.toReversed());
    expect(recordAt(full, 77, { seed: 2 })).not.toEqual(forward[3]);
  });

  it('stays what it was: outputs of a seed can be compared between versions', () => {
    expect([recordAt(full, 0), recordAt(small, 0)]).toMatchInlineSnapshot(`
      [
        {
          "key": "card-0009",
          "value": "{"txn_id":"cc1bb522-7832-4c93-a3f9-de0ac28f0d19","event_ts":"2024-02-29T11:59:56.434Z","user_id":"user-009","card_id":"card-0009","merchant":"Lubowitz Inc","category":"clothing","amount":1334.04,"currency":"BRL","status":"approved","city":"West Reyna","country":"SN","lat":-30.0388,"lon":168.7168}",
        },
        {
          "key": "1000",
          "value": "{"transaction_id":"c1bb5227-832c-4933-b9de-0ac28f0d19b1","card_id":1000,"amount":765.84,"timestamp":1709207985942}",
        },
      ]
    `);
  });

  it('has all thirteen fields, with the card as the key', () => {
    for (const { key, value } of recordsOf(full)) {
      const transaction = JSON.parse(value) as Record<string, unknown>;
      expect(Object.keys(transaction)).toEqual([
        'txn_id',
        'event_ts',
        'user_id',
        'card_id',
        'merchant',
        'category',
        'amount',
        'currency',
        'status',
        'city',
        'country',
        'lat',
        'lon',
      ]);
      expect(key).toBe(transaction.card_id);
    }
  });

  it('gives every transaction an id of its own', () => {
    const ids = recordsOf(full).map(({ value }) => (JSON.parse(value) as { txn_id: string }).txn_id);
    expect(new Set(ids).size).toBe(N);
    expect(ids.every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  });

  it('spells times in all the ways that are to be understood', () => {
    const times = recordsOf(full).map(({ value }) => (JSON.parse(value) as { event_ts: string }).event_ts);
    const forms = new Set(times.map((time) => time.replaceAll(/\d/g, '0')));
    expect([...forms].toSorted()).toEqual([
      '0000-00-00 00:00:00.000000',
      '0000-00-00T00:00:00+00:00',
      '0000-00-00T00:00:00.000000',
      '0000-00-00T00:00:00.000000+0000',
      '0000-00-00T00:00:00.000000+00:00',
      '0000-00-00T00:00:00.000Z',
      '0000-00-00T00:00:00Z',
    ]);
    expect(times.some((time) => time.endsWith('+05:30'))).toBe(true);
  });

  it('lets most of them come less than 20 s behind their turn, and one in two hundred past its window', () => {
    const behind = recordsOf(full).map(({ value }) => TIME - Transaction.parse(JSON.parse(value)).event_time);
    expect(behind.every((ms) => (ms >= 0 && ms < 21_000) || ms > 360_000)).toBe(true);
    const late = behind.filter((ms) => ms > 360_000).length / N;
    expect(late).toBeGreaterThan(0.002);
    expect(late).toBeLessThan(0.01);
  });

  it('breaks as many as it is told, and none of the others', () => {
    for (const shape of [full, small]) {
      expect(recordsOf(shape).every(({ value }) => isGood(value))).toBe(true);
      const bad = recordsOf(shape, 0.05).filter(({ value }) => !isGood(value)).length / N;
      expect(bad).toBeGreaterThan(0.03);
      expect(bad).toBeLessThan(0.07);
    }
  });

  it('makes the smaller record for its topic: eleven cards, 10 to 1,000, and epoch milliseconds', () => {
    const all = recordsOf(small).map(({ key, value }) => {
      const transaction = JSON.parse(value) as Record<string, number>;
      expect(key).toBe(String(transaction.card_id));
      return transaction;
    });
    expect(Object.keys(all[0])).toEqual(['transaction_id', 'card_id', 'amount', 'timestamp']);
    expect(new Set(all.map(({ card_id }) => card_id)).size).toBe(11);
    expect(all.every(({ card_id }) => card_id >= 1_000 && card_id <= 1_010)).toBe(true);
    expect(all.every(({ amount }) => amount >= 10 && amount <= 1_000)).toBe(true);
    expect(all.every(({ timestamp }) => timestamp > TIME - 500_000 && timestamp <= TIME)).toBe(true);
  });

  it('keeps the pace that it is told, else five a second, and one for the smaller record', async () => {
    expect([full.rate, small.rate]).toEqual([5, 1]);
    expect((await generator.configure({ ...settings, msgsPerSec: 12.5 })).rate).toBe(12.5);
    expect((await generator.configure({ ...settings, shape: 'small' })).rate).toBe(1);
    expect((await generator.configure({ ...settings, topic: 'transactions_raw', shape: 'full' })).rate).toBe(5);
  });

  it('tells of every fiftieth, or of each one of the smaller record, which has a spool of its own', () => {
    const { key, value } = recordAt(small, 0);
    expect(full.progress?.every).toBe(50);
    expect(full.progress?.line(100, { key, value })).toBe('[producer] sent 100 messages');
    expect(small.progress?.line(1, { key, value })).toBe(`Sent: ${value}`);
    expect([full.compression, full.spool, small.spool]).toEqual(['gzip', undefined, 'buffer.jsonl']);
  });
});
