/**
 * Writes records as one of Kafka's record batches (magic 2): each once, where it belongs on the wire, behind room for the header.
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
import { FULL, SHORT_TEXT, writeShortAscii, writeSpliced } from '../core/batch-builder.ts';
import { commonBytes } from '../core/common-bytes.ts';
import type { Header, RecordValue } from '../core/record-batch.ts';
import { ReusedMemory } from '../core/reused-memory.ts';
import { HEADER_BYTES, writeBatchHeader } from './batch-layout.ts';
import { varintBytes, writeVarint } from './varint.ts';

/** A record's attributes: a byte that means nothing yet. */
const RECORD_ATTRIBUTES = 0;
/** As a length, and as the start of what has none. */
const NULL = -1;
const NO_HEADERS: readonly Header[] = [];

export class BatchWriter {
  /** Records so far. */
  count = 0;
  /** Where the key and the value of the last record begin and end; −1 for null. */
  keyStart = NULL;
  keyEnd = NULL;
  valueStart = NULL;
  valueEnd = NULL;
  private readonly maxBytes: number;
  private readonly memory = new ReusedMemory();
  private used = HEADER_BYTES;
  private baseTime = 0;
  private maxTime = 0;

  /** A batch has at most `maxBytes`, header included, or one record that needs more. */
  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.maxBytes = maxBytes;
  }

  /** Bytes of the records so far. */
  get byteLength(): number {
    return this.used - HEADER_BYTES;
  }

  get memoryBytes(): number {
    return this.memory.buffer.length;
  }

  get isTooLarge(): boolean {
    return this.memory.isTooLarge;
  }

  /**
   * Returns the bytes that the record takes; FULL, and nothing is written, when it is for the next batch: there is no room for it,
   * or its time is too far from the first one's for a number to hold the difference.
   */
  add(
    key: RecordValue,
    value: RecordValue,
    timestamp: number,
    headers: readonly Header[] = NO_HEADERS,
    maxBytes = this.maxBytes,
  ): number {
    const { count, used } = this;
    // On the wire times are whole.
    const time = Math.floor(timestamp);
    const timeDelta = count === 0 ? 0 : time - this.baseTime;
    const keyBytes = bytesOf(key);
    const valueBytes = bytesOf(value);
    const length =
      1 + varintBytes(timeDelta) + varintBytes(count) + sized(keyBytes) + sized(valueBytes) + headerBytes(headers);
    const added = varintBytes(length) + length;
    if (count > 0 && (used + added > maxBytes || !Number.isSafeInteger(timeDelta))) return FULL;
    this.memory.reserve(used, used + added);
    const { bytes } = this.memory;
    let at = writeVarint(bytes, used, length);
    bytes[at++] = RECORD_ATTRIBUTES;
    at = writeVarint(bytes, at, timeDelta);
    at = writeVarint(bytes, at, count);
    const keyAt = writeVarint(bytes, at, keyBytes);
    const valueAt = writeVarint(bytes, keyAt + Math.max(0, keyBytes), valueBytes);
    // A short text is thought to be ASCII until it is written.
    if (!this.put(key, keyAt, keyBytes) || !this.put(value, valueAt, valueBytes))
      return this.add(encoded(key), encoded(value), timestamp, headers, maxBytes);
    at = valueAt + Math.max(0, valueBytes);
    at = writeVarint(bytes, at, headers.length);
    if (headers.length > 0) this.putHeaders(headers, at);
    this.notePlaces(keyAt, keyBytes, valueAt, valueBytes);
    this.noteTime(time);
    this.count++;
    this.used = used + added;
    return added;
  }

  /** The batch, to be stamped before it is sent: a view of memory that is written into again behind `reset`. */
  finish(): Buffer {
    const bytes = this.memory.buffer.subarray(0, this.used);
    writeBatchHeader(bytes, this.count, this.baseTime, this.maxTime);
    return bytes;
  }

  reset(): void {
    this.memory.reset(this.used);
    this.count = 0;
    this.used = HEADER_BYTES;
  }

  private notePlaces(keyAt: number, keyBytes: number, valueAt: number, valueBytes: number): void {
    this.keyStart = keyBytes < 0 ? NULL : keyAt;
    this.keyEnd = keyBytes < 0 ? NULL : keyAt + keyBytes;
    this.valueStart = valueBytes < 0 ? NULL : valueAt;
    this.valueEnd = valueBytes < 0 ? NULL : valueAt + valueBytes;
  }

  private noteTime(time: number): void {
    if (this.count === 0) {
      this.baseTime = time;
      this.maxTime = time;
    } else if (time > this.maxTime) {
      this.maxTime = time;
    }
  }

  /** Returns whether it takes `length` bytes. */
  private put(data: RecordValue, at: number, length: number): boolean {
    const { buffer, bytes, view } = this.memory;
    if (data === null) return true;
    if (typeof data === 'string') {
      if (data.length <= SHORT_TEXT) return writeShortAscii(data, view, at) !== undefined;
      buffer.write(data, at, length);
    } else if (data instanceof Uint8Array) bytes.set(data, at);
    else writeSpliced(data, view, at);
    return true;
  }

  private putHeaders(headers: readonly Header[], start: number): void {
    let at = start;
    for (const { key, value } of headers) {
      at = this.putSized(commonBytes(key), at);
      at = this.putSized(value, at);
    }
  }

  private putSized(data: Uint8Array, start: number): number {
    const { bytes } = this.memory;
    const at = writeVarint(bytes, start, data.length);
    bytes.set(data, at);
    return at + data.length;
  }
}

/** What is a text becomes its bytes. */
function encoded(data: RecordValue): RecordValue {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

/** NULL for null; a short text counts as ASCII. */
function bytesOf(data: RecordValue): number {
  if (data === null) return NULL;
  if (typeof data === 'string') return data.length <= SHORT_TEXT ? data.length : Buffer.byteLength(data);
  if (data instanceof Uint8Array) return data.length;
  return data.to - data.from + data.tail.byteLength;
}

/** With the length in front. */
function sized(length: number): number {
  return length < 0 ? 1 : varintBytes(length) + length;
}

function headerBytes(headers: readonly Header[]): number {
  let length = varintBytes(headers.length);
  for (const { key, value } of headers) length += sized(commonBytes(key).length) + sized(value.length);
  return length;
}
