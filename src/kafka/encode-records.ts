/** Writes rows of a RecordBatch as one Kafka record batch (magic 2). */
import { crc32c } from '@node-rs/crc32';
import type { Header, RecordBatch } from '../core/record-batch.ts';
import type { Compression } from './compression.ts';

export interface EncodedRecords {
  readonly bytes: Buffer;
  readonly to: number;
}

export interface ProducerStamp {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
}

const HEADER_BYTES = 61;

export function encodeRecords(
  batch: RecordBatch,
  from: number,
  target: Buffer,
  _compression: Compression,
): EncodedRecords {
  let at = HEADER_BYTES;
  const base = batch.timestamps[from];
  let max = base;
  let row = from;
  for (; row < batch.length; row++) {
    const size = rowBytes(batch, row);
    if (at + size + 30 > target.length) break;
    const time = batch.timestamps[row];
    if (time > max) max = time;
    const length = bodyLength(batch, row, time - base, row - from);
    at = varlong(target, at, length);
    target[at++] = 0;
    at = varlong(target, at, time - base);
    at = varlong(target, at, row - from);
    at = slice(target, at, batch.bytes, batch.slices[row * 4], batch.slices[row * 4 + 1]);
    at = slice(target, at, batch.bytes, batch.slices[row * 4 + 2], batch.slices[row * 4 + 3]);
    const headers = batch.headers(row);
    at = varlong(target, at, headers.length);
    for (const { key, value } of headers) {
      const name = Buffer.from(key);
      at = slice(target, at, name, 0, name.length);
      at = slice(target, at, value, 0, value.length);
    }
  }
  target.writeBigInt64BE(0n, 0);
  target.writeInt32BE(at - 12, 8);
  target.writeInt32BE(-1, 12);
  target[16] = 2;
  target.writeInt16BE(0, 21);
  target.writeInt32BE(row - from - 1, 23);
  target.writeBigInt64BE(BigInt(base), 27);
  target.writeBigInt64BE(BigInt(max), 35);
  target.writeInt32BE(row - from, 57);
  return { bytes: target.subarray(0, at), to: row };
}

export function maxEncodedBytes(batch: RecordBatch, row: number): number {
  return HEADER_BYTES + rowBytes(batch, row) + 40;
}

export function stampBatch(
  bytes: Buffer,
  { producerId, producerEpoch, baseSequence, isTransactional }: ProducerStamp,
): void {
  bytes.writeInt16BE((bytes.readInt16BE(21) & ~16) | (isTransactional ? 16 : 0), 21);
  bytes.writeBigInt64BE(producerId, 43);
  bytes.writeInt16BE(producerEpoch, 51);
  bytes.writeInt32BE(baseSequence, 53);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
}

function rowBytes(batch: RecordBatch, row: number): number {
  const s = batch.slices;
  let bytes = 20 + (s[row * 4 + 1] - s[row * 4]) + (s[row * 4 + 3] - s[row * 4 + 2]);
  for (const { key, value } of batch.headers(row)) bytes += 10 + key.length * 3 + value.length;
  return bytes;
}

function bodyLength(batch: RecordBatch, row: number, time: number, offset: number): number {
  const s = batch.slices;
  const at = row * 4;
  let length = 1 + size(time) + size(offset) + sized(s[at], s[at + 1]) + sized(s[at + 2], s[at + 3]);
  const headers: readonly Header[] = batch.headers(row);
  length += size(headers.length);
  for (const { key, value } of headers) {
    const bytes = Buffer.byteLength(key);
    length += size(bytes) + bytes + size(value.length) + value.length;
  }
  return length;
}

function sized(start: number, end: number): number {
  return start < 0 ? 1 : size(end - start) + end - start;
}

function size(value: number): number {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  let bytes = 1;
  while (zigzag >= 128) {
    zigzag = Math.floor(zigzag / 128);
    bytes++;
  }
  return bytes;
}

function varlong(target: Buffer, start: number, value: number): number {
  let at = start;
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  while (zigzag >= 128) {
    target[at++] = (zigzag % 128) | 128;
    zigzag = Math.floor(zigzag / 128);
  }
  target[at++] = zigzag;
  return at;
}

function slice(target: Buffer, at: number, source: Uint8Array, start: number, end: number): number {
  if (start < 0) return varlong(target, at, -1);
  const next = varlong(target, at, end - start);
  target.set(source.subarray(start, end), next);
  return next + end - start;
}
