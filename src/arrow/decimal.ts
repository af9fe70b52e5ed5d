/** Decimals as scaled whole numbers, exactly. */

const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
/** Below it every scaled value of 15 digits has exactly one double, and that double no other decimal of 15 digits. */
const EXACT_DIGITS = 1e15;

const POWERS: readonly number[] = Array.from({ length: 16 }, (_, i) => 10 ** i);

/**
 * `value` × 10^scale when that is a whole number below 10¹⁵ and can be told by arithmetic alone; else NaN.
 * Where m / 10^scale is the double `value` and m has at most 15 digits, m is the value's shortest decimal form.
 */
export function scaledFast(value: number, scale: number): number {
  if (scale >= POWERS.length) return Number.NaN;
  const scaled = Math.round(value * POWERS[scale]);
  return Math.abs(scaled) < EXACT_DIGITS && scaled / POWERS[scale] === value ? scaled : Number.NaN;
}

/** The decimal written in `text` × 10^scale, or in words why there is none. */
export function scaledExact(text: string, scale: number, precision: number): bigint | string {
  const match = FORM.exec(text);
  if (match === null || (match[2] === '' && (match[3] ?? '') === '')) return 'is not a decimal number';
  const [, sign, whole, fraction = '', exponent = '0'] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const shift = scale - fraction.length + Number(exponent);
  if (digits === '') return 0n;
  if (digits.length + shift > precision) return `has more than ${precision - scale} digits before the point`;
  const kept = shift < 0 ? digits.slice(0, shift) : digits + '0'.repeat(shift);
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) return `has more than ${scale} digits behind the point`;
  const magnitude = BigInt(kept === '' ? '0' : kept);
  return sign === '-' ? -magnitude : magnitude;
}
