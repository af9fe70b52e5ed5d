import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { KEPT } from '../../../pipelines/card-transactions/alerts.ts';
import generator from '../../../pipelines/card-transactions/generator.ts';
import pipeline from '../../../pipelines/card-transactions/pipeline.ts';
import { Transaction } from '../../../pipelines/card-transactions/schema.ts';
import { randomAt } from '../../../src/core/random.ts';

const T0 = 1_704_067_200_000;

interface Alert {
  readonly rule: string;
  readonly card_id: number;
  readonly count: number;
}

function generated(index: number, badRatio: number): { key: string; value: string; time: number } {
  const time = T0 + index * 1_000;
  const { key, value } = generator.record({ index, time, seed: 1, random: randomAt(1, index), badRatio });
  return { key: key!, value: value as string, time };
}

async function alertsOf(records: readonly { key: string; value: unknown }[]): Promise<Alert[]> {
  const driver = new TestDriver(pipeline, { startAt: T0 + 86_400_000 });
  await driver.createTopic('transactions_raw', 1);
  await driver.append('transactions_raw', records);
  await driver.start('drain');
  await driver.finish();
  return (await driver.readJson('card-alerts')) as Alert[];
}

describe('card-transactions', () => {
  it('finds every burst that the generator makes, and cards at the other end of the world', async () => {
    const alerts = await alertsOf(Array.from({ length: 3_000 }, (_, i) => generated(i, 0.01)));
    const bursts = alerts.filter(({ rule }) => rule === 'many-in-a-minute');
    expect(new Set(bursts.map(({ card_id }) => card_id)).size).toBe(5);
    expect(bursts.length).toBeLessThan(8);
    expect(alerts.filter(({ rule }) => rule === 'burst-over')).toHaveLength(bursts.length);
    expect(alerts.filter(({ rule }) => rule === 'far-apart').length).toBeGreaterThan(5);
  });

  it('keeps so much of a card and no more, and still sees a burst that goes on', async () => {
    const burst = Array.from({ length: KEPT * 3 }, (_, i) => ({
      key: '1000',
      value: { transaction_id: `t${i}`, card_id: 1_000, amount: 1, timestamp: T0 + i },
    }));
    expect(await alertsOf(burst)).toMatchObject([
      { rule: 'many-in-a-minute', count: 16 },
      { rule: 'burst-over', count: KEPT * 3 - 15, total: KEPT * 3 - 15 },
    ]);
  });

  it('turns away what is no transaction, and says why', async () => {
    const driver = new TestDriver(pipeline, { startAt: T0 });
    await driver.start();
    const good = { transaction_id: 't', card_id: 1, amount: 1, timestamp: T0 };
    const bad = [
      { ...good, amount: 0 },
      { ...good, card_id: '1' },
      { ...good, lat: 91 },
      { ...good, timestamp: 'now' },
    ];
    await driver.append(
      'transactions_raw',
      [good, ...bad, 'broken'].map((value) => ({ value })),
    );
    await driver.settle();
    expect(await driver.read('card-transactions-dlq')).toHaveLength(5);
    await driver.stop();
  });
});

describe('the generator of card transactions', () => {
  it('gives the same bytes for the same number, keyed by card, and breaks none when it is told so', () => {
    for (let i = 0; i < 2_000; i++) {
      const record = generated(i, 0);
      expect(generated(i, 0)).toEqual(record);
      const transaction = Transaction.parse(JSON.parse(record.value));
      expect(record.key).toBe(String(transaction.card_id));
      expect(transaction.timestamp).toBeLessThanOrEqual(record.time);
    }
  });

  it('breaks about one in a hundred', () => {
    const isGood = ({ value }: { value: string }): boolean => {
      try {
        return Transaction.safeParse(JSON.parse(value)).success;
      } catch {
        return false;
      }
    };
    const bad = Array.from({ length: 10_000 }, (_, i) => generated(i, 0.01)).filter((record) => !isGood(record));
    expect(bad.length).toBeGreaterThan(60);
    expect(bad.length).toBeLessThan(140);
  });
});
