/** How each type of column is written in a cell of CSV. */
import { shown } from '../arrow/column-base.ts';
import type { Column } from '../arrow/columns.ts';
import { scaledExact, scaledFast } from '../arrow/decimal.ts';
import { MillraceError } from '../core/errors.ts';
import { iso, parseIso } from '../time/iso.ts';

/** A value that is not null as a cell; throws a Misfit where there is none. */
export type CellWriter = (value: unknown) => string;

/** A value that its column cannot hold, in words. */
export class Misfit extends Error {}

function refuse(problem: string): never {
  throw new Misfit(problem);
}

/**
 * What a spreadsheet may take for a formula, also behind blanks, which some trim, and in the full width that Japanese ones know;
 * the quotes before it, so that none is mistaken for one of ours.
 */
// oxlint-disable-next-line no-control-regex -- spreadsheets leave a zero out
const FORMULA = /^'*[\t\r\n\u0000]|^['\s]*[=+\-@＝＋－＠]/;
const NEEDS_QUOTES = /[",\r\n]|^$|^[ \t']|[ \t]$/;
/** Of a Date, either way. */
const MAX_TIME = 8.64e15;

/**
 * Text as a cell. With `safe`, text that a spreadsheet could run is written behind one `'` more: who strips one `'` from a
 * text of quotes that a formula follows has the text again.
 *
 * @see RFC 4180; https://owasp.org/www-community/attacks/CSV_Injection
 */
export function textCell(text: string, safe: boolean): string {
  const harmless = safe && FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** @throws MillraceError PLAN_INVALID for a type that CSV has no cell for */
export function cellWriter(name: string, { type }: Column<unknown>, safe: boolean): CellWriter {
  switch (type.kind) {
    case 'utf8':
      return (value) => (typeof value === 'string' ? textCell(value, safe) : refuse(`${shown(value)} is not a string`));
    case 'decimal':
      return (value) => decimalCell(value, type.precision, type.scale);
    case 'int32':
    case 'int64':
    case 'float64':
    case 'bool':
    case 'timestamp':
      return SIMPLE[type.kind];
    default:
      throw new MillraceError(
        'PLAN_INVALID',
        `column '${name}': CSV has no cell for ${(type as { kind: string }).kind}`,
        {
          hint: 'make it text in a map() above the sink, or leave it out',
        },
      );
  }
}

const SIMPLE: Record<'int32' | 'int64' | 'float64' | 'bool' | 'timestamp', CellWriter> = {
  int32: (value) =>
    typeof value === 'number' && (value | 0) === value
      ? String(value)
      : refuse(`${shown(value)} is not a whole number of 32 bits`),
  int64(value) {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
    if (typeof value !== 'bigint') return refuse(`${shown(value)} is not a whole number that is exact`);
    return BigInt.asIntN(64, value) === value ? String(value) : refuse(`${shown(value)} has more than 64 bits`);
  },
  float64(value) {
    if (typeof value !== 'number') return refuse(`${shown(value)} is not a number`);
    return Object.is(value, -0) ? '-0' : String(value);
  },
  bool: (value) => (typeof value === 'boolean' ? String(value) : refuse(`${shown(value)} is not a boolean`)),
  timestamp(value) {
    const time = typeof value === 'string' ? parseIso(value) : value instanceof Date ? value.getTime() : value;
    return typeof time === 'number' && Number.isInteger(time) && Math.abs(time) <= MAX_TIME
      ? iso(time)
      : refuse(`${shown(value)} is not an ISO 8601 time, a Date or whole epoch milliseconds`);
  },
};

function decimalCell(value: unknown, precision: number, scale: number): string {
  const fast = typeof value === 'number' ? scaledFast(value, scale) : Number.NaN;
  if (Math.abs(fast) < 10 ** precision) return withPoint(fast < 0, String(Math.abs(fast)), scale);
  if (typeof value !== 'number' && typeof value !== 'string')
    return refuse(`${shown(value)} is not a number or a string`);
  const exact = scaledExact(String(value), scale, precision);
  if (typeof exact === 'string') return refuse(`${shown(value)} ${exact}`);
  return withPoint(exact < 0n, String(exact < 0n ? -exact : exact), scale);
}

/** Every digit of the scale, `12.50`. */
function withPoint(isNegative: boolean, digits: string, scale: number): string {
  const all = digits.padStart(scale + 1, '0');
  const number = scale === 0 ? all : `${all.slice(0, -scale)}.${all.slice(-scale)}`;
  return isNegative ? `-${number}` : number;
}
