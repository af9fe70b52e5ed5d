/** Columns as a segment of Arrow holds them, for formats that are made of them. */
import type { Data } from 'apache-arrow';
import { DataType, type Field, RecordBatchReader } from './arrow-library.ts';
import type { Column, ColumnType } from './columns.ts';

/** Some rows of a column. */
export interface ColumnPart {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly length: number;
  readonly nullCount: number;
  /** One bit a row, lowest first, 1 for a value; `undefined` where no row is null. */
  readonly validity: Uint8Array | undefined;
  /** Of text, bytes and lists: where each row begins in `values` or in the items, and where the last one ends. */
  readonly offsets: Int32Array | undefined;
  /** As Arrow has it: decimals are four words of 32 bits a row, booleans one bit; none of lists and structs. */
  readonly values: Uint8Array | Int32Array | Uint32Array | BigInt64Array | Float64Array;
  /** The items of a list, the fields of a struct. */
  readonly children: readonly ColumnPart[];
}

/** The batches of a segment, each as its columns. */
export function* readSegment(segment: Uint8Array): Generator<readonly ColumnPart[]> {
  for (const batch of RecordBatchReader.from(segment)) {
    yield batch.schema.fields.map((field, i) => partOf(field, batch.data.children[i]));
  }
}

const NO_VALUES = new Uint8Array(0);

function partOf(field: Field, data: Data): ColumnPart {
  const fields = DataType.isList(field.type) || DataType.isStruct(field.type) ? field.type.children : [];
  return {
    name: field.name,
    type: typeOf(field),
    nullable: field.nullable,
    length: data.length,
    nullCount: data.nullCount,
    validity: data.nullCount === 0 ? undefined : data.nullBitmap,
    offsets: data.valueOffsets as Int32Array | undefined,
    values: (data.values as ColumnPart['values'] | undefined) ?? NO_VALUES,
    children: fields.map((child, i) => partOf(child, data.children[i])),
  };
}

function typeOf({ type }: Field): ColumnType {
  if (DataType.isDecimal(type)) return { kind: 'decimal', precision: type.precision, scale: type.scale };
  if (DataType.isUtf8(type)) return { kind: 'utf8' };
  if (DataType.isBinary(type)) return { kind: 'binary' };
  if (DataType.isList(type)) return { kind: 'list', items: columnOf(type.children[0]) };
  if (DataType.isStruct(type)) {
    return { kind: 'struct', fields: Object.fromEntries(type.children.map((field) => [field.name, columnOf(field)])) };
  }
  if (DataType.isBool(type)) return { kind: 'bool' };
  if (DataType.isFloat(type)) return { kind: 'float64' };
  if (DataType.isTimestamp(type)) return { kind: 'timestamp' };
  return { kind: DataType.isInt(type) && type.bitWidth === 32 ? 'int32' : 'int64' };
}

function columnOf(field: Field): Column<unknown> {
  return { type: typeOf(field), nullable: field.nullable };
}
