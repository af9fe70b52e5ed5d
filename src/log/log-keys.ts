/** Keys of the embedded log in the store's table `log`; numbers big-endian, so that keys order as offsets do. */

const TOPIC = 1;
const TOPIC_COUNT = 2;
const PARTITION_END = 3;
const BATCH = 4;
const GROUP = 5;
const SEPARATOR = 0;

export const topicCountKey: Uint8Array = Buffer.of(TOPIC_COUNT);
export const topicRange = { from: Buffer.of(TOPIC), to: Buffer.of(TOPIC + 1) } as const;

export function topicKey(topic: string): Uint8Array {
  return Buffer.concat([Buffer.of(TOPIC), Buffer.from(topic)]);
}

/** The next offset and the last append time of a partition. */
export function endKey(topicId: number, partition: number): Uint8Array {
  return numbered(PARTITION_END, topicId, partition);
}

/** A stored batch, by the offset of its first record. */
export function batchKey(topicId: number, partition: number, baseOffset: number): Uint8Array {
  const key = Buffer.allocUnsafe(17);
  key.set(numbered(BATCH, topicId, partition));
  key.writeUInt32BE(Math.floor(baseOffset / 2 ** 32), 9);
  key.writeUInt32BE(baseOffset % 2 ** 32, 13);
  return key;
}

export function groupKey(group: string, topic: string, partition: number): Uint8Array {
  const number = Buffer.allocUnsafe(4);
  number.writeUInt32BE(partition);
  return Buffer.concat([groupPrefix(group), Buffer.from(topic), Buffer.of(SEPARATOR), number]);
}

/** All offsets of a group, or those of one topic. */
export function groupRange(group: string, topic?: string): { from: Uint8Array; to: Uint8Array } {
  const from =
    topic === undefined ? groupPrefix(group) : Buffer.concat([groupPrefix(group), Buffer.from(`${topic}\0`)]);
  const to = Buffer.from(from);
  to[to.length - 1] = SEPARATOR + 1;
  return { from, to };
}

export function partitionOfGroupKey(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUInt32BE(key.length - 4);
}

function groupPrefix(group: string): Buffer {
  return Buffer.concat([Buffer.of(GROUP), Buffer.from(group), Buffer.of(SEPARATOR)]);
}

function numbered(kind: number, topicId: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = kind;
  key.writeUInt32BE(topicId, 1);
  key.writeUInt32BE(partition, 5);
  return key;
}
