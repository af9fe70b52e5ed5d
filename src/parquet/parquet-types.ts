/** How types of columns are stored in Parquet. */
import type { ColumnType } from '../arrow/columns.ts';
import type { ColumnPart } from '../arrow/read-segment.ts';
import { binary, bool, i32, struct, type ThriftStruct, type ThriftValue } from './thrift.ts';

const BOOLEAN = 0;
const INT32 = 1;
const INT64 = 2;
const DOUBLE = 5;
const BYTE_ARRAY = 6;
const FIXED_LEN_BYTE_ARRAY = 7;

/** Digits that 32 and 64 bits hold. */
const INT32_DIGITS = 9;
const INT64_DIGITS = 18;
const DECIMAL_BYTES = 16;

const UTF8 = 0;
const LIST = 3;
const DECIMAL = 5;
const TIMESTAMP_MILLIS = 9;

const REQUIRED = 0;
const OPTIONAL = 1;
const REPEATED = 2;

const PHYSICAL = {
  utf8: BYTE_ARRAY,
  binary: BYTE_ARRAY,
  int32: INT32,
  int64: INT64,
  float64: DOUBLE,
  bool: BOOLEAN,
  timestamp: INT64,
};

/** What values are in the file; only lists and structs have none. */
export type LeafType = Exclude<ColumnType, { readonly kind: 'list' | 'struct' }>;

export function physicalType(type: LeafType): number {
  if (type.kind !== 'decimal') return PHYSICAL[type.kind];
  if (type.precision <= INT32_DIGITS) return INT32;
  return type.precision <= INT64_DIGITS ? INT64 : FIXED_LEN_BYTE_ARRAY;
}

/** The column in the schema of the footer, and behind it what it is made of. */
export function schemaElements({ name, type, nullable }: Named): ThriftStruct[] {
  const repetition = { 3: i32(nullable ? OPTIONAL : REQUIRED), 4: binary(name) };
  if (type.kind === 'list') {
    return [
      { ...repetition, 5: i32(1), 6: i32(LIST), 10: struct({ 3: struct({}) }) },
      { 3: i32(REPEATED), 4: binary(LIST_GROUP), 5: i32(1) },
      ...schemaElements({ name: LIST_ELEMENT, ...type.items }),
    ];
  }
  if (type.kind === 'struct') {
    const fields = Object.entries(type.fields).map(([field, column]) => ({ name: field, ...column }));
    return [{ ...repetition, 5: i32(fields.length) }, ...fields.flatMap(schemaElements)];
  }
  const physical = physicalType(type);
  const length = physical === FIXED_LEN_BYTE_ARRAY ? i32(DECIMAL_BYTES) : undefined;
  return [{ 1: i32(physical), 2: length, ...repetition, ...logicalType(type) }];
}

type Named = Pick<ColumnPart, 'name' | 'type' | 'nullable'>;

/** As the format wants the two levels of a list called. */
export const LIST_GROUP = 'list';
export const LIST_ELEMENT = 'element';

function logicalType(type: LeafType): ThriftStruct {
  if (type.kind === 'utf8') return { 6: i32(UTF8), 10: struct({ 1: struct({}) }) };
  if (type.kind === 'timestamp') {
    const millis: ThriftValue = struct({ 1: struct({}) });
    return { 6: i32(TIMESTAMP_MILLIS), 10: struct({ 8: struct({ 1: bool(true), 2: millis }) }) };
  }
  if (type.kind !== 'decimal') return {};
  const { precision, scale } = type;
  const decimal = struct({ 1: i32(scale), 2: i32(precision) });
  return { 6: i32(DECIMAL), 7: i32(scale), 8: i32(precision), 10: struct({ 5: decimal }) };
}

/** The values of rows `from` to `to` (exclusive) that are not null, in Parquet's plain encoding. */
export function plainValues(part: ColumnPart, from: number, to: number): Uint8Array {
  const { type } = part;
  if (type.kind === 'utf8' || type.kind === 'binary') return plainText(part, from, to);
  if (type.kind === 'bool') return plainBits(part, from, to);
  if (type.kind === 'decimal') return plainDecimals(part, from, to);
  return plainFixed(part, from, to);
}

export function isNull({ validity }: ColumnPart, row: number): boolean {
  return validity !== undefined && (validity[row >> 3] & (1 << (row & 7))) === 0;
}

function bytesOf(part: ColumnPart): Uint8Array {
  return new Uint8Array(part.values.buffer, part.values.byteOffset, part.values.byteLength);
}

function plainFixed(part: ColumnPart, from: number, to: number): Uint8Array {
  const width = part.values.BYTES_PER_ELEMENT;
  const bytes = bytesOf(part);
  if (part.validity === undefined) return bytes.subarray(from * width, to * width);
  const plain = new Uint8Array((to - from) * width);
  let at = 0;
  for (let row = from; row < to; row++) {
    if (isNull(part, row)) continue;
    for (let i = 0; i < width; i++) plain[at + i] = bytes[row * width + i];
    at += width;
  }
  return plain.subarray(0, at);
}

function plainText(part: ColumnPart, from: number, to: number): Uint8Array {
  const offsets = part.offsets!;
  const bytes = bytesOf(part);
  const plain = Buffer.allocUnsafe((to - from) * 4 + offsets[to] - offsets[from]);
  let at = 0;
  for (let row = from; row < to; row++) {
    if (isNull(part, row)) continue;
    const [start, end] = [offsets[row], offsets[row + 1]];
    plain.writeUInt32LE(end - start, at);
    at += 4;
    if (end - start > SHORT) plain.set(bytes.subarray(start, end), at);
    else for (let i = start; i < end; i++) plain[at + i - start] = bytes[i];
    at += end - start;
  }
  return plain.subarray(0, at);
}

/** Below it a loop is faster than a copy. */
const SHORT = 24;

function plainBits(part: ColumnPart, from: number, to: number): Uint8Array {
  const plain = new Uint8Array((to - from + 7) >> 3);
  const bits = part.values as Uint8Array;
  let n = 0;
  for (let row = from; row < to; row++) {
    if (isNull(part, row)) continue;
    if ((bits[row >> 3] & (1 << (row & 7))) !== 0) plain[n >> 3] |= 1 << (n & 7);
    n++;
  }
  return plain.subarray(0, (n + 7) >> 3);
}

/** From four words of 32 bits, lowest first, to as many bytes as the digits need. */
function plainDecimals(part: ColumnPart, from: number, to: number): Uint8Array {
  const physical = physicalType(part.type as LeafType);
  const width = physical === INT32 ? 4 : physical === INT64 ? 8 : DECIMAL_BYTES;
  const bytes = bytesOf(part);
  const plain = new Uint8Array((to - from) * width);
  let at = 0;
  for (let row = from; row < to; row++) {
    if (isNull(part, row)) continue;
    const start = row * DECIMAL_BYTES;
    // A fixed number of bytes is big-endian, all other numbers are little-endian.
    for (let i = 0; i < width; i++) {
      plain[at + i] = bytes[width === DECIMAL_BYTES ? start + DECIMAL_BYTES - 1 - i : start + i];
    }
    at += width;
  }
  return plain.subarray(0, at);
}
