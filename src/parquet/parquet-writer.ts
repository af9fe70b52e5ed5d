/** Row groups, pages and the footer of a Parquet file. */
import type { ColumnPart } from '../arrow/read-segment.ts';
import { encodeLevels, type Leaf, leavesOf, valueRange } from './parquet-levels.ts';
import { isNull, type LeafType, physicalType, plainValues, schemaElements } from './parquet-types.ts';
import {
  binary,
  encodeThrift,
  i32,
  i64,
  list,
  struct,
  type ThriftStruct,
  type ThriftValue,
  writeVarint,
} from './thrift.ts';

export interface Codec {
  /** As the format numbers it. */
  readonly id: number;
  pack(plain: Uint8Array): Uint8Array;
}

const MAGIC = Buffer.from('PAR1');
const VERSION = 2;
const PLAIN = 0;
const RLE = 3;
const DATA_PAGE = 0;
/** A page is what a reader unpacks at once. */
const PAGE_BYTES = 1024 * 1024;
const PAGE_ROWS = 20_000;
/** Pages are handed on together up to here. */
const PIECE_BYTES = 512 * 1024;

/** Gives the bytes of a file piece by piece; only the footer's part of it is remembered. */
export class ParquetWriter {
  private readonly codec: Codec;
  private readonly groups: ThriftValue[] = [];
  private columns = 0;
  private leaves = 0;
  private schema: readonly ThriftStruct[] = [];
  private rows = 0;
  private offset = 0;

  constructor(codec: Codec) {
    this.codec = codec;
  }

  begin(): Uint8Array {
    this.offset = MAGIC.length;
    return MAGIC;
  }

  /** One row group of batches that have the same columns, in pieces: whoever writes them lets others work in between. */
  *rowGroup(batches: readonly (readonly ColumnPart[])[]): Generator<Uint8Array> {
    const [first] = batches;
    const rows = batches.reduce((sum, columns) => sum + columns[0].length, 0);
    this.columns = first.length;
    this.schema = first.flatMap(schemaElements);
    const chunks: ThriftValue[] = [];
    let bytes = 0;
    const leaves = batches.map((columns) => columns.flatMap(leavesOf));
    for (let i = 0; i < leaves[0].length; i++) {
      const { thrift, plainBytes } = yield* this.columnChunk(leaves.map((ofBatch) => ofBatch[i]));
      chunks.push(thrift);
      bytes += plainBytes;
    }
    this.leaves = leaves[0].length;
    this.groups.push(struct({ 1: list(chunks), 2: i64(bytes), 3: i64(rows) }));
    this.rows += rows;
  }

  finish(): Uint8Array {
    const root = { 4: binary('schema'), 5: i32(this.columns) };
    const footer = encodeThrift({
      1: i32(VERSION),
      2: list([root, ...this.schema].map(struct)),
      3: i64(this.rows),
      4: list(this.groups),
      6: binary('millrace'),
      // Minima and maxima are in the order of the type.
      7: list(Array.from({ length: this.leaves }, () => struct({ 1: struct({}) }))),
    });
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    return Buffer.concat([footer, length, MAGIC]);
  }

  private *columnChunk(
    leaves: readonly Leaf[],
  ): Generator<Uint8Array, { readonly thrift: ThriftValue; readonly plainBytes: number }> {
    const [{ path, parts, values }] = leaves;
    const isFlat = parts.length === 1;
    let entries = 0;
    const start = this.offset;
    let plainBytes = 0;
    let pieces: Uint8Array[] = [];
    let handedOn = start;
    for (const leaf of leaves) {
      for (const [from, to] of pagesOf(leaf)) {
        const page = pageOf(leaf, from, to, this.codec);
        entries += page.entries;
        pieces.push(page.header, page.body);
        this.offset += page.header.length + page.body.length;
        plainBytes += page.header.length + page.plainBytes;
        if (this.offset - handedOn < PIECE_BYTES) continue;
        yield Buffer.concat(pieces);
        pieces = [];
        handedOn = this.offset;
      }
    }
    if (pieces.length > 0) yield Buffer.concat(pieces);
    const metadata = {
      1: i32(physicalType(values.type as LeafType)),
      2: list((hasLevels(leaves[0]) ? [PLAIN, RLE] : [PLAIN]).map(i32)),
      3: list(path.map(binary)),
      4: i32(this.codec.id),
      5: i64(entries),
      6: i64(plainBytes),
      7: i64(this.offset - start),
      9: i64(start),
      12: isFlat ? struct(statistics(leaves.map(({ values: part }) => part))) : undefined,
    };
    return { thrift: struct({ 2: i64(start), 3: struct(metadata) }), plainBytes };
  }
}

function hasLevels({ parts }: Leaf): boolean {
  return parts.some(({ nullable, type }) => nullable || type.kind === 'list');
}

function* pagesOf({ parts, values }: Leaf): Generator<readonly [from: number, to: number]> {
  const [{ length }] = parts;
  const fitting = Math.floor((PAGE_BYTES / Math.max(1, values.values.byteLength)) * length);
  const rows = Math.max(1, Math.min(PAGE_ROWS, fitting));
  for (let from = 0; from < length; from += rows) yield [from, Math.min(length, from + rows)];
}

function pageOf(leaf: Leaf, from: number, to: number, codec: Codec) {
  const values = plainValues(leaf.values, ...valueRange(leaf, from, to));
  const { bytes: levels, entries } = levelsOf(leaf, from, to);
  const plain = levels.length > 0 ? Buffer.concat([levels, values]) : values;
  const body = codec.pack(plain);
  const header = encodeThrift({
    1: i32(DATA_PAGE),
    2: i32(plain.length),
    3: i32(body.length),
    5: struct({ 1: i32(entries), 2: i32(PLAIN), 3: i32(RLE), 4: i32(RLE) }),
  });
  return { header, body, plainBytes: plain.length, entries };
}

const NO_LEVELS = new Uint8Array(0);

function levelsOf(leaf: Leaf, from: number, to: number): { readonly bytes: Uint8Array; readonly entries: number } {
  if (leaf.parts.length > 1) return encodeLevels(leaf, from, to);
  return { bytes: leaf.values.nullable ? definitionLevels(leaf.values, from, to) : NO_LEVELS, entries: to - from };
}

/** Which rows hold a value: one run where all do, else bits. */
function definitionLevels(part: ColumnPart, from: number, to: number): Uint8Array {
  const levels: number[] = [0, 0, 0, 0];
  const rows = to - from;
  if (part.validity === undefined) {
    writeVarint(levels, rows * 2);
    levels.push(1);
  } else {
    const groups = (rows + 7) >> 3;
    writeVarint(levels, groups * 2 + 1);
    for (let group = 0; group < groups; group++) {
      let bits = 0;
      for (let i = 0; i < 8; i++) {
        const row = from + group * 8 + i;
        if (row < to && !isNull(part, row)) bits |= 1 << i;
      }
      levels.push(bits);
    }
  }
  const bytes = Buffer.from(levels);
  bytes.writeUInt32LE(bytes.length - 4);
  return bytes;
}

/** How many are null, and the least and greatest of whole numbers and times, by which readers leave row groups out. */
function statistics(parts: readonly ColumnPart[]): ThriftStruct {
  const nulls = i64(parts.reduce((sum, { nullCount }) => sum + nullCount, 0));
  const { kind } = parts[0].type;
  if (kind !== 'int32' && kind !== 'int64' && kind !== 'timestamp') return { 3: nulls };
  let range: { least: number | bigint; greatest: number | bigint; width: number } | undefined;
  for (const part of parts) {
    const values = part.values as Int32Array | BigInt64Array;
    for (let row = 0; row < part.length; row++) {
      if (isNull(part, row)) continue;
      const value = values[row];
      range ??= { least: value, greatest: value, width: values.BYTES_PER_ELEMENT };
      if (value < range.least) range.least = value;
      if (value > range.greatest) range.greatest = value;
    }
  }
  if (range === undefined) return { 3: nulls };
  const { least, greatest, width } = range;
  return { 3: nulls, 5: binary(wholeNumber(greatest, width)), 6: binary(wholeNumber(least, width)) };
}

function wholeNumber(value: number | bigint, width: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes.subarray(0, width);
}
