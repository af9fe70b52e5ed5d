/** Which partition a key belongs to: the choice that Kafka's Java producer makes, so that both agree on a topic. */

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;
const MAX_ASCII = 127;

/**
 * The partition of a record with this key among `partitions` of them.
 *
 * @see https://github.com/apache/kafka/blob/trunk/clients/src/main/java/org/apache/kafka/common/utils/Utils.java
 */
export function partitionFor(key: string | Uint8Array, partitions: number): number {
  const hash = typeof key === 'string' ? (murmur2Ascii(key) ?? murmur2(Buffer.from(key))) : murmur2(key);
  return (hash & 0x7fffffff) % partitions;
}

/** The same hash of a text in ASCII, without making bytes of it; `undefined` for any other text. */
function murmur2Ascii(text: string): number | undefined {
  const { length } = text;
  let seen = 0;
  let h = SEED ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    seen |= a | b | c | d;
    h = mixed(h, a | (b << 8) | (c << 16) | (d << 24));
  }
  const rest = length - i;
  for (let at = length - 1; at >= i; at--) {
    const code = text.charCodeAt(at);
    seen |= code;
    h ^= code << (8 * (at - i));
  }
  if (seen > MAX_ASCII) return undefined;
  return finished(rest > 0 ? Math.imul(h, M) : h);
}

/** MurmurHash 2 in 32 bits, as a signed number. */
export function murmur2(data: Uint8Array): number {
  const { length } = data;
  let h = SEED ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    h = mixed(h, data[i] | (data[i + 1] << 8) | (data[i + 2] << 16) | (data[i + 3] << 24));
  }
  const rest = length - i;
  if (rest === 3) h ^= data[i + 2] << 16;
  if (rest >= 2) h ^= data[i + 1] << 8;
  if (rest >= 1) h = Math.imul(h ^ data[i], M);
  return finished(h);
}

function mixed(hash: number, four: number): number {
  let k = Math.imul(four, M);
  k ^= k >>> R;
  return Math.imul(hash, M) ^ Math.imul(k, M);
}

function finished(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 13), M);
  return h ^ (h >>> 15);
}
