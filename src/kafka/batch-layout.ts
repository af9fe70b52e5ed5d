/**
 * Where things are in a record batch of magic 2: one header for all its records, then the records, which may be
 * compressed together.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 */

/** Places from the first byte on; the length counts what comes behind itself, the checksum covers all from `attributes`. */
export const AT = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTime: 27,
  maxTime: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
} as const;

export const HEADER_BYTES = 61;
/** The first offset and the length itself, which the length leaves out. */
export const LENGTH_END = 12;
export const MAGIC = 2;

/** In the attributes: the lowest three bits name a codec. */
export const CODEC_MASK = 7;
export const APPEND_TIME = 8;
export const TRANSACTIONAL = 16;
export const CONTROL = 32;

const TWO_TO_32 = 4_294_967_296;

/** A signed number of eight bytes; beyond 2^53 it is rounded. */
export function readInt64(data: Buffer, at: number): number {
  return data.readInt32BE(at) * TWO_TO_32 + data.readUInt32BE(at + 4);
}

export function writeInt64(target: Buffer, at: number, value: number): void {
  target.writeInt32BE(Math.floor(value / TWO_TO_32), at);
  target.writeUInt32BE(value >>> 0, at + 4);
}

const NONE = -1;

/**
 * The header of the batch that `bytes` are: `count` records that are not compressed, and of a sender that nobody knows yet. The
 * checksum is for whoever names the sender.
 */
export function writeBatchHeader(bytes: Buffer, count: number, baseTime: number, maxTime: number): void {
  bytes.fill(0, 0, AT.length);
  bytes.writeInt32BE(bytes.length - LENGTH_END, AT.length);
  bytes.writeInt32BE(NONE, AT.leaderEpoch);
  bytes[AT.magic] = MAGIC;
  bytes.writeUInt32BE(0, AT.crc);
  bytes.writeInt16BE(0, AT.attributes);
  bytes.writeInt32BE(count - 1, AT.lastOffsetDelta);
  writeInt64(bytes, AT.baseTime, baseTime);
  writeInt64(bytes, AT.maxTime, maxTime);
  bytes.fill(0xff, AT.producerId, AT.count);
  bytes.writeInt32BE(count, AT.count);
}
