/**
 * Reads Kafka's record batches (magic 2) straight into the columns of a RecordBatch.
 *
 * Bytes of uncompressed batches are not copied: keys and values are places in the answer itself. Each batch's checksum
 * is compared before anything in it is believed, and what a checksum cannot vouch for is checked as well.
 *
 * Memory: what compressed batches grow to is bounded (one batch by MAX_UNPACKED_BYTES, and no second one is taken that
 * would make the sum larger), and so is the number of headers; the columns take 32 bytes for a record, which is at
 * least 7 bytes long. Where a bound is met the decoder stops early, and the next answer begins there.
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
import { MillraceError, messageOf } from '../core/errors.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import { type AbortedTransaction, AbortedRanges } from './aborted-ranges.ts';
import {
  APPEND_TIME,
  AT,
  CODEC_MASK,
  CONTROL,
  HEADER_BYTES,
  LENGTH_END,
  MAGIC,
  readInt64,
  TRANSACTIONAL,
} from './batch-layout.ts';
import { codecName, decompress } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { ColumnBuilder } from './record-columns.ts';
import { BrokenRecord, RecordReader } from './record-reader.ts';

export type { AbortedTransaction } from './aborted-ranges.ts';

export interface RecordsOfPartition {
  readonly topic: string;
  readonly partition: number;
  /** The first offset wanted; a broker answers with the whole batch that holds it. */
  readonly offset: number;
  readonly records: Buffer;
  /** As the broker listed them. */
  readonly aborted: readonly AbortedTransaction[];
}

export interface DecodedRecords {
  readonly batch: RecordBatch | undefined;
  /** Behind everything that was taken from the answer, whether a reader sees it or not. */
  readonly nextOffset: number;
}

/** The type of a control record, in its key behind a version: 0 ends a transaction by an abort. */
const ABORT_MARKER = 0;
const CONTROL_KEY_BYTES = 4;
/** A record takes at least so many bytes: what a broken count would allocate is bounded by it. */
const MIN_RECORD_BYTES = 7;
/** What one compressed batch may grow to, and what several of one answer may add up to. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/** A batch as its header describes it. */
interface RawBatch {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly attributes: number;
  readonly baseTime: number;
  readonly maxTime: number;
  readonly producerId: bigint;
  readonly count: number;
  /** Places in the answer. */
  readonly start: number;
  readonly end: number;
}

/** The records of a batch: places in the answer, or bytes of their own where they were compressed. */
interface Body {
  readonly raw: RawBatch;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** @throws MillraceError LOG_UNAVAILABLE for bytes that are no sound record batches; nothing of the answer is given out */
export function decodeRecords(answer: RecordsOfPartition): DecodedRecords {
  const aborting = new AbortedRanges(answer.aborted);
  const visible: Body[] = [];
  let nextOffset = answer.offset;
  let unpackedBytes = 0;
  for (const raw of rawBatches(answer)) {
    if ((raw.attributes & CONTROL) !== 0) {
      if (controlType(answer, raw) === ABORT_MARKER) aborting.end(raw.producerId, raw.nextOffset);
    } else if (!isHidden(raw, aborting) && raw.nextOffset > answer.offset) {
      if (visible.length > 0 && ((visible[0].raw.attributes ^ raw.attributes) & APPEND_TIME) !== 0) break;
      const body = bodyOf(answer, raw);
      if (body.bytes !== answer.records) unpackedBytes += body.end;
      if (visible.length > 0 && unpackedBytes > MAX_UNPACKED_BYTES) break;
      visible.push(body);
    }
    nextOffset = Math.max(nextOffset, raw.nextOffset);
  }
  return visible.length === 0 ? { batch: undefined, nextOffset } : columnsOf(answer, visible, nextOffset);
}

function isHidden(raw: RawBatch, aborting: AbortedRanges): boolean {
  return (raw.attributes & TRANSACTIONAL) !== 0 && aborting.covers(raw.producerId, raw.nextOffset);
}

function* rawBatches(answer: RecordsOfPartition): Generator<RawBatch> {
  const { records } = answer;
  let at = 0;
  let nextOffset = 0;
  while (at + LENGTH_END <= records.length) {
    const length = records.readInt32BE(at + AT.length);
    const end = at + LENGTH_END + length;
    // A broker cuts its answer at a number of bytes, not at a batch.
    if (end > records.length) break;
    const raw = rawBatch(answer, at, end);
    if (raw.baseOffset < nextOffset)
      throw unreadable(answer, raw.baseOffset, 'a batch begins before the last one ends');
    nextOffset = raw.nextOffset;
    yield raw;
    at = end;
  }
  // It never cuts the first: then there would be no way to go on.
  if (at === 0 && records.length > 0) throw unreadable(answer, answer.offset, 'a batch ends behind the answer');
}

function rawBatch(answer: RecordsOfPartition, at: number, end: number): RawBatch {
  const { records } = answer;
  const baseOffset = readInt64(records, at);
  const fail = (what: string): MillraceError => unreadable(answer, baseOffset, what);
  if (end > at + AT.magic && records[at + AT.magic] !== MAGIC) {
    throw fail(`the record format is ${records[at + AT.magic]}, not 2`);
  }
  if (end < at + HEADER_BYTES) throw fail('a batch is shorter than its header');
  const crc = crc32c(records.subarray(at + AT.attributes, end));
  if (crc !== records.readUInt32BE(at + AT.crc)) throw fail('the checksum of a batch is wrong');
  const attributes = records.readInt16BE(at + AT.attributes);
  const lastDelta = records.readInt32BE(at + AT.lastOffsetDelta);
  const nextOffset = baseOffset + lastDelta + 1;
  if (baseOffset < 0 || lastDelta < 0 || !Number.isSafeInteger(nextOffset)) {
    throw fail(`a batch claims offsets from ${baseOffset} to ${nextOffset - 1}`);
  }
  const count = records.readInt32BE(at + AT.count);
  const isPlain = (attributes & CODEC_MASK) === 0;
  if (count < 0 || count > lastDelta + 1 || (isPlain && count * MIN_RECORD_BYTES > end - at - HEADER_BYTES)) {
    throw fail(`a batch claims ${count} records`);
  }
  return {
    baseOffset,
    nextOffset,
    attributes,
    baseTime: readInt64(records, at + AT.baseTime),
    maxTime: readInt64(records, at + AT.maxTime),
    producerId: records.readBigInt64BE(at + AT.producerId),
    count,
    start: at + HEADER_BYTES,
    end,
  };
}

function bodyOf(answer: RecordsOfPartition, raw: RawBatch): Body {
  const { records } = answer;
  const codec = raw.attributes & CODEC_MASK;
  if (codec === 0 || raw.count === 0) return { raw, bytes: records, start: raw.start, end: raw.end };
  try {
    const bytes = decompress(codec, records.subarray(raw.start, raw.end), MAX_UNPACKED_BYTES);
    if (raw.count * MIN_RECORD_BYTES > bytes.length) throw new RangeError(`it claims ${raw.count} records`);
    return { raw, bytes, start: 0, end: bytes.length };
  } catch (error) {
    const what = `a batch compressed by ${codecName(codec)} does not unpack: ${messageOf(error)}`;
    throw unreadable(answer, raw.baseOffset, what);
  }
}

/** −1 for a batch that compaction has left without its record. */
function controlType(answer: RecordsOfPartition, raw: RawBatch): number {
  if (raw.count === 0) return -1;
  const { bytes, start, end } = bodyOf(answer, raw);
  return sound(answer, raw, () => {
    const reader = new RecordReader(bytes, start, end);
    reader.startRecord();
    const key = reader.bytes();
    if (key < 0 || reader.at - key < CONTROL_KEY_BYTES) throw new BrokenRecord('a control record has no type');
    return bytes.readInt16BE(key + 2);
  });
}

function columnsOf(answer: RecordsOfPartition, bodies: readonly Body[], nextOffset: number): DecodedRecords {
  const placed = inOneBuffer(bodies, answer.records);
  const rows = bodies.reduce((sum, { raw }) => sum + raw.count, 0);
  const builder = new ColumnBuilder(placed[0].bytes, rows, answer.offset);
  for (const { raw, start, end } of placed) {
    sound(answer, raw, () => builder.add(raw, start, end, (raw.attributes & APPEND_TIME) !== 0));
    // The next answer goes on behind the last record that had room.
    if (builder.isFull) break;
  }
  const timestampType = (bodies[0].raw.attributes & APPEND_TIME) === 0 ? 'create' : 'append';
  const batch = builder.finish({ topic: answer.topic, partition: answer.partition, timestampType });
  return { batch, nextOffset: builder.isFull && batch !== undefined ? batch.nextOffset : nextOffset };
}

/** Bodies over one buffer: the answer itself, or a copy where something was compressed. */
function inOneBuffer(bodies: readonly Body[], records: Buffer): readonly Body[] {
  if (bodies.length === 1 || bodies.every(({ bytes }) => bytes === records)) return bodies;
  const bytes = Buffer.concat(bodies.map((body) => body.bytes.subarray(body.start, body.end)));
  let at = 0;
  return bodies.map(({ raw, start, end }) => {
    const from = at;
    at += end - start;
    return { raw, bytes, start: from, end: at };
  });
}

function sound<T>(answer: RecordsOfPartition, raw: RawBatch, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BrokenRecord) throw unreadable(answer, raw.baseOffset, error.message);
    throw error;
  }
}

function unreadable({ topic, partition }: RecordsOfPartition, offset: number, what: string): MillraceError {
  return new MillraceError('LOG_UNAVAILABLE', `${topic}[${partition}] cannot be read at offset ${offset}: ${what}`, {
    place: { topic, partition, offset },
    hint: 'the broker or the network has damaged it: read it with another client to compare',
  });
}
