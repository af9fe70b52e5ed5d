/** Exact sums: of doubles, as expansions, and of money, as whole cents. */

/**
 * Sums of doubles without rounding until the end: an accumulator is a list of doubles that do not overlap, whose exact sum
 * is the sum of all that was added. A typical one has one to three.
 *
 * @see J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997
 */
export const ExactSum = {
  /** Adds in place and returns `partials`. NaN and infinities are kept in front, where they decide the total. */
  add(this: void, partials: number[], value: number): number[] {
    if (!Number.isFinite(value) || (partials.length > 0 && !Number.isFinite(partials[0]))) {
      partials.unshift(partials.length > 0 && !Number.isFinite(partials[0]) ? partials.shift()! + value : value);
      return partials;
    }
    let x = value;
    let kept = 0;
    for (const partial of partials) {
      const [large, small] = Math.abs(x) >= Math.abs(partial) ? [x, partial] : [partial, x];
      const high = large + small;
      if (!Number.isFinite(high)) {
        partials.length = 0;
        partials.push(high);
        return partials;
      }
      const low = small - (high - large);
      if (low !== 0) partials[kept++] = low;
      x = high;
    }
    partials.length = kept;
    partials.push(x);
    return partials;
  },

  /** The exact sum, rounded once. */
  total(this: void, partials: readonly number[]): number {
    if (partials.length === 0) return 0;
    if (!Number.isFinite(partials[0])) return partials[0];
    let i = partials.length - 1;
    let high = partials[i];
    let low = 0;
    while (i > 0 && low === 0) {
      const x = high;
      const y = partials[--i];
      high = x + y;
      low = y - (high - x);
    }
    // Half-way cases look at the sign of what lies below, so that the result is the nearest double.
    if (i > 0 && low < 0 === partials[i - 1] < 0 && low !== 0 && partials[i - 1] !== 0) {
      const doubled = low * 2;
      const rounded = high + doubled;
      if (doubled === rounded - high) return rounded;
    }
    return high;
  },
};

/** Cents: a whole number while it is a safe one, a bigint beyond. */
export type MoneySum = number | bigint;

export function addMoney(cents: MoneySum, amount: number): MoneySum {
  return mergeMoney(cents, centsOf(amount));
}

export function mergeMoney(a: MoneySum, b: MoneySum): MoneySum {
  if (typeof a === 'number' && typeof b === 'number') {
    const total = a + b;
    if (Number.isSafeInteger(total)) return total;
  }
  const total = BigInt(a) + BigInt(b);
  return total >= -MAX_SAFE && total <= MAX_SAFE ? Number(total) : total;
}

export function moneyTotal(cents: MoneySum): number {
  return Number(cents) / 100;
}

/** Mean in units, rounded to cents half away from zero; NaN for no value. */
export function moneyAverage(cents: MoneySum, n: number): number {
  if (n === 0) return Number.NaN;
  const [total, count] = [BigInt(cents), BigInt(n)];
  const magnitude = ((total < 0n ? -total : total) * 2n + count) / (count * 2n);
  return Number(total < 0n ? -magnitude : magnitude) / 100;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
/** Closer to a half cent than this, the product with 100 may have been rounded across it. */
const DOUBT = 1e-3;
/** Above it, that doubt is larger than a double's own error no more. */
const MAX_QUICK_CENTS = 1e11;

/**
 * An amount in cents, half away from zero, as the amount reads in decimal: 1.005 is 101 cents although the double lies below.
 * @throws TypeError for an amount that is not finite
 */
function centsOf(amount: number): MoneySum {
  const product = amount * 100;
  if (Math.abs(product) < MAX_QUICK_CENTS) {
    const whole = Math.round(product);
    if (Math.abs(Math.abs(product - whole) - 0.5) > DOUBT) return whole;
  }
  if (!Number.isFinite(amount))
    throw new TypeError(`an amount of money must be a finite number, not ${String(amount)}`);
  return decimalCents(amount);
}

function decimalCents(amount: number): MoneySum {
  const text = Math.abs(amount).toString();
  const sign = amount < 0 ? -1n : 1n;
  // Doubles from 1e21 on are written with an exponent and are whole; those below 1e-6 are no cent.
  if (text.includes('e')) return Math.abs(amount) < 1 ? 0 : sign * BigInt(Math.abs(amount)) * 100n;
  const [units, fraction = ''] = text.split('.');
  const thousandths = BigInt(units + fraction.padEnd(3, '0').slice(0, 3));
  return mergeMoney(0, sign * ((thousandths + 5n) / 10n));
}
