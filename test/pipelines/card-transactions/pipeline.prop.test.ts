import * as fc from 'fast-check';
import { iso } from 'millrace';
import { chunkingOf, CrashStore, TestDriver, type TestRecord } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import pipeline from '../../../pipelines/card-transactions/pipeline.ts';

const T0 = 1_704_067_200_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const MAX_PER_MINUTE = 2;
const MAX_KMH = 900;
const RUNS = { numRuns: 20, seed: 20_240_106 };

interface Sent {
  readonly transaction_id: string;
  readonly card_id: number;
  readonly amount: number;
  readonly timestamp: number;
  readonly lat?: number;
  readonly lon?: number;
}

type Alert = Readonly<Record<string, unknown>> & { readonly card_id: number };

/** Every rule as it stands in the README, over all that a card has done, without a state that is pruned. */
class NaiveCard {
  readonly alerts: Alert[] = [];
  private history: Sent[] = [];
  private burst: { sent: Sent[]; calmAt: number } | undefined;

  take(sent: Sent, watermark: number): void {
    this.timePasses(watermark);
    const time = sent.timestamp;
    const before = this.history;
    this.history = [...before, sent];
    const minute = this.history.filter(
      (each) => each.timestamp > time - MINUTE && each.timestamp <= time && each.timestamp > watermark - MINUTE,
    );
    // A transaction that is late itself counts itself.
    if (!minute.includes(sent)) minute.push(sent);
    const { card_id, transaction_id } = sent;
    if (minute.length > MAX_PER_MINUTE) {
      if (this.burst === undefined) {
        const facts = { at: iso(time), transaction_id, count: minute.length, total: sum(minute) };
        this.alerts.push({ rule: 'many-in-a-minute', card_id, ...facts });
        this.burst = { sent: [], calmAt: Number.NEGATIVE_INFINITY };
      }
      this.burst.sent.push(sent);
      this.burst.calmAt = Math.max(this.burst.calmAt, time + MINUTE);
    }
    this.compare(sent, before);
    this.timePasses(watermark);
  }

  timePasses(watermark: number): void {
    if (this.burst !== undefined && this.burst.calmAt <= watermark) {
      const { sent, calmAt } = this.burst;
      const times = sent.map(({ timestamp }) => timestamp).toSorted((a, b) => a - b);
      const span = { at: iso(calmAt), from: iso(times[0]), to: iso(times.at(-1)!) };
      this.alerts.push({ rule: 'burst-over', card_id: sent[0].card_id, ...span, count: sent.length, total: sum(sent) });
      this.burst = undefined;
    }
    const seenAt = Math.max(...this.history.map(({ timestamp }) => timestamp));
    if (seenAt + DAY <= watermark) this.history = [];
  }

  private compare(sent: Sent, before: readonly Sent[]): void {
    const placed = before.filter(({ lat, lon }) => lat !== undefined && lon !== undefined);
    if (sent.lat === undefined || sent.lon === undefined || placed.length === 0) return;
    const greatest = Math.max(...placed.map(({ timestamp }) => timestamp));
    const last = placed.findLast(({ timestamp }) => timestamp === greatest)!;
    const km = chord(last as Required<Sent>, sent as Required<Sent>);
    const ms = Math.max(1_000, Math.abs(sent.timestamp - greatest));
    const kmh = (km / ms) * 3_600_000;
    if (km <= 50 || kmh <= MAX_KMH) return;
    const { card_id, transaction_id, timestamp } = sent;
    const facts = { km: tenth(km), minutes: tenth(ms / MINUTE), kmh: Math.round(kmh) };
    const ids = { transaction_id, other_transaction_id: last.transaction_id };
    this.alerts.push({ rule: 'far-apart', card_id, at: iso(timestamp), ...ids, ...facts });
  }
}

/** The same distance by another way: the angle between two vectors. */
function chord(a: Required<Sent>, b: Required<Sent>): number {
  const [u, v] = [a, b].map(({ lat, lon }) => {
    const [phi, lambda] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180];
    return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
  });
  const cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  return 6_371.0088 * Math.atan2(Math.hypot(...cross), u[0] * v[0] + u[1] * v[1] + u[2] * v[2]);
}

function sum(all: readonly Sent[]): number {
  return Math.round(all.reduce((cents, { amount }) => cents + amount * 100, 0)) / 100;
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

/** By card. */
function expected(all: readonly Sent[]): Record<string, Alert[]> {
  const cards = new Map<number, NaiveCard>();
  let watermark = Number.NEGATIVE_INFINITY;
  for (const sent of all) {
    const card = cards.get(sent.card_id) ?? new NaiveCard();
    cards.set(sent.card_id, card);
    card.take(sent, watermark);
    watermark = Math.max(watermark, sent.timestamp - 5_000);
  }
  for (const card of cards.values()) card.timePasses(Number.POSITIVE_INFINITY);
  return Object.fromEntries(
    [...cards].filter(([, { alerts }]) => alerts.length > 0).map(([id, { alerts }]) => [id, alerts]),
  );
}

const PLACES: readonly (readonly [number, number])[] = [
  [52.52, 13.4],
  [52.9, 13.5],
  [48.86, 2.35],
  [-33.87, 151.21],
  [90, 0],
];

const sequences = fc.array(
  fc.record({
    card: fc.constantFrom(1000, 1001, 1002, 1003),
    /** Behind the one before it, now and then by hours. */
    stepMs: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: -4_000, max: 25_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: -100_000, max: 4_000_000 }) },
      { weight: 1, arbitrary: fc.constantFrom(80_000_000, 87_000_000, -90_000_000) },
    ),
    cents: fc.integer({ min: 1, max: 90_000 }),
    place: fc.option(fc.constantFrom(...PLACES), { nil: undefined }),
  }),
  { minLength: 10, maxLength: 120, size: 'max' },
);

const days = sequences.chain((steps) => {
  let time = T0;
  const all = steps.map(({ card, stepMs, cents, place }, i): Sent => {
    time += stepMs;
    const where = place && { lat: place[0], lon: place[1] };
    return { transaction_id: `t${i}`, card_id: card, amount: cents / 100, timestamp: time, ...where };
  });
  const cuts = fc.array(fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'stop', 'crash'), {
    minLength: all.length,
    maxLength: all.length,
  });
  return fc.record({ all: fc.constant(all), sizes: chunkingOf(all.length), cuts });
});

const options = {
  params: { maxPerMinute: MAX_PER_MINUTE, maxKmh: MAX_KMH },
  maxChunkRecords: 4,
  maxStateEntries: 2,
};

function recordOf(sent: Sent): TestRecord {
  return { key: String(sent.card_id), value: sent };
}

async function alertsOf(driver: TestDriver): Promise<Record<string, Alert[]>> {
  const groups: Record<string, Alert[]> = {};
  for (const alert of (await driver.readJson('card-alerts')) as Alert[]) (groups[alert.card_id] ??= []).push(alert);
  return groups;
}

describe('card-transactions', () => {
  it('raises the alerts that plain arrays do, whatever is out of order, late, stopped or killed', async () => {
    let raised = 0;
    await fc.assert(
      fc.asyncProperty(days, async ({ all, sizes, cuts }) => {
        let store = new CrashStore();
        // Nothing of the future is turned away; of one partition, none is left out of the watermark for being idle.
        const startAt = T0 + 1e12;
        let driver = new TestDriver(pipeline, { ...options, store, startAt });
        await driver.createTopic('transactions_raw', 1);
        await driver.start();
        let at = 0;
        for (const [i, size] of sizes.entries()) {
          await driver.append('transactions_raw', all.slice(at, (at += size)).map(recordOf));
          await driver.advance(cuts[i] === 'none' ? 20 : 400);
          if (cuts[i] === 'none') continue;
          if (cuts[i] === 'crash') store.crash();
          await driver.stop().catch(() => {});
          if (cuts[i] === 'crash') store = store.reopen();
          const { disk } = driver;
          driver = new TestDriver(pipeline, { ...options, store, disk, startAt: driver.clock.now() });
          await driver.start();
        }
        await driver.settle();
        await driver.stop();
        await driver.start('drain');
        await driver.finish();
        const alerts = await alertsOf(driver);
        raised += Object.values(alerts).flat().length;
        expect(alerts).toEqual(expected(all));
        expect(await driver.read('card-transactions-dlq')).toEqual([]);
      }),
      RUNS,
    );
    expect(raised).toBeGreaterThan(200);
  }, 120_000);
});
