/**
 * Zigzag varints as record batches hold them, without BigInt: exact for every whole number up to 2^53 either way.
 *
 * The low bit is the sign: of a number below zero, the bits above it are those of −1 − number.
 * @see https://protobuf.dev/programming-guides/encoding/#signed-ints
 */

/** Zigzagged numbers up to here fit into 31 bits, for which there are faster ways. */
const SMALL = 2 ** 30;

/** Bytes that `value` takes. */
export function varintBytes(value: number): number {
  if (value >= -64 && value < 64) return 1;
  if (value >= -8_192 && value < 8_192) return 2;
  let bytes = 2;
  for (let rest = (value < 0 ? -1 - value : value) / 8_192; rest >= 1; rest /= 128) bytes++;
  return bytes;
}

/** Writes `value` and returns the place behind it. */
export function writeVarint(target: Uint8Array, start: number, value: number): number {
  let at = start;
  if (value < SMALL && value >= -SMALL) {
    let bits = (value << 1) ^ (value >> 31);
    for (; bits > 127; bits >>>= 7) target[at++] = (bits & 127) | 128;
    target[at++] = bits;
    return at;
  }
  const sign = value < 0 ? 1 : 0;
  const magnitude = sign === 1 ? -1 - value : value;
  target[at++] = ((magnitude % 64) << 1) | sign | 128;
  let rest = Math.floor(magnitude / 64);
  for (; rest > 127; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 128;
  target[at++] = rest;
  return at;
}
