/** Finds what repeats within a block, for the encoders of Snappy and LZ4: one greedy pass over a table of hashes. */

/** Positions within a block fit into 16 bits. */
export const BLOCK_BYTES = 65_536;
const HASH_BITS = 14;
const MIN_MATCH = 4;
/** As LZ4 wants it: a block ends with literals, and the last match starts well before them. */
const LAST_LITERALS = 5;
const LAST_MATCH = 12;
/** Where nothing repeats, the steps grow by one after so many misses (a power of two). */
const MISSES_BITS = 5;

/** Up to here a loop is faster than a view and a call. */
const SHORT = 32;

const positions = new Uint16Array(2 ** HASH_BITS);
/** Of the block looked at last: start, distance back to the same bytes, and length of each match. */
export const matches = new Int32Array((BLOCK_BYTES / MIN_MATCH) * 3);

/** Fills `matches` for one block and returns how many numbers it holds then. */
export function findMatches(source: Uint8Array, start: number, end: number): number {
  const words = new DataView(source.buffer, source.byteOffset, source.length);
  const lastMatch = end - LAST_MATCH;
  const lastByte = end - LAST_LITERALS;
  let found = 0;
  let misses = 0;
  positions.fill(0);
  for (let at = start + 1; at < lastMatch; ) {
    const word = words.getInt32(at, true);
    const slot = slotOf(word);
    const candidate = start + positions[slot];
    positions[slot] = at - start;
    if (words.getInt32(candidate, true) !== word) {
      at += 1 + (misses++ >>> MISSES_BITS);
      continue;
    }
    let matchEnd = at + MIN_MATCH;
    for (let from = candidate + MIN_MATCH; matchEnd < lastByte && source[from] === source[matchEnd]; from++) matchEnd++;
    matches[found++] = at;
    matches[found++] = at - candidate;
    matches[found++] = matchEnd - at;
    at = matchEnd;
    misses = 0;
    positions[slotOf(words.getInt32(at - 2, true))] = at - 2 - start;
  }
  return found;
}

/** Copies bytes that do not repeat, and returns the place behind them. */
export function copyLiterals(source: Uint8Array, start: number, end: number, target: Uint8Array, to: number): number {
  if (end - start > SHORT) target.set(source.subarray(start, end), to);
  else for (let from = start, at = to; from < end; ) target[at++] = source[from++];
  return to + end - start;
}

function slotOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
}
