/**
 * The two entropy codes of Zstandard: tables of finite states (FSE) and of Huffman codes, and the bit streams that are
 * read by them from their last bit to their first.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878.html
 */

/** Bits that one read can take out of the four bytes it looks at. */
const MAX_BITS_AT_ONCE = 25;
const MAX_HUFFMAN_BITS = 11;
const MAX_WEIGHTS = 255;
const WEIGHTS_ACCURACY = 6;
/** The highest weight, as a symbol of the code that weights are written in. */
const MAX_WEIGHT = 12;

/** What went wrong, for whoever names the place. */
export function broken(what: string): RangeError {
  return new RangeError(`it is no sound Zstandard: ${what}`);
}

/** Bits from the end of a range of bytes to its start; the highest bit set in the last byte marks the end. */
export class BackwardBits {
  /** Bits that are left; below zero once more was read than there was, which reads as zeros. */
  left: number;
  private readonly data: Uint8Array;
  private readonly start: number;

  constructor(data: Uint8Array, start: number, end: number) {
    const last = end > start ? data[end - 1] : 0;
    if (last === 0) throw broken('a stream of bits has no end');
    this.data = data;
    this.start = start;
    this.left = (end - start) * 8 - Math.clz32(last) + 23;
  }

  read(count: number): number {
    if (count > MAX_BITS_AT_ONCE) {
      const high = this.read(count - 16);
      return high * 65_536 + this.read(16);
    }
    this.left -= count;
    return this.left >= 0 ? this.bits(this.left, count) : this.beyond(count);
  }

  /** Like `read`, but nothing is taken. */
  peek(count: number): number {
    const value = this.read(count);
    this.left += count;
    return value;
  }

  private bits(from: number, count: number): number {
    const { data } = this;
    const at = this.start + (from >> 3);
    const word = data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24);
    return (word >>> (from & 7)) & ((1 << count) - 1);
  }

  private beyond(count: number): number {
    const there = this.left + count;
    return there <= 0 ? 0 : this.bits(0, there) << -this.left;
  }
}

/** For each state its symbol, the bits to read for the next state, and what to add to them. */
export interface FseTable {
  readonly accuracy: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

/** A table with one state that stays: every symbol is the same. */
export function constantTable(symbol: number): FseTable {
  return { accuracy: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), bases: new Uint16Array(1) };
}

/** @param counts How many of the 2^accuracy states each symbol has; −1 stands for a single one at the end */
export function fseTable(counts: readonly number[], accuracy: number): FseTable {
  const size = 1 << accuracy;
  const symbols = new Uint8Array(size);
  const next = counts.map((count) => Math.abs(count));
  let high = size;
  counts.forEach((count, symbol) => {
    if (count < 0) symbols[--high] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let place = 0;
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place >= high);
    }
  });
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const number = next[symbols[state]]++;
    bits[state] = accuracy - highestBit(number);
    bases[state] = (number << bits[state]) - size;
  }
  return { accuracy, symbols, bits, bases };
}

/** A table as it is described in the data, and where the description ends. */
export function readFseTable(
  data: Uint8Array,
  start: number,
  end: number,
  limits: { readonly accuracy: number; readonly symbol: number },
): { readonly table: FseTable; readonly end: number } {
  let at = start * 8;
  const peek = (count: number): number => {
    const byte = at >> 3;
    const word = data[byte] | (data[byte + 1] << 8) | (data[byte + 2] << 16);
    return (word >>> (at & 7)) & ((1 << count) - 1);
  };
  const accuracy = peek(4) + 5;
  at += 4;
  if (accuracy > limits.accuracy) throw broken('a table is too large');
  const counts: number[] = [];
  let left = 1 << accuracy;
  while (left > 0) {
    const width = highestBit(left + 1) + 1;
    const half = (1 << (width - 1)) - 1;
    const short = (1 << width) - 2 - left;
    let value = peek(width);
    if ((value & half) < short) {
      value &= half;
      at += width - 1;
    } else {
      if (value > half) value -= short;
      at += width;
    }
    counts.push(value - 1);
    left -= Math.abs(value - 1);
    for (let zeros = value === 1 ? 3 : 0; zeros === 3; ) {
      zeros = peek(2);
      at += 2;
      for (let i = 0; i < zeros; i++) counts.push(0);
    }
    if (counts.length > limits.symbol + 1 || at > end * 8) throw broken('a table does not end');
  }
  if (left < 0) throw broken('a table has too many states');
  return { table: fseTable(counts, accuracy), end: (at + 7) >> 3 };
}

/** For each of 2^bits codes its symbol and its own length. */
export interface HuffmanTable {
  readonly bits: number;
  readonly symbols: Uint8Array;
  readonly lengths: Uint8Array;
}

/** The table as the data describe it, by the weights of its symbols, and where the description ends. */
export function readHuffmanTable(
  data: Uint8Array,
  start: number,
  end: number,
): { readonly table: HuffmanTable; readonly end: number } {
  if (start >= end) throw broken('a Huffman table is missing');
  const head = data[start];
  const isDirect = head > 127;
  const tableEnd = start + 1 + (isDirect ? (head - 126) >> 1 : head);
  if (tableEnd > end) throw broken('a Huffman table ends too late');
  const weights = isDirect ? directWeights(data, start + 1, head - 127) : packedWeights(data, start + 1, tableEnd);
  return { table: huffmanTable(weights), end: tableEnd };
}

function directWeights(data: Uint8Array, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (data[start + (i >> 1)] >> (i % 2 === 0 ? 4 : 0)) & 15);
}

/** Two states take turns, until one reads beyond the start. */
function packedWeights(data: Uint8Array, start: number, end: number): number[] {
  const { table, end: tableEnd } = readFseTable(data, start, end, { accuracy: WEIGHTS_ACCURACY, symbol: MAX_WEIGHT });
  const stream = new BackwardBits(data, tableEnd, end);
  const weights: number[] = [];
  let state = stream.read(table.accuracy);
  let other = stream.read(table.accuracy);
  while (stream.left >= 0) {
    if (weights.length >= MAX_WEIGHTS) throw broken('a Huffman table has too many symbols');
    weights.push(table.symbols[state]);
    const next = table.bases[state] + stream.read(table.bits[state]);
    state = other;
    other = next;
  }
  weights.push(table.symbols[state]);
  return weights;
}

function huffmanTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) sum += weight === 0 ? 0 : 2 ** (weight - 1);
  if (sum === 0) throw broken('a Huffman table is empty');
  const bits = highestBit(sum) + 1;
  const rest = 2 ** bits - sum;
  if (bits > MAX_HUFFMAN_BITS || (rest & (rest - 1)) !== 0) throw broken('a Huffman table has wrong weights');
  // The last weight is not written: it fills up the codes.
  weights.push(highestBit(rest) + 1);
  const symbols = new Uint8Array(2 ** bits);
  const lengths = new Uint8Array(2 ** bits);
  let at = 0;
  for (let weight = 1; weight <= bits; weight++) {
    for (let symbol = 0; symbol < weights.length; symbol++) {
      if (weights[symbol] !== weight) continue;
      const codes = 1 << (weight - 1);
      symbols.fill(symbol, at, at + codes);
      lengths.fill(bits + 1 - weight, at, at + codes);
      at += codes;
    }
  }
  return { bits, symbols, lengths };
}

/** Decodes one stream into `target` from `from` up to `to`. */
export function readHuffman(
  stream: BackwardBits,
  { bits, symbols, lengths }: HuffmanTable,
  target: Uint8Array,
  range: { readonly from: number; readonly to: number },
): void {
  for (let at = range.from; at < range.to; at++) {
    const code = stream.peek(bits);
    target[at] = symbols[code];
    stream.left -= lengths[code];
  }
  if (stream.left !== 0) throw broken('a stream of literals has another length');
}

function highestBit(value: number): number {
  return 31 - Math.clz32(value);
}
