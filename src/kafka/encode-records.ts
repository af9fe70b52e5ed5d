/**
 * Writes rows of a RecordBatch as one of Kafka's record batches (magic 2) into a buffer that the caller keeps.
 *
 * A record is written once, behind the last: its bytes are counted first, from the slices, and copied then.
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
import type { Header, RecordBatch } from '../core/record-batch.ts';
import { AT, HEADER_BYTES, LENGTH_END, MAGIC, TRANSACTIONAL, writeInt64 } from './batch-layout.ts';
import { CODEC_NUMBERS, type Compression, compress } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { varintBytes, writeVarint } from './varint.ts';

export interface EncodedRecords {
  /** A view of the target, or a buffer of its own where the records were compressed. To be stamped before it is sent. */
  readonly bytes: Buffer;
  /** Behind the last row written. */
  readonly to: number;
}

/** What a broker knows a producer by, and where in its sequence a batch stands. */
export interface ProducerStamp {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Of the batch's first record. */
  readonly baseSequence: number;
  readonly isTransactional: boolean;
}

const NONE = -1;
/** A record's attributes: a byte that means nothing yet. */
const RECORD_ATTRIBUTES = 0;
/** Up to here a loop is faster than a view and a call. */
const SHORT = 32;

/**
 * Encodes rows `from` … of `batch` at the start of `target`. It stops before a row that does not fit, or whose time is
 * too far from the first row's for a number to hold the difference. `to === from`, and no bytes: not
 * even one row fits.
 *
 * What compression does not shorten is left as it is, so that the result is never longer than the target.
 */
export function encodeRecords(
  batch: RecordBatch,
  from: number,
  target: Buffer,
  compression: Compression,
): EncodedRecords {
  const { timestamps } = batch;
  const baseTime = timestamps[from];
  const writer = new RecordWriter(batch, target);
  let maxTime = baseTime;
  let row = from;
  for (; row < batch.length; row++) {
    const time = timestamps[row];
    if (!writer.add(row, time - baseTime, row - from)) break;
    if (time > maxTime) maxTime = time;
  }
  if (row === from) return { bytes: target.subarray(0, 0), to: from };
  const bytes = packed(target.subarray(0, writer.at), compression);
  bytes.writeInt32BE(row - from - 1, AT.lastOffsetDelta);
  writeInt64(bytes, AT.baseTime, baseTime);
  writeInt64(bytes, AT.maxTime, maxTime);
  bytes.writeInt32BE(row - from, AT.count);
  return { bytes, to: row };
}

/** Upper bound of the bytes that one row takes as a batch of its own, header included. */
export function maxEncodedBytes(batch: RecordBatch, row: number): number {
  const length = recordBytes(batch, row, 0, 0);
  return HEADER_BYTES + varintBytes(length) + length;
}

/** Writes who produces a batch and its place in the sequence, then its checksum. May be called again to stamp anew. */
export function stampBatch(bytes: Buffer, stamp: ProducerStamp): void {
  const attributes = bytes.readInt16BE(AT.attributes);
  bytes.writeInt16BE(stamp.isTransactional ? attributes | TRANSACTIONAL : attributes & ~TRANSACTIONAL, AT.attributes);
  bytes.writeBigInt64BE(stamp.producerId, AT.producerId);
  bytes.writeInt16BE(stamp.producerEpoch, AT.producerEpoch);
  bytes.writeInt32BE(stamp.baseSequence, AT.baseSequence);
  bytes.writeUInt32BE(crc32c(bytes.subarray(AT.attributes)), AT.crc);
}

/** The batch with its records compressed, if that shortens them, and with the parts of the header that follow from it. */
function packed(plain: Buffer, compression: Compression): Buffer {
  const bytes = compression === 'none' ? plain : shorter(plain, compression);
  bytes.fill(0, 0, AT.length);
  bytes.writeInt32BE(bytes.length - LENGTH_END, AT.length);
  bytes.writeInt32BE(NONE, AT.leaderEpoch);
  bytes[AT.magic] = MAGIC;
  bytes.writeUInt32BE(0, AT.crc);
  bytes.writeInt16BE(bytes === plain ? CODEC_NUMBERS.none : CODEC_NUMBERS[compression], AT.attributes);
  bytes.fill(0xff, AT.producerId, AT.count);
  return bytes;
}

function shorter(plain: Buffer, compression: Exclude<Compression, 'none'>): Buffer {
  const body = compress(compression, plain.subarray(HEADER_BYTES));
  if (HEADER_BYTES + body.length >= plain.length) return plain;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

class RecordWriter {
  at = HEADER_BYTES;
  private readonly batch: RecordBatch;
  // Not Buffers: a view of these costs less.
  private readonly source: Uint8Array;
  private readonly target: Uint8Array;

  constructor(batch: RecordBatch, target: Buffer) {
    this.batch = batch;
    this.source = batch.plain;
    this.target = new Uint8Array(target.buffer, target.byteOffset, target.length);
  }

  /** Whether there was room for it. */
  add(row: number, timeDelta: number, offsetDelta: number): boolean {
    if (timeDelta > Number.MAX_SAFE_INTEGER || timeDelta < Number.MIN_SAFE_INTEGER) return false;
    const { batch, target } = this;
    const { slices } = batch;
    const length = recordBytes(batch, row, timeDelta, offsetDelta);
    if (this.at + varintBytes(length) + length > target.length) return false;
    this.at = writeVarint(target, this.at, length);
    target[this.at++] = RECORD_ATTRIBUTES;
    this.at = writeVarint(target, this.at, timeDelta);
    this.at = writeVarint(target, this.at, offsetDelta);
    this.bytes(this.source, slices[row * 4], slices[row * 4 + 1]);
    this.bytes(this.source, slices[row * 4 + 2], slices[row * 4 + 3]);
    if (batch.headerLists === undefined) target[this.at++] = 0;
    else this.headers(batch.headers(row));
    return true;
  }

  private headers(headers: readonly Header[]): void {
    this.at = writeVarint(this.target, this.at, headers.length);
    for (const { key, value } of headers) {
      const name = Buffer.from(key);
      this.bytes(name, 0, name.length);
      this.bytes(value, 0, value.length);
    }
  }

  /** A start of −1 stands for null. */
  private bytes(source: Uint8Array, start: number, end: number): void {
    const { target } = this;
    if (start < 0) {
      this.at = writeVarint(target, this.at, NONE);
      return;
    }
    let to = writeVarint(target, this.at, end - start);
    this.at = to + end - start;
    if (end - start > SHORT) target.set(source.subarray(start, end), to);
    else for (let at = start; at < end; at++) target[to++] = source[at];
  }
}

/** What a record says its length is: all of it but the length. */
function recordBytes(batch: RecordBatch, row: number, timeDelta: number, offsetDelta: number): number {
  const { slices } = batch;
  const at = row * 4;
  const length =
    1 +
    varintBytes(timeDelta) +
    varintBytes(offsetDelta) +
    sizedBytes(slices[at], slices[at + 1]) +
    sizedBytes(slices[at + 2], slices[at + 3]);
  return batch.headerLists === undefined ? length + 1 : length + headerBytes(batch.headers(row));
}

function headerBytes(headers: readonly Header[]): number {
  let length = varintBytes(headers.length);
  for (const { key, value } of headers) {
    length += sizedBytes(0, Buffer.byteLength(key)) + sizedBytes(0, value.length);
  }
  return length;
}

/** A start of −1 stands for null. */
function sizedBytes(start: number, end: number): number {
  return start < 0 ? 1 : varintBytes(end - start) + end - start;
}
