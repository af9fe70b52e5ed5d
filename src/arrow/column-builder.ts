/** Columns over typed arrays that grow: several times as fast as apache-arrow's own builders. */
import type { Data, DataType } from 'apache-arrow';
import { Binary, Bool, Decimal, Float64, Int32, Int64, makeData, TimestampMillisecond, Utf8 } from './arrow-library.ts';
import { parseIso } from '../time/iso.ts';
import { ColumnBuilder, INITIAL_ROWS, shown, type Validity } from './column-base.ts';
import type { Column, ColumnType } from './columns.ts';
import { ListBuilder, StructBuilder } from './nested-builder.ts';
import { OffsetsBuilder } from './offsets-builder.ts';
import { scaledExact, scaledFast } from './decimal.ts';

const WORD = 2 ** 32;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_UTF8_PER_UNIT = 3;

/** Numbers of fixed width, in words of 32 bits. */
abstract class WordsBuilder extends ColumnBuilder {
  protected words: Int32Array;
  private readonly width: number;

  constructor(name: string, dataType: DataType, isNullable: boolean, width: number) {
    super(name, dataType, isNullable);
    this.width = width;
    this.words = new Int32Array(INITIAL_ROWS * width);
  }

  get bytes(): number {
    return this.rows * this.width * 4;
  }

  protected putNull(row: number): void {
    this.words.fill(0, row * this.width, (row + 1) * this.width);
  }

  protected grow(capacity: number): void {
    const longer = new Int32Array(capacity * this.width);
    longer.set(this.words);
    this.words = longer;
  }

  protected putSafeInteger(value: number, at: number): void {
    this.words[at] = value;
    this.words[at + 1] = Math.floor(value / WORD);
  }
}

class Int32Builder extends WordsBuilder {
  constructor(name: string, isNullable: boolean) {
    super(name, new Int32(), isNullable, 1);
  }

  protected put(value: unknown, row: number): string | undefined {
    if (typeof value !== 'number' || (value | 0) !== value) return `${shown(value)} is not a whole number of 32 bits`;
    this.words[row] = value;
    return undefined;
  }

  protected finishData(rows: number, validity: Validity): Data {
    return makeData({ type: new Int32(), length: rows, data: this.words.subarray(0, rows), ...validity });
  }
}

/** Whole numbers of 64 bits: int64 and timestamps. */
abstract class LongBuilder extends WordsBuilder {
  protected finishData(rows: number, validity: Validity): Data {
    const data = new BigInt64Array(this.words.buffer, 0, rows);
    const type = this.dataType as Int64 | TimestampMillisecond;
    return makeData({ type: type as Int64, length: rows, data, ...validity });
  }
}

class Int64Builder extends LongBuilder {
  constructor(name: string, isNullable: boolean) {
    super(name, new Int64(), isNullable, 2);
  }

  protected put(value: unknown, row: number): string | undefined {
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      this.putSafeInteger(value, row * 2);
      return undefined;
    }
    if (typeof value !== 'bigint') return `${shown(value)} is not a whole number that is exact`;
    if (BigInt.asIntN(64, value) !== value) return `${shown(value)} has more than 64 bits`;
    this.words[row * 2] = Number(BigInt.asIntN(32, value));
    this.words[row * 2 + 1] = Number(value >> 32n);
    return undefined;
  }
}

class TimestampBuilder extends LongBuilder {
  constructor(name: string, isNullable: boolean) {
    super(name, new TimestampMillisecond('UTC'), isNullable, 2);
  }

  protected put(value: unknown, row: number): string | undefined {
    const time = typeof value === 'string' ? parseIso(value) : value instanceof Date ? value.getTime() : value;
    if (typeof time !== 'number' || !Number.isSafeInteger(time)) {
      return `${shown(value)} is not an ISO 8601 time, a Date or whole epoch milliseconds`;
    }
    this.putSafeInteger(time, row * 2);
    return undefined;
  }
}

class DecimalBuilder extends WordsBuilder {
  private readonly precision: number;
  private readonly scale: number;
  private readonly limit: number;

  constructor(name: string, isNullable: boolean, precision: number, scale: number) {
    super(name, new Decimal(scale, precision, 128), isNullable, 4);
    this.precision = precision;
    this.scale = scale;
    this.limit = 10 ** precision;
  }

  protected put(value: unknown, row: number): string | undefined {
    const fast = typeof value === 'number' ? scaledFast(value, this.scale) : Number.NaN;
    const at = row * 4;
    if (Math.abs(fast) < this.limit) {
      this.putSafeInteger(fast, at);
      this.words.fill(fast < 0 ? -1 : 0, at + 2, at + 4);
      return undefined;
    }
    if (typeof value !== 'number' && typeof value !== 'string') return `${shown(value)} is not a number or a string`;
    const exact = scaledExact(String(value), this.scale, this.precision);
    if (typeof exact === 'string') return `${shown(value)} ${exact}`;
    for (let word = 0; word < 4; word++) this.words[at + word] = Number(BigInt.asIntN(32, exact >> BigInt(32 * word)));
    return undefined;
  }

  protected finishData(rows: number, validity: Validity): Data {
    const data = new Uint32Array(this.words.buffer, 0, rows * 4);
    return makeData({ type: this.dataType as Decimal, length: rows, data, ...validity });
  }
}

class Float64Builder extends ColumnBuilder {
  private values = new Float64Array(INITIAL_ROWS);

  constructor(name: string, isNullable: boolean) {
    super(name, new Float64(), isNullable);
  }

  get bytes(): number {
    return this.rows * 8;
  }

  protected put(value: unknown, row: number): string | undefined {
    if (typeof value !== 'number') return `${shown(value)} is not a number`;
    this.values[row] = value;
    return undefined;
  }

  protected putNull(row: number): void {
    this.values[row] = 0;
  }

  protected grow(capacity: number): void {
    const longer = new Float64Array(capacity);
    longer.set(this.values);
    this.values = longer;
  }

  protected finishData(rows: number, validity: Validity): Data {
    return makeData({ type: new Float64(), length: rows, data: this.values.subarray(0, rows), ...validity });
  }
}

class BoolBuilder extends ColumnBuilder {
  private bits = new Uint8Array(INITIAL_ROWS >> 3);

  constructor(name: string, isNullable: boolean) {
    super(name, new Bool(), isNullable);
  }

  get bytes(): number {
    return (this.rows + 7) >> 3;
  }

  protected put(value: unknown, row: number): string | undefined {
    if (typeof value !== 'boolean') return `${shown(value)} is not a boolean`;
    if (value) this.bits[row >> 3] |= 1 << (row & 7);
    return undefined;
  }

  protected putNull(): void {}

  protected grow(capacity: number): void {
    const longer = new Uint8Array((capacity + 7) >> 3);
    longer.set(this.bits);
    this.bits = longer;
  }

  protected finishData(rows: number, validity: Validity): Data {
    return makeData({ type: new Bool(), length: rows, data: this.bits.subarray(0, (rows + 7) >> 3), ...validity });
  }
}

/** Values of any length. */
abstract class BytesBuilder extends OffsetsBuilder {
  protected content = Buffer.allocUnsafe(INITIAL_ROWS * 16);

  get bytes(): number {
    return this.used + this.rows * 4;
  }

  /** Makes room for so many bytes more. */
  protected need(bytes: number): void {
    const needed = this.used + bytes;
    if (needed <= this.content.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.content.length * 2));
    larger.set(this.content.subarray(0, this.used));
    this.content = larger;
  }

  protected finishData(rows: number, validity: Validity): Data {
    const valueOffsets = this.valueOffsets(rows);
    const data = this.content.subarray(0, this.used);
    return makeData({ type: this.dataType as Utf8, length: rows, data, valueOffsets, ...validity });
  }
}

class Utf8Builder extends BytesBuilder {
  constructor(name: string, isNullable: boolean) {
    super(name, new Utf8(), isNullable);
  }

  protected put(value: unknown, row: number): string | undefined {
    if (typeof value !== 'string') return `${shown(value)} is not a string`;
    this.need(value.length * MAX_UTF8_PER_UNIT);
    this.used += this.content.write(value, this.used);
    return this.end(row);
  }
}

class BinaryBuilder extends BytesBuilder {
  constructor(name: string, isNullable: boolean) {
    super(name, new Binary(), isNullable);
  }

  protected put(value: unknown, row: number): string | undefined {
    if (!(value instanceof Uint8Array)) return `${shown(value)} is not a Uint8Array`;
    this.need(value.length);
    this.content.set(value, this.used);
    this.used += value.length;
    return this.end(row);
  }
}

const BUILDERS: Record<
  Exclude<ColumnType['kind'], 'decimal' | 'list' | 'struct'>,
  new (
    name: string,
    isNullable: boolean,
  ) => ColumnBuilder
> = {
  utf8: Utf8Builder,
  binary: BinaryBuilder,
  int32: Int32Builder,
  int64: Int64Builder,
  float64: Float64Builder,
  bool: BoolBuilder,
  timestamp: TimestampBuilder,
};

export function columnBuilder(name: string, { type, nullable }: Column<unknown>): ColumnBuilder {
  if (type.kind === 'decimal') return new DecimalBuilder(name, nullable, type.precision, type.scale);
  if (type.kind === 'list') return new ListBuilder(name, nullable, columnBuilder(ITEM, type.items));
  if (type.kind === 'struct') {
    const fields = Object.entries(type.fields).map(([field, column]) => columnBuilder(field, column));
    return new StructBuilder(name, nullable, fields);
  }
  return new BUILDERS[type.kind](name, nullable);
}

/** As Arrow calls what a list is made of. */
const ITEM = 'item';
