/**
 * Reads Zstandard where Node has no decoder of its own.
 *
 * Output is bounded by the caller, work by the format's limit of 128 KiB a block, which is enforced. A frame's own
 * checksum is not looked at: the record batch around it has one.
 * @see https://www.rfc-editor.org/rfc/rfc8878.html
 */
import { Unpacked } from './unpacked.ts';
import {
  BackwardBits,
  broken,
  constantTable,
  type FseTable,
  fseTable,
  type HuffmanTable,
  readFseTable,
  readHuffman,
  readHuffmanTable,
} from './zstd-entropy.ts';

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_BYTES = 131_072;
const RAW = 0;
const RLE = 1;
const COMPRESSED = 2;
/** Of literals, where the last Huffman table goes on. */
const TREELESS = 3;
const FIRST_DISTANCES = [1, 4, 8];

/** Of the block that is being read. */
const literals = new Uint8Array(MAX_BLOCK_BYTES);

/** One of the three codes of a sequence: what its symbols stand for, and the table it has without being told. */
interface Code {
  readonly bases: readonly number[];
  readonly extraBits: readonly number[];
  readonly accuracy: number;
  readonly common: FseTable;
}

const LITERAL_LENGTH = codeOf(
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  0,
  9,
  '4 3 2 2 2 2 2 2 2 2 2 2 2 1 1 1 2 2 2 2 2 2 2 2 2 3 2 1 1 1 1 1 -1 -1 -1 -1',
);
const MATCH_LENGTH = codeOf(
  [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  3,
  9,
  `1 4 3 2 2 2 2 2 2 ${'1 '.repeat(37)}-1 -1 -1 -1 -1 -1 -1`,
);
const DISTANCE = codeOf(
  Array.from({ length: 32 }, (_, symbol) => symbol),
  1,
  8,
  '1 1 1 1 1 1 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -1 -1 -1 -1 -1',
);

function codeOf(extraBits: readonly number[], first: number, accuracy: number, counts: string): Code {
  const bases: number[] = [];
  let base = first;
  for (const bits of extraBits) {
    bases.push(base);
    base += 2 ** bits;
  }
  const commonCounts = counts.split(' ').map(Number);
  const states = commonCounts.reduce((sum, count) => sum + Math.abs(count), 0);
  return { bases, extraBits, accuracy, common: fseTable(commonCounts, Math.log2(states)) };
}

/** @throws RangeError for input that is broken, or that grows beyond `limit` bytes */
export function unpackZstd(packed: Buffer, limit: number): Buffer {
  const out = new Unpacked(packed.length, limit);
  let at = 0;
  do {
    if (at + 8 > packed.length) throw broken('it ends too early');
    const magic = packed.readUInt32LE(at);
    if (magic === FRAME_MAGIC) at = new Frame(packed, out).read(at + 4);
    else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) at += 8 + packed.readUInt32LE(at + 4);
    else throw broken('it does not begin as a frame does');
  } while (at < packed.length);
  return out.finish();
}

class Frame {
  private readonly data: Buffer;
  private readonly out: Unpacked;
  private readonly distances = [...FIRST_DISTANCES];
  private huffman: HuffmanTable | undefined;
  /** Of literal lengths, distances and match lengths, for blocks that repeat the last ones. */
  private readonly tables: (FseTable | undefined)[] = [undefined, undefined, undefined];

  constructor(data: Buffer, out: Unpacked) {
    this.data = data;
    this.out = out;
  }

  /** Returns where the frame ends. */
  read(start: number): number {
    const { data, out } = this;
    const flags = data[start];
    const isSingle = (flags & 32) !== 0;
    if ((flags & 8) !== 0) throw broken('a frame is of an unknown kind');
    const idBytes = [0, 1, 2, 4][flags & 3];
    const idAt = start + (isSingle ? 1 : 2);
    if (data.subarray(idAt, idAt + idBytes).some((byte) => byte !== 0)) throw broken('a frame needs a dictionary');
    let at = idAt + idBytes + (flags >> 6 === 0 ? Number(isSingle) : 1 << (flags >> 6));
    for (let isLast = false; !isLast; ) {
      if (at + 3 > data.length) throw broken('it ends too early');
      const head = data.readUIntLE(at, 3);
      isLast = (head & 1) === 1;
      const type = (head >> 1) & 3;
      const size = head >> 3;
      if (size > MAX_BLOCK_BYTES) throw broken('a block is too large');
      const from = at + 3;
      at = from + (type === RLE ? 1 : size);
      if (at > data.length) throw broken('it ends too early');
      if (type === RAW) out.append(data, from, at);
      else if (type === RLE) out.fill(data[from], size);
      else if (type === COMPRESSED) this.block(from, at);
      else throw broken('a block is of an unknown kind');
    }
    return at + ((flags & 4) === 0 ? 0 : 4);
  }

  private block(start: number, end: number): void {
    if (end - start < 2) throw broken('a block is too short');
    const { at, count } = this.readLiterals(start, end);
    this.sequences(at, end, count);
  }

  private readLiterals(start: number, end: number): { readonly at: number; readonly count: number } {
    const { data } = this;
    const type = data[start] & 3;
    const format = (data[start] >> 2) & 3;
    if (type === COMPRESSED || type === TREELESS) return this.huffmanLiterals(start, end, format);
    const headBytes = [1, 2, 1, 3][format];
    const count = data.readUIntLE(start, headBytes) >> (headBytes === 1 ? 3 : 4);
    const from = start + headBytes;
    const at = from + (type === RLE ? 1 : count);
    if (at > end || count > MAX_BLOCK_BYTES) throw broken('literals end too late');
    if (type === RLE) literals.fill(data[from], 0, count);
    else literals.set(data.subarray(from, at));
    return { at, count };
  }

  private huffmanLiterals(start: number, end: number, format: number): { readonly at: number; readonly count: number } {
    const { data } = this;
    const width = [10, 10, 14, 18][format];
    let at = start + [3, 3, 4, 5][format];
    if (at > end) throw broken('a block is too short');
    const head = Math.floor(data.readUIntLE(start, at - start) / 16);
    const count = head % 2 ** width;
    const literalsEnd = at + Math.floor(head / 2 ** width);
    if (literalsEnd > end || count > MAX_BLOCK_BYTES) throw broken('literals end too late');
    if ((data[start] & 3) === COMPRESSED) {
      const { table, end: tableEnd } = readHuffmanTable(data, at, literalsEnd);
      this.huffman = table;
      at = tableEnd;
    }
    const { huffman } = this;
    if (huffman === undefined) throw broken('there is no Huffman table to repeat');
    if (format === 0) {
      readHuffman(new BackwardBits(data, at, literalsEnd), huffman, literals, { from: 0, to: count });
      return { at: literalsEnd, count };
    }
    const part = (count + 3) >> 2;
    // Three lengths, then four streams.
    let from = at + 6;
    if (from > literalsEnd || part * 3 > count) throw broken('literals end too late');
    for (let i = 0; i < 4; i++) {
      const to = i === 3 ? literalsEnd : from + data.readUInt16LE(at + i * 2);
      if (to > literalsEnd) throw broken('literals end too late');
      const range = { from: part * i, to: i === 3 ? count : part * (i + 1) };
      readHuffman(new BackwardBits(data, from, to), huffman, literals, range);
      from = to;
    }
    return { at: literalsEnd, count };
  }

  private sequences(start: number, end: number, literalCount: number): void {
    const { out } = this;
    const { at, count } = this.sequenceCount(start, end);
    if (count === 0) {
      if (at !== end) throw broken('a block ends too late');
      out.append(literals, 0, literalCount);
      return;
    }
    const { stream, tables } = this.sequenceTables(at, end);
    const [lengthTable, distanceTable, matchTable] = tables;
    let lengthState = stream.read(lengthTable.accuracy);
    let distanceState = stream.read(distanceTable.accuracy);
    let matchState = stream.read(matchTable.accuracy);
    const blockEnd = out.length + MAX_BLOCK_BYTES;
    let used = 0;
    for (let left = count; left > 0; left--) {
      const value = valueOf(DISTANCE, distanceTable.symbols[distanceState], stream);
      const matchLength = valueOf(MATCH_LENGTH, matchTable.symbols[matchState], stream);
      const length = valueOf(LITERAL_LENGTH, lengthTable.symbols[lengthState], stream);
      if (stream.left < 0) throw broken('sequences end too early');
      if (used + length > literalCount || out.length + length + matchLength > blockEnd) {
        throw broken('a sequence is too long');
      }
      out.append(literals, used, used + length);
      out.repeat(this.distance(value, length), matchLength);
      used += length;
      if (left === 1) break;
      lengthState = lengthTable.bases[lengthState] + stream.read(lengthTable.bits[lengthState]);
      matchState = matchTable.bases[matchState] + stream.read(matchTable.bits[matchState]);
      distanceState = distanceTable.bases[distanceState] + stream.read(distanceTable.bits[distanceState]);
    }
    if (stream.left !== 0) throw broken('sequences end too late');
    if (out.length + literalCount - used > blockEnd) throw broken('a block grows too large');
    out.append(literals, used, literalCount);
  }

  private sequenceCount(start: number, end: number): { readonly at: number; readonly count: number } {
    const { data } = this;
    const first = data[start];
    const at = start + (first < 128 ? 1 : first < 255 ? 2 : 3);
    if (at > end) throw broken('sequences are missing');
    if (first < 128) return { at, count: first };
    return { at, count: first < 255 ? (first - 128) * 256 + data[start + 1] : data.readUInt16LE(start + 1) + 0x7f00 };
  }

  private sequenceTables(start: number, end: number): { stream: BackwardBits; tables: readonly FseTable[] } {
    const { data } = this;
    const modes = data[start];
    if (start >= end || (modes & 3) !== 0) throw broken('sequences are of an unknown kind');
    let at = start + 1;
    const tables = [LITERAL_LENGTH, DISTANCE, MATCH_LENGTH].map((code, i) => {
      const mode = (modes >> (6 - i * 2)) & 3;
      const read = this.sequenceTable(code, mode, { at, end, last: this.tables[i] });
      at = read.end;
      this.tables[i] = read.table;
      return read.table;
    });
    return { stream: new BackwardBits(data, at, end), tables };
  }

  private sequenceTable(
    code: Code,
    mode: number,
    { at, end, last }: { readonly at: number; readonly end: number; readonly last: FseTable | undefined },
  ): { readonly table: FseTable; readonly end: number } {
    if (mode === 0) return { table: code.common, end: at };
    const symbol = code.bases.length - 1;
    if (mode === 2) return readFseTable(this.data, at, end, { accuracy: code.accuracy, symbol });
    if (mode === 1) {
      if (at >= end || this.data[at] > symbol) throw broken('a table has an unknown symbol');
      return { table: constantTable(this.data[at]), end: at + 1 };
    }
    if (last === undefined) throw broken('there is no table to repeat');
    return { table: last, end: at };
  }

  /** Small values name one of the last three distances. */
  private distance(value: number, literalLength: number): number {
    const { distances } = this;
    const place = value > 3 ? 3 : value - 1 + (literalLength === 0 ? 1 : 0);
    if (place === 0) return distances[0];
    const distance = value > 3 ? value - 3 : place === 3 ? distances[0] - 1 : distances[place];
    if (place > 1) distances[2] = distances[1];
    distances[1] = distances[0];
    distances[0] = distance;
    return distance;
  }
}

function valueOf(code: Code, symbol: number, stream: BackwardBits): number {
  return code.bases[symbol] + stream.read(code.extraBits[symbol]);
}
