/** Exact sums: of doubles, as expansions, and of money, as whole cents. */

/**
 * Sums of doubles without rounding until the end. An accumulator holds, in front, how many times 2^1024 was carried over
 * (or what NaN and infinities add up to), then doubles that do not overlap: all of it together is exactly the sum of all
 * that was added. A typical one has one to three.
 *
 * @see J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997
 */
export const ExactSum = {
  init(this: void): number[] {
    return [0];
  },

  /** Adds in place and returns `partials`. */
  add(this: void, partials: number[], value: number): number[] {
    if (!Number.isFinite(value)) {
      partials[0] = Number.isFinite(partials[0]) ? value : partials[0] + value;
      return partials;
    }
    let x = value;
    let kept = 1;
    for (let i = 1; i < partials.length; i++) {
      let y = partials[i];
      let high = x + y;
      if (!Number.isFinite(high)) {
        const carry = high > 0 ? 1 : -1;
        if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
        // In two steps, as 2^1024 is no double; both are exact.
        x = x - carry * HALF_CARRY - carry * HALF_CARRY;
        partials[0] += carry;
        high = x + y;
      }
      const low = Math.abs(x) >= Math.abs(y) ? y - (high - x) : x - (high - y);
      if (low !== 0) partials[kept++] = low;
      x = high;
    }
    partials[kept++] = x;
    partials.length = kept;
    return partials;
  },

  /** Adds `b` to `a` in place and returns `a`. */
  merge(this: void, a: number[], b: readonly number[]): number[] {
    a[0] += b[0];
    for (let i = 1; i < b.length; i++) ExactSum.add(a, b[i]);
    return a;
  },

  /** The exact sum, rounded once; infinite beyond the largest double. */
  total(this: void, partials: readonly number[]): number {
    const carried = partials[0];
    if (carried === 0) return rounded(partials);
    if (!Number.isFinite(carried)) return carried;
    if (Math.abs(carried) > 1) return carried * Number.POSITIVE_INFINITY;
    // One carry may leave a double after all: the sum of all halves tells. What is tiny decides on rounding by its sign only.
    const halves = ExactSum.init();
    for (let i = 1; i < partials.length; i++) {
      ExactSum.add(halves, Math.abs(partials[i]) < TINY ? partials[i] : partials[i] / 2);
    }
    ExactSum.add(halves, carried * HALF_CARRY);
    return halves[0] === 0 ? rounded(halves) * 2 : halves[0] * Number.POSITIVE_INFINITY;
  },
};

const HALF_CARRY = 2 ** 1023;
const TINY = 2 ** -1000;

/** Sum of doubles that do not overlap, the nearest double to it. */
function rounded(partials: readonly number[]): number {
  let i = partials.length - 1;
  if (i < 1) return 0;
  let high = partials[i];
  let low = 0;
  while (i > 1 && low === 0) {
    const x = high;
    const y = partials[--i];
    high = x + y;
    low = y - (high - x);
  }
  // Half-way cases look at the sign of what lies below.
  if (i > 1 && low !== 0 && low < 0 === partials[i - 1] < 0) {
    const doubled = low * 2;
    const further = high + doubled;
    if (doubled === further - high) return further;
  }
  // One zero, whatever the order of 0 and −0.
  return high + 0;
}

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
