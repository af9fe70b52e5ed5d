/** Durations as people write them: `30 seconds`. */

const MS: Readonly<Record<string, number>> = {
  ms: 1,
  millisecond: 1,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

const FORM = /^\s*(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/i;
const PART = /(\d+(?:\.\d+)?)\s*([a-z]+)/gi;

/**
 * Milliseconds of a duration in words, or NaN for anything that is not one.
 *
 * Takes numbers with units from milliseconds to days, short or long, in singular or plural, one after the other.
 *
 * @example
 * ```ts
 * parseDuration('30 seconds'); // 30000
 * parseDuration('1 minute 30 s'); // 90000
 * parseDuration('30'); // NaN
 * ```
 */
export function parseDuration(text: string): number {
  if (!FORM.test(text)) return Number.NaN;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) {
    const word = unit.toLowerCase();
    const name = Object.hasOwn(MS, word) ? word : word.replace(/s$/, '');
    total += Object.hasOwn(MS, name) ? Number(amount) * MS[name] : Number.NaN;
  }
  return total;
}
