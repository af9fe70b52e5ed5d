/** Numbers of JSON from bytes, those that simple arithmetic gives exactly. */

/** Below it every whole number is a double, and so is every quotient by a power of ten rounded as JSON.parse rounds it. */
const EXACT = 1e15;
/** 10²² is the last power of ten that is a double. */
const POWERS: readonly number[] = Array.from({ length: 23 }, (_, i) => 10 ** i);
/** JSON.stringify writes smaller numbers with an exponent. */
const LEAST_PLAIN = 1e-6;

const [ZERO, NINE, MINUS, POINT] = Buffer.from('09-.');

/** Reads one number at a time; `end` and `isPlain` tell of the last. */
export class NumberScanner {
  /** Behind the number. */
  end = 0;
  /** Whether JSON.stringify writes the number as it stood. */
  isPlain = false;

  /**
   * The number that begins at `at`, or NaN where none does or where it takes more than fifteen digits, an exponent or a long
   * fraction: JSON.parse is for those.
   *
   * @see Clinger, How to Read Floating Point Numbers Accurately (1990): a quotient of two doubles that are exact is rounded once
   */
  read(bytes: Uint8Array, at: number): number {
    let p = at;
    const isNegative = bytes[p] === MINUS;
    if (isNegative) p++;
    let digits = 0;
    const first = p;
    let byte = bytes[p];
    while (byte >= ZERO && byte <= NINE) {
      digits = digits * 10 + (byte - ZERO);
      byte = bytes[++p];
    }
    const whole = p - first;
    if (whole === 0 || whole > POWERS.length || (whole > 1 && bytes[first] === ZERO)) return Number.NaN;
    let scale = 0;
    if (byte === POINT) {
      const point = p;
      byte = bytes[++p];
      while (byte >= ZERO && byte <= NINE && p - point < POWERS.length) {
        digits = digits * 10 + (byte - ZERO);
        byte = bytes[++p];
      }
      scale = p - point - 1;
      if (scale === 0) return Number.NaN;
    }
    if (digits >= EXACT) return Number.NaN;
    this.end = p;
    const value = scale === 0 ? digits : digits / POWERS[scale];
    this.isPlain =
      (scale === 0 || bytes[p - 1] !== ZERO) && (digits === 0 ? !isNegative && scale === 0 : value >= LEAST_PLAIN);
    return isNegative ? -value : value;
  }
}
