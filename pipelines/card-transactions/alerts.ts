/** What is suspicious about a card: many transactions in a minute, and two that are too far apart for the time between them. */
import { iso } from 'millrace';
import type { KeyedContext } from 'millrace/operators';
import { distanceKm, type Place } from './places.ts';
import type { Transaction } from './schema.ts';

export interface Rules {
  /** More transactions of a card in a minute than this are many. */
  readonly maxPerMinute: number;
  /** Faster than this nobody travels, km/h. */
  readonly maxKmh: number;
}

interface AlertOf<R extends string> {
  readonly rule: R;
  readonly card_id: number;
  /** Event time, ISO 8601. */
  readonly at: string;
}

/** A card has just had more than `maxPerMinute` transactions; one alert a burst. */
export interface ManyInAMinute extends AlertOf<'many-in-a-minute'> {
  readonly transaction_id: string;
  /** Within the minute that ends with this transaction. */
  readonly count: number;
  readonly total: number;
}

/** A minute has gone by without another transaction too many. */
export interface BurstOver extends AlertOf<'burst-over'> {
  readonly from: string;
  readonly to: string;
  /** From the first alert on. */
  readonly count: number;
  readonly total: number;
}

/** Two transactions that one card cannot have made. */
export interface FarApart extends AlertOf<'far-apart'> {
  readonly transaction_id: string;
  readonly other_transaction_id: string;
  readonly km: number;
  readonly minutes: number;
  readonly kmh: number;
}

export type Alert = ManyInAMinute | BurstOver | FarApart;

/** What is known of a card: its last minute, where it was seen last, and the burst that goes on. */
export interface CardState {
  /** By time; fewer than `KEPT`. */
  recent: { readonly time: number; readonly cents: number }[];
  last: (Place & { readonly time: number; readonly id: string }) | undefined;
  burst: { from: number; to: number; count: number; cents: number } | undefined;
  /** The greatest time of any transaction. */
  seenAt: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A card that is silent for so long is forgotten. */
export const FORGET_MS = 24 * HOUR_MS;
/** A count does not go beyond this: more are many. */
export const KEPT = 200;
/** Within this distance terminals are neighbours, whatever their clocks say … */
const NEAR_KM = 50;
/** … which differ by so much. */
const CLOCKS_MS = 1_000;

export function newCard(): CardState {
  return { recent: [], last: undefined, burst: undefined, seenAt: Number.NEGATIVE_INFINITY };
}

/** Looks at one transaction; see the README for what is promised of those that are out of order. */
export function check(
  transaction: Transaction,
  context: KeyedContext<number, CardState>,
  rules: Rules,
): (ManyInAMinute | FarApart)[] {
  const { state, time } = context;
  state.seenAt = Math.max(state.seenAt, time);
  context.setTimer('forget', state.seenAt + FORGET_MS);
  const alerts = [manyInAMinute(transaction, context, rules), farApart(transaction, state, time, rules)];
  return alerts.filter((alert) => alert !== undefined);
}

function manyInAMinute(
  { transaction_id, card_id, amount }: Transaction,
  context: KeyedContext<number, CardState>,
  { maxPerMinute }: Rules,
): ManyInAMinute | undefined {
  const { state, time, watermark } = context;
  const own = { time, cents: Math.round(amount * 100) };
  const known = state.recent.filter((each) => each.time > watermark - MINUTE_MS);
  const behind = known.findIndex((each) => each.time > time);
  known.splice(behind < 0 ? known.length : behind, 0, own);
  state.recent = known.slice(1 - KEPT);
  const minute = known.filter((each) => each.time > time - MINUTE_MS && each.time <= time);
  if (minute.length <= maxPerMinute) return undefined;
  const { burst } = state;
  const calmAt = Math.max(context.timer('calm') ?? Number.NEGATIVE_INFINITY, time + MINUTE_MS);
  context.setTimer('calm', calmAt);
  if (burst !== undefined) {
    burst.from = Math.min(burst.from, time);
    burst.to = Math.max(burst.to, time);
    burst.count++;
    burst.cents += own.cents;
    return undefined;
  }
  state.burst = { from: time, to: time, count: 1, cents: own.cents };
  const cents = minute.reduce((sum, each) => sum + each.cents, 0);
  const facts = { transaction_id, count: minute.length, total: cents / 100 };
  return { rule: 'many-in-a-minute', card_id, at: iso(time), ...facts };
}

/** Compares with the last place in time that the card was seen at. */
function farApart(
  { transaction_id, card_id, lat, lon }: Transaction,
  state: CardState,
  time: number,
  { maxKmh }: Rules,
): FarApart | undefined {
  if (lat === undefined || lon === undefined) return undefined;
  const { last } = state;
  if (last === undefined || time >= last.time) state.last = { lat, lon, time, id: transaction_id };
  if (last === undefined) return undefined;
  const km = distanceKm(last, { lat, lon });
  const apartMs = Math.max(CLOCKS_MS, Math.abs(time - last.time));
  const kmh = km / (apartMs / HOUR_MS);
  if (km <= NEAR_KM || kmh <= maxKmh) return undefined;
  const facts = { km: rounded(km), minutes: rounded(apartMs / MINUTE_MS), kmh: Math.round(kmh) };
  return { rule: 'far-apart', card_id, at: iso(time), transaction_id, other_transaction_id: last.id, ...facts };
}

/** The burst is over, or the card has been silent for long enough. */
export function ring(name: string, { key, time, state, clear }: KeyedContext<number, CardState>): BurstOver[] {
  if (name === 'forget') {
    clear();
    return [];
  }
  const { from, to, count, cents } = state.burst!;
  state.burst = undefined;
  return [{ rule: 'burst-over', card_id: key, at: iso(time), from: iso(from), to: iso(to), count, total: cents / 100 }];
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
