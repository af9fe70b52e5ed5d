/** ISO 8601 to epoch milliseconds and back, faster than Date and stricter. */
import { MAX_TIME } from './windows.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Date and time to the minute; then seconds with a fraction; then a zone. */
const FORM =
  /^(?!-0{6})([+-]\d{6}|\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;
const DATE_ONLY = /^(?!-0{6})([+-]\d{6}|\d{4})-(\d{2})-(\d{2})$/;

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** The last minute that was parsed: records of a stream mostly share it with the one before. */
const PREFIX = 'YYYY-MM-DDTHH:mm:'.length;
let cachedPrefix = 'none';
let cachedMinute = Number.NaN;

/**
 * Epoch milliseconds of an ISO 8601 date and time, or NaN for anything that is not one.
 *
 * Takes `T` or a space, seconds and a fraction or none (cut to milliseconds), `Z`, `±hh:mm`, `±hhmm`, `±hh` or no zone, which
 * means UTC, and a date alone, which means its midnight. Refuses days and hours that do not exist, 24:00, leap seconds and times that no Date can hold.
 *
 * @example
 * ```ts
 * parseIso('2024-02-29T12:00:00.5+01:00'); // 1709204400500
 * parseIso('2024-02-30T12:00:00Z'); // NaN
 * ```
 * @see ISO 8601-1:2019; RFC 3339
 */
export function parseIso(text: unknown): number {
  if (typeof text !== 'string') return Number.NaN;
  // YYYY-MM-DDTHH:mm:ss.sssZ, the form that JSON.stringify gives to a Date.
  if (text.length === 24 && text.charCodeAt(23) === 90 && text.charCodeAt(19) === 46) {
    const fast = parseFixed(text);
    if (!Number.isNaN(fast)) return fast;
  }
  return parseAny(text);
}

function parseFixed(text: string): number {
  // Cut and compared: startsWith takes twice as long.
  if (text.slice(0, PREFIX) !== cachedPrefix) {
    if (text.charCodeAt(16) !== 58) return Number.NaN;
    const minute = parseAny(`${text.slice(0, 16)}Z`);
    if (Number.isNaN(minute)) return minute;
    cachedPrefix = text.slice(0, PREFIX);
    cachedMinute = minute;
  }
  const seconds = digit(text, 17) * 10 + digit(text, 18);
  const millis = digit(text, 20) * 100 + digit(text, 21) * 10 + digit(text, 22);
  return seconds < 60 ? cachedMinute + seconds * 1000 + millis : Number.NaN;
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 48;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}

function parseAny(text: string): number {
  const dated = DATE_ONLY.exec(text);
  if (dated !== null) return inRange(midnight(Number(dated[1]), Number(dated[2]), Number(dated[3])));
  const match = FORM.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = match;
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  if (h > 23 || m > 59 || s > 59) return Number.NaN;
  const millis = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const dayStart = midnight(Number(year), Number(month), Number(day));
  return inRange(dayStart + (h * 60 + m) * MINUTE + s * 1000 + millis - offset(zone));
}

function inRange(time: number): number {
  return Math.abs(time) <= MAX_TIME ? time : Number.NaN;
}

/** Midnight UTC of a day of the proleptic Gregorian calendar, NaN where there is no such day. */
function midnight(year: number, month: number, day: number): number {
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return Number.NaN;
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  const leapDay = month > 2 && isLeap(year) ? 1 : 0;
  const days = before * 365 + leapDays + DAYS_BEFORE_MONTH[month - 1] + leapDay + day - 1;
  return (days - DAYS_TO_EPOCH) * DAY;
}

/** Days from 0001-01-01 to 1970-01-01. */
const DAYS_TO_EPOCH = 719_162;

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Milliseconds east of UTC; NaN for an hour or minute that does not exist. */
function offset(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const digits = zone.replace(':', '');
  const [hours, minutes] = [Number(digits.slice(1, 3)), Number(digits.slice(3, 5) || '0')];
  if (hours > 23 || minutes > 59) return Number.NaN;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE;
}

/** The last time that was written: the records of a chunk are mostly stamped alike. */
let lastTime = Number.NaN;
let lastText = '';
let cachedSecond = Number.NaN;
let cachedText = '';

/**
 * `YYYY-MM-DDTHH:mm:ss.sssZ`, as `Date.prototype.toISOString` gives it.
 *
 * @throws RangeError for a time that no Date can hold
 */
export function iso(time: number): string {
  if (time === lastTime) return lastText;
  const second = Math.floor(time / 1000);
  if (second !== cachedSecond) {
    cachedText = new Date(second * 1000).toISOString().slice(0, -4);
    cachedSecond = second;
  }
  const millis = Math.floor(time - second * 1000);
  lastText = `${cachedText}${millis < 10 ? '00' : millis < 100 ? '0' : ''}${millis}Z`;
  lastTime = time;
  return lastText;
}
