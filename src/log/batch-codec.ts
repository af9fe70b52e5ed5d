/**
 * Batches as the embedded log stores them: a fixed head, the slices of all records, their bytes, their headers. Reading
 * lays typed arrays over the value; nothing is parsed record by record but headers, where there are any.
 *
 * Numbers are little-endian, as in the memory of every processor that Node runs on.
 */
import { type Header, RecordBatch } from '../core/record-batch.ts';

/** version, records, bytes of keys and values, bytes of headers; then base offset and append time as doubles. */
const HEAD_BYTES = 32;
const SLICE_BYTES = 16;
const VERSION = 1;
const AT = { version: 0, count: 4, dataBytes: 8, headerBytes: 12, baseOffset: 16, timestamp: 24 } as const;
const NO_HEADERS: readonly Header[] = [];

/** What the head of a stored batch says. All its records were appended at `timestamp`. */
export interface StoredHead {
  readonly count: number;
  readonly baseOffset: number;
  readonly timestamp: number;
}

export function storedHead(value: Uint8Array): StoredHead {
  const view = viewOf(value);
  const version = view.getInt32(AT.version, true);
  if (version !== VERSION)
    throw new RangeError(`a stored batch has version ${version}, this millrace reads ${VERSION}`);
  return {
    count: view.getInt32(AT.count, true),
    baseOffset: view.getFloat64(AT.baseOffset, true),
    timestamp: view.getFloat64(AT.timestamp, true),
  };
}

/** Rows `from` to `to` of a batch as one value of the log. */
export function encodeBatch(
  batch: RecordBatch,
  from: number,
  to: number,
  head: { readonly baseOffset: number; readonly timestamp: number },
): Uint8Array {
  const count = to - from;
  const headers = encodeHeaders(batch, from, to);
  const span = spanOf(batch, from, to);
  const dataAt = HEAD_BYTES + count * SLICE_BYTES;
  const value = new Uint8Array(dataAt + span.bytes + headers.length);
  const view = viewOf(value);
  view.setInt32(AT.version, VERSION, true);
  view.setInt32(AT.count, count, true);
  view.setInt32(AT.dataBytes, span.bytes, true);
  view.setInt32(AT.headerBytes, headers.length, true);
  view.setFloat64(AT.baseOffset, head.baseOffset, true);
  view.setFloat64(AT.timestamp, head.timestamp, true);
  const slices = new Int32Array(value.buffer, HEAD_BYTES, count * 4);
  const data = value.subarray(dataAt, dataAt + span.bytes);
  if (span.isDense) copyWhole(batch, from, span.start, slices, data);
  else copyEach(batch, from, slices, data);
  value.set(headers, dataAt + span.bytes);
  return value;
}

/** Stored batches of one partition, in order and without gaps, as one batch from `offset` on. */
export function decodeBatches(
  place: { readonly topic: string; readonly partition: number },
  values: readonly Uint8Array[],
  offset: number,
): RecordBatch {
  const heads = values.map(storedHead);
  const count = heads.reduce((sum, head) => sum + head.count, 0);
  const offsets = new Float64Array(count);
  const timestamps = new Float64Array(count);
  const single = values.length === 1;
  const slices = single ? slicesOf(values[0]) : new Int32Array(count * 4);
  const data = values.map(dataOf);
  const bytes = single ? data[0] : new Uint8Array(data.reduce((sum, part) => sum + part.length, 0));
  let row = 0;
  let used = 0;
  values.forEach((value, i) => {
    const head = heads[i];
    for (let k = 0; k < head.count; k++) offsets[row + k] = head.baseOffset + k;
    timestamps.fill(head.timestamp, row, row + head.count);
    if (!single) {
      bytes.set(data[i], used);
      moveSlices(slicesOf(value), slices, row * 4, used);
    }
    row += head.count;
    used += data[i].length;
  });
  const headerLists = decodeHeaders(values, heads);
  const batch = new RecordBatch({
    topic: place.topic,
    partition: place.partition,
    timestampType: 'append',
    offsets,
    timestamps,
    bytes,
    slices,
    headerLists,
  });
  const skipped = offset - heads[0].baseOffset;
  return skipped > 0 ? batch.subarray(skipped, count) : batch;
}

/** Bytes that record `row` takes in a stored batch, headers left out. */
export function storedBytes(batch: RecordBatch, row: number): number {
  const { slices } = batch;
  const at = row * 4;
  return SLICE_BYTES + slices[at + 1] - slices[at] + slices[at + 3] - slices[at + 2];
}

function moveSlices(from: Int32Array, to: Int32Array, at: number, by: number): void {
  for (let i = 0; i < from.length; i++) to[at + i] = from[i] < 0 ? -1 : from[i] + by;
}

/** Where the records' bytes lie: `isDense` when nothing else lies between the first and the last of them. */
function spanOf(batch: RecordBatch, from: number, to: number): { start: number; bytes: number; isDense: boolean } {
  const { slices } = batch;
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  let bytes = 0;
  for (let at = from * 4; at < to * 4; at += 2) {
    if (slices[at] < 0) continue;
    if (slices[at] < start) start = slices[at];
    if (slices[at + 1] > end) end = slices[at + 1];
    bytes += slices[at + 1] - slices[at];
  }
  if (start > end) start = end;
  return { start, bytes, isDense: end - start === bytes };
}

function copyWhole(batch: RecordBatch, from: number, start: number, slices: Int32Array, data: Uint8Array): void {
  const source = batch.slices;
  for (let i = 0; i < slices.length; i++) {
    const at = source[from * 4 + i];
    slices[i] = at < 0 ? -1 : at - start;
  }
  data.set(batch.bytes.subarray(start, start + data.length));
}

function copyEach(batch: RecordBatch, from: number, slices: Int32Array, data: Uint8Array): void {
  const source = batch.slices;
  let used = 0;
  for (let i = 0; i < slices.length; i += 2) {
    const start = source[from * 4 + i];
    const end = source[from * 4 + i + 1];
    if (start < 0) {
      slices[i] = -1;
      slices[i + 1] = -1;
      continue;
    }
    data.set(batch.bytes.subarray(start, end), used);
    slices[i] = used;
    used += end - start;
    slices[i + 1] = used;
  }
}

function viewOf(value: Uint8Array): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}

function slicesOf(value: Uint8Array): Int32Array {
  const length = storedHead(value).count * 4;
  const at = value.byteOffset + HEAD_BYTES;
  if (at % Int32Array.BYTES_PER_ELEMENT === 0) return new Int32Array(value.buffer as ArrayBuffer, at, length);
  return new Int32Array(value.slice(HEAD_BYTES, HEAD_BYTES + length * Int32Array.BYTES_PER_ELEMENT).buffer, 0, length);
}

function dataOf(value: Uint8Array): Uint8Array {
  const view = viewOf(value);
  const at = HEAD_BYTES + view.getInt32(AT.count, true) * SLICE_BYTES;
  return value.subarray(at, at + view.getInt32(AT.dataBytes, true));
}

/** For each record the number of headers, then each one's key and value behind their lengths; empty without any. */
function encodeHeaders(batch: RecordBatch, from: number, to: number): Uint8Array {
  if (batch.headerLists === undefined) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let any = false;
  const length = (n: number) => parts.push(new Uint8Array(Uint32Array.of(n).buffer));
  for (let row = from; row < to; row++) {
    const headers = batch.headers(row);
    any ||= headers.length > 0;
    length(headers.length);
    for (const { key, value } of headers) {
      const name = Buffer.from(key);
      length(name.length);
      length(value.length);
      parts.push(name, value);
    }
  }
  return any ? Buffer.concat(parts) : new Uint8Array();
}

function decodeHeaders(values: readonly Uint8Array[], heads: readonly StoredHead[]): (readonly Header[])[] | undefined {
  if (values.every((value) => viewOf(value).getInt32(AT.headerBytes, true) === 0)) return undefined;
  return values.flatMap((value, i) => headersOf(value, heads[i].count));
}

function headersOf(value: Uint8Array, count: number): (readonly Header[])[] {
  const view = viewOf(value);
  if (view.getInt32(AT.headerBytes, true) === 0) return Array.from({ length: count }, () => NO_HEADERS);
  let at = value.byteLength - view.getInt32(AT.headerBytes, true);
  const length = () => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const bytes = (n: number) => {
    at += n;
    return value.subarray(at - n, at);
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: length() }, (): Header => {
      const keyBytes = length();
      const valueBytes = length();
      return { key: Buffer.from(bytes(keyBytes)).toString(), value: bytes(valueBytes) };
    }),
  );
}
