/** How the embedded log lies in a store: topics, ends of partitions, batches. Every function works on one view of it. */
import { MillraceError } from '../core/errors.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import { pack, unpack } from '../state/codec.ts';
import type { ReadView, WriteTransaction } from '../state/state-store.ts';
import { decodeBatches, encodeBatch, storedBytes, storedHead } from './batch-codec.ts';
import type { TopicSpec } from './log-client.ts';
import { batchKey, endKey, topicCountKey, topicKey, topicRange } from './log-keys.ts';

/** Larger appends are cut, so that a reader of few bytes need not load many. */
const MAX_STORED_BYTES = 512 * 1024;
const END_BYTES = 16;
/** Kafka's rule, so that a pipeline can move between the two. */
const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

export interface StoredTopic extends TopicSpec {
  readonly id: number;
}

/** Where a partition ends: the next offset, and the greatest append time so far. */
interface PartitionEnd {
  readonly offset: number;
  readonly timestamp: number;
}

export function readTopic(view: ReadView, topic: string): StoredTopic | undefined {
  const value = view.get('log', topicKey(topic));
  return value === undefined ? undefined : (unpack(value) as StoredTopic);
}

export function readTopics(view: ReadView): StoredTopic[] {
  return [...view.range('log', topicRange)].map(([, value]) => unpack(value) as StoredTopic);
}

/** Creates a topic unless it exists. */
export function createTopic(transaction: WriteTransaction, { topic, partitions }: TopicSpec): void {
  if (readTopic(transaction, topic) !== undefined) return;
  const count = transaction.get('log', topicCountKey);
  const id = count === undefined ? 0 : (unpack(count) as number);
  const stored: StoredTopic = { id, topic, partitions };
  transaction.put('log', topicKey(topic), pack(stored));
  transaction.put('log', topicCountKey, pack(id + 1));
}

/** @throws MillraceError CONFIG_INVALID */
export function assertTopicSpec({ topic, partitions }: TopicSpec): void {
  if (!TOPIC_NAME.test(topic)) {
    throw new MillraceError('CONFIG_INVALID', `'${topic}' cannot be the name of a topic`, {
      hint: 'use 1 to 249 of the letters a-z and A-Z, digits, dots, underscores and dashes',
    });
  }
  if (!Number.isInteger(partitions) || partitions < 1) {
    throw new MillraceError('CONFIG_INVALID', `topic ${topic} cannot have ${partitions} partitions`, {
      place: { topic },
      hint: 'give a whole number from 1 on',
    });
  }
}

export function readEnd(view: ReadView, topic: StoredTopic, partition: number): PartitionEnd {
  const value = view.get('log', endKey(topic.id, partition));
  if (value === undefined) return { offset: 0, timestamp: Number.NEGATIVE_INFINITY };
  const numbers = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return { offset: numbers.getFloat64(0), timestamp: numbers.getFloat64(8) };
}

/** Appends a batch and returns its first offset. Append times never fall within a partition, even if the clock does. */
export function appendBatch(
  transaction: WriteTransaction,
  topic: StoredTopic,
  batch: RecordBatch,
  now: number,
): number {
  const end = readEnd(transaction, topic, batch.partition);
  if (batch.length === 0) return end.offset;
  const timestamp = Math.max(now, end.timestamp);
  for (let from = 0; from < batch.length; ) {
    const to = cut(batch, from);
    const baseOffset = end.offset + from;
    const value = encodeBatch(batch, from, to, { baseOffset, timestamp });
    transaction.put('log', batchKey(topic.id, batch.partition, baseOffset), value);
    from = to;
  }
  const next = new DataView(new ArrayBuffer(END_BYTES));
  next.setFloat64(0, end.offset + batch.length);
  next.setFloat64(8, timestamp);
  transaction.put('log', endKey(topic.id, batch.partition), new Uint8Array(next.buffer));
  return end.offset;
}

/** Records from `offset` to `end`, up to `maxBytes`; with `atLeastOne`, one even if it is larger. */
export function readRecords(
  view: ReadView,
  place: { readonly topic: StoredTopic; readonly partition: number },
  from: { readonly offset: number; readonly end: number },
  limit: { readonly maxBytes: number; readonly atLeastOne: boolean },
): RecordBatch | undefined {
  const { topic, partition } = place;
  const { offset, end } = from;
  const values: Uint8Array[] = [];
  let bytes = 0;
  const range = { from: batchKey(topic.id, partition, offset), to: batchKey(topic.id, partition, end) };
  for (const [, value] of view.range('log', range)) {
    if (values.length === 0) bytes = collectFirst(view, place, offset, value, values);
    else {
      values.push(value);
      bytes += value.length;
    }
    if (bytes >= limit.maxBytes) break;
  }
  // The offset lies in the last stored batch.
  if (values.length === 0) {
    values.push(batchAt(view, place, offset));
    bytes = values[0].length;
  }
  const batch = decodeBatches({ topic: topic.topic, partition }, values, offset);
  return bytes <= limit.maxBytes ? batch : within(batch, limit);
}

/** The first offset whose append time is at or after `timestamp`, or the end. */
export function offsetAtTime(view: ReadView, topic: StoredTopic, partition: number, timestamp: number): number {
  let low = 0;
  let high = readEnd(view, topic, partition).offset;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const head = storedHead(batchAt(view, { topic, partition }, middle));
    if (head.timestamp >= timestamp) high = head.baseOffset;
    else low = head.baseOffset + head.count;
  }
  return low;
}

/** Takes the value that a range found first, behind the one that holds `offset` where the two differ. */
function collectFirst(
  view: ReadView,
  place: { readonly topic: StoredTopic; readonly partition: number },
  offset: number,
  found: Uint8Array,
  values: Uint8Array[],
): number {
  if (storedHead(found).baseOffset !== offset) values.push(batchAt(view, place, offset));
  values.push(found);
  return values.reduce((sum, value) => sum + value.length, 0);
}

/** The stored batch that holds `offset`. */
function batchAt(
  view: ReadView,
  { topic, partition }: { readonly topic: StoredTopic; readonly partition: number },
  offset: number,
): Uint8Array {
  const range = { from: batchKey(topic.id, partition, 0), to: batchKey(topic.id, partition, offset + 1) };
  for (const [, value] of view.range('log', { ...range, reverse: true, limit: 1 })) return value;
  throw new MillraceError('LOG_UNAVAILABLE', 'the embedded log has lost a record', {
    place: { topic: topic.topic, partition, offset },
    hint: 'the files of the state directory were changed from outside: restore them, or start with a new directory',
  });
}

/** The end of the rows from `from` on that are stored as one value: at least one row. */
function cut(batch: RecordBatch, from: number): number {
  let to = from;
  for (let bytes = 0; to < batch.length; to++) {
    bytes += storedBytes(batch, to);
    if (bytes > MAX_STORED_BYTES && to > from) break;
  }
  return to;
}

function within(
  batch: RecordBatch,
  { maxBytes, atLeastOne }: { readonly maxBytes: number; readonly atLeastOne: boolean },
): RecordBatch | undefined {
  let rows = 0;
  for (let bytes = 0; rows < batch.length; rows++) {
    bytes += storedBytes(batch, rows);
    if (bytes > maxBytes && !(rows === 0 && atLeastOne)) break;
  }
  if (rows === 0) return undefined;
  return rows === batch.length ? batch : batch.subarray(0, rows);
}
