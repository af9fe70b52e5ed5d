/** Copies bytes between buffers, for the short runs that records are made of. */

/** Longer runs a call of the engine copies faster than a loop of our own. */
const LONG = 320;
const WORD = 4;
const TWO = 2 * WORD;
const FOUR = 4 * WORD;

/**
 * Copies `from` to `to` of `source` to `at` in `target`, which may not be the same memory. A view of a part, which `set` would need,
 * is an object of a hundred bytes for each record; a loop over words takes no longer, and leaves nothing to collect.
 */
export function copyBytes(source: DataView, from: number, to: number, target: DataView, at: number): void {
  const length = to - from;
  if (length > LONG) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset + from, length);
    new Uint8Array(target.buffer, target.byteOffset + at, length).set(bytes);
  } else if (length >= FOUR) {
    const last = length - FOUR;
    for (let i = 0; i < last; i += FOUR) copyFour(source, from + i, target, at + i);
    // May overlap what was copied before it, as below.
    copyFour(source, from + last, target, at + last);
  } else if (length >= TWO) {
    copyTwo(source, from, target, at);
    copyTwo(source, to - TWO, target, at + length - TWO);
  } else {
    for (let i = 0; i < length; i++) target.setUint8(at + i, source.getUint8(from + i));
  }
}

function copyFour(source: DataView, from: number, target: DataView, at: number): void {
  copyTwo(source, from, target, at);
  copyTwo(source, from + TWO, target, at + TWO);
}

function copyTwo(source: DataView, from: number, target: DataView, at: number): void {
  target.setInt32(at, source.getInt32(from, true), true);
  target.setInt32(at + WORD, source.getInt32(from + WORD, true), true);
}

/** A view of the same bytes. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
