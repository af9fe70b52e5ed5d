/** Columns as a segment of Arrow holds them, for formats that are made of them. */
import { DataType, type Field, RecordBatchReader } from './arrow-library.ts';
import type { ColumnType } from './columns.ts';

/** Some rows of a column. */
export interface ColumnPart {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly length: number;
  readonly nullCount: number;
  /** One bit a row, lowest first, 1 for a value; `undefined` where no row is null. */
  readonly validity: Uint8Array | undefined;
  /** Of text: where each row begins in `values`, and where the last one ends. */
  readonly offsets: Int32Array | undefined;
  /** As Arrow has it: decimals are four words of 32 bits a row, booleans one bit. */
  readonly values: Uint8Array | Int32Array | Uint32Array | BigInt64Array | Float64Array;
}

/** The batches of a segment, each as its columns. */
export function* readSegment(segment: Uint8Array): Generator<readonly ColumnPart[]> {
  for (const batch of RecordBatchReader.from(segment)) {
    yield batch.schema.fields.map((field, i): ColumnPart => {
      const data = batch.data.children[i];
      return {
        name: field.name,
        type: typeOf(field),
        nullable: field.nullable,
        length: data.length,
        nullCount: data.nullCount,
        validity: data.nullCount === 0 ? undefined : data.nullBitmap,
        offsets: data.valueOffsets as Int32Array | undefined,
        values: data.values as ColumnPart['values'],
      };
    });
  }
}

function typeOf({ type }: Field): ColumnType {
  if (DataType.isDecimal(type)) return { kind: 'decimal', precision: type.precision, scale: type.scale };
  if (DataType.isUtf8(type)) return { kind: 'utf8' };
  if (DataType.isBool(type)) return { kind: 'bool' };
  if (DataType.isFloat(type)) return { kind: 'float64' };
  if (DataType.isTimestamp(type)) return { kind: 'timestamp' };
  return { kind: DataType.isInt(type) && type.bitWidth === 32 ? 'int32' : 'int64' };
}
