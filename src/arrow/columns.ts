/** Column types, and what each takes from a value. */
import {
  Bool,
  type DataType,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  TimestampMillisecond,
  Utf8,
  type Data,
} from 'apache-arrow';
import { parseIso } from '../time/iso.ts';

/** A column: `V` is what its values may be, null where it is nullable. */
export interface Column<V> {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: DataType;
  /** Packs values, checked one by one; throws a TypeError that says what is wrong with one. */
  readonly pack: (values: readonly V[]) => Data;
}

interface ColumnKind<V> {
  readonly name: string;
  readonly type: DataType;
  /** Packs values; `null` stands for a missing one and may be packed as anything. */
  pack(values: readonly (V | null)[], validity: Validity): Data;
}

interface Validity {
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array | undefined;
}

/** Text. */
export function utf8(): Column<string> {
  return column<string>({
    name: 'utf8',
    type: new Utf8(),
    pack(values, validity) {
      const texts = values.map((value) => (value === null ? NO_BYTES : Buffer.from(text(value))));
      const valueOffsets = new Int32Array(texts.length + 1);
      texts.forEach((bytes, i) => {
        valueOffsets[i + 1] = valueOffsets[i] + bytes.length;
      });
      return makeData({
        type: new Utf8(),
        length: values.length,
        valueOffsets,
        data: Buffer.concat(texts),
        ...validity,
      });
    },
  });
}

/** Whole numbers of 32 bits. */
export function int32(): Column<number> {
  return column<number>({
    name: 'int32',
    type: new Int32(),
    pack(values, validity) {
      const data = Int32Array.from(values, (value) => (value === null ? 0 : whole(value, -(2 ** 31), 2 ** 31 - 1)));
      return makeData({ type: new Int32(), length: values.length, data, ...validity });
    },
  });
}

/** Whole numbers of 64 bits: safe integers, or bigints. */
export function int64(): Column<number | bigint> {
  return column<number | bigint>({
    name: 'int64',
    type: new Int64(),
    pack(values, validity) {
      const data = BigInt64Array.from(values, (value) => (value === null ? 0n : wholeBig(value)));
      return makeData({ type: new Int64(), length: values.length, data, ...validity });
    },
  });
}

/** Doubles; NaN and infinities are kept. */
export function float64(): Column<number> {
  return column<number>({
    name: 'float64',
    type: new Float64(),
    pack(values, validity) {
      const data = Float64Array.from(values, (value) => value ?? 0);
      return makeData({ type: new Float64(), length: values.length, data, ...validity });
    },
  });
}

export function bool(): Column<boolean> {
  return column<boolean>({
    name: 'bool',
    type: new Bool(),
    pack(values, validity) {
      const data = bits(values, (value) => value === true);
      return makeData({ type: new Bool(), length: values.length, data, ...validity });
    },
  });
}

/** Points in time, milliseconds in UTC: from ISO 8601, epoch milliseconds or a Date. */
export function timestamp(): Column<string | number | Date> {
  const type = new TimestampMillisecond('UTC');
  return column<string | number | Date>({
    name: 'timestamp',
    type,
    pack(values, validity) {
      const data = BigInt64Array.from(values, (value) => (value === null ? 0n : instant(value)));
      return makeData({ type, length: values.length, data, ...validity });
    },
  });
}

/** Exact decimals, such as money: `decimal(18, 2)`. A number is taken as it reads in decimal. */
export function decimal(precision: number, scale: number): Column<number | string> {
  const type = new Decimal(scale, precision, 128);
  const limit = 10n ** BigInt(precision);
  return column<number | string>({
    name: `decimal(${precision}, ${scale})`,
    type,
    pack(values, validity) {
      const words = new BigUint64Array(values.length * 2);
      values.forEach((value, i) => {
        if (value === null) return;
        const unscaled = unscaledOf(value, scale);
        if (unscaled >= limit || unscaled <= -limit) throw new TypeError(`has more than ${precision} digits`);
        words[i * 2] = BigInt.asUintN(64, unscaled);
        words[i * 2 + 1] = BigInt.asUintN(64, unscaled >> 64n);
      });
      return makeData({ type, length: values.length, data: new Uint32Array(words.buffer), ...validity });
    },
  });
}

/** The same column where values may be null or missing. */
export function nullable<V>(of: Column<V>): Column<V | null | undefined> {
  return { ...of, nullable: true, pack: of.pack as Column<V | null | undefined>['pack'] };
}

export function fieldOf(name: string, of: Column<unknown>): Field {
  return new Field(name, of.type, of.nullable);
}

const NO_BYTES = Buffer.alloc(0);

function column<V>(kind: ColumnKind<V>): Column<V> {
  return {
    name: kind.name,
    type: kind.type,
    nullable: false,
    pack(values) {
      const present = (values as readonly (V | null | undefined)[]).map((value) => value ?? null);
      const nullCount = present.reduce<number>((n, value) => (value === null ? n + 1 : n), 0);
      const nullBitmap = nullCount === 0 ? undefined : bits(present, (value) => value !== null);
      return kind.pack(present, { nullCount, nullBitmap });
    },
  };
}

function bits<V>(values: readonly V[], isSet: (value: V) => boolean): Uint8Array {
  const packed = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, i) => {
    if (isSet(value)) packed[i >> 3] |= 1 << (i & 7);
  });
  return packed;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`is a ${typeof value}, not a string`);
  return value;
}

function whole(value: unknown, min: number, max: number): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw new TypeError(`is ${String(value)}, not a whole number from ${min} to ${max}`);
  }
  return value as number;
}

function wholeBig(value: unknown): bigint {
  if (typeof value !== 'bigint') return BigInt(whole(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
  if (value !== BigInt.asIntN(64, value)) throw new TypeError(`is ${value}, which 64 bits do not hold`);
  return value;
}

function instant(value: unknown): bigint {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseIso(value) : value;
  if (!Number.isInteger(time)) throw new TypeError(`is ${String(value)}, not a point in time in whole milliseconds`);
  return BigInt(time as number);
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** The value times 10 to the power of `scale`, exactly; more decimals than the column has are refused, not rounded. */
function unscaledOf(value: unknown, scale: number): bigint {
  const match = typeof value === 'number' || typeof value === 'string' ? DECIMAL.exec(String(value)) : null;
  if (match === null) throw new TypeError(`is ${String(value)}, not a decimal number`);
  const [, sign, units, fraction = '', exponent = '0'] = match;
  const shift = scale + Number(exponent) - fraction.length;
  const digits = BigInt(units + fraction);
  const cut = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  if (digits % cut !== 0n) throw new TypeError(`is ${String(value)}, which has more than ${scale} decimals`);
  const magnitude = shift < 0 ? digits / cut : digits * 10n ** BigInt(shift);
  return sign === '-' ? -magnitude : magnitude;
}
