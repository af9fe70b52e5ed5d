/** Makes one of Kafka's record batches (magic 2) of rows of a RecordBatch, and names who sends it. */
import { FULL } from '../core/batch-builder.ts';
import type { RecordBatch, SplicedValue } from '../core/record-batch.ts';
import { AT, CODEC_MASK, HEADER_BYTES, LENGTH_END, TRANSACTIONAL } from './batch-layout.ts';
import type { BatchWriter } from './batch-writer.ts';
import { CODEC_NUMBERS, type Compression, compress } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { WireBatch } from './wire-batch.ts';

export interface EncodedRecords {
  /** The memory of a batch that is one already, or memory of their own. To be stamped before they are sent. */
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

/**
 * Rows `from` … of `batch` as one record batch of at most `maxBytes`, or one row that needs more. It stops before a row that does
 * not fit, or whose time is too far from the first row's. A batch that is one already is not written anew.
 *
 * What compression does not shorten is left as it is.
 */
export function encodeRecords(
  batch: RecordBatch,
  from: number,
  maxBytes: number,
  writer: BatchWriter,
  compression: Compression,
): EncodedRecords {
  if (batch instanceof WireBatch && from === 0 && batch.bytes.length <= maxBytes) {
    return { bytes: packed(batch.bytes, compression), to: batch.length };
  }
  writer.reset();
  const key = new BatchSlice(batch);
  const value = new BatchSlice(batch);
  let row = from;
  for (; row < batch.length; row++) {
    const { timestamps, headerLists } = batch;
    const added = writer.add(key.of(row * 4), value.of(row * 4 + 2), timestamps[row], headerLists?.[row], maxBytes);
    if (added === FULL) break;
  }
  const plain = writer.finish();
  const bytes = packed(plain, compression);
  return { bytes: bytes === plain ? Buffer.from(plain) : bytes, to: row };
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

/** The batch with its records compressed, if that shortens them. */
function packed(plain: Buffer, compression: Compression): Buffer {
  if (compression === 'none') return plain;
  const body = compress(compression, plain.subarray(HEADER_BYTES));
  if (HEADER_BYTES + body.length >= plain.length) return plain;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  bytes.set(plain.subarray(0, HEADER_BYTES));
  bytes.set(body, HEADER_BYTES);
  bytes.writeInt32BE(bytes.length - LENGTH_END, AT.length);
  const attributes = bytes.readInt16BE(AT.attributes);
  bytes.writeInt16BE((attributes & ~CODEC_MASK) | CODEC_NUMBERS[compression], AT.attributes);
  return bytes;
}

const NOTHING = new DataView(new ArrayBuffer(0));

/** A key or value of a batch, one after the other. */
class BatchSlice implements SplicedValue {
  readonly bytes: DataView;
  readonly tail = NOTHING;
  from = 0;
  to = 0;
  private readonly slices: Int32Array;

  constructor(batch: RecordBatch) {
    this.bytes = batch.view;
    this.slices = batch.slices;
  }

  /** The one at `at`, valid until the next call. */
  of(at: number): this | null {
    this.from = this.slices[at];
    this.to = this.slices[at + 1];
    return this.from < 0 ? null : this;
  }
}
