/** Copies bytes between buffers, for the short runs that records are made of. */

/** Longer runs a call of the engine copies faster than a loop of our own. */
const LONG = 320;
const STEP = 8;
const WORD = 4;

/**
 * Copies `from` to `to` of `source` to `at` in `target`, which may not be the same memory. A view of a part, which `set` would need,
 * is an object of a hundred bytes for each record; eight bytes at a time cost half as much, and nothing to collect.
 */
export function copyBytes(source: DataView, from: number, to: number, target: DataView, at: number): void {
  const length = to - from;
  if (length > LONG) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset + from, length);
    new Uint8Array(target.buffer, target.byteOffset + at, length).set(bytes);
    return;
  }
  if (length < STEP) {
    for (let i = 0; i < length; i++) target.setUint8(at + i, source.getUint8(from + i));
    return;
  }
  const last = length - STEP;
  for (let i = 0; i < last; i += STEP) copyStep(source, from + i, target, at + i);
  // May overlap what was copied before it.
  copyStep(source, from + last, target, at + last);
}

function copyStep(source: DataView, from: number, target: DataView, at: number): void {
  target.setInt32(at, source.getInt32(from, true), true);
  target.setInt32(at + WORD, source.getInt32(from + WORD, true), true);
}

/** A view of the same bytes. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
