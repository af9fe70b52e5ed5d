/**
 * Reads Kafka's record batches (magic 2) straight into the columns of a RecordBatch.
 *
 * Bytes of uncompressed batches are not copied: keys and values are places in the answer itself.
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
import { gunzipSync } from 'node:zlib';
import { MillraceError, messageOf } from '../core/errors.ts';
import { type Header, RecordBatch } from '../core/record-batch.ts';

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

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
  /** Behind everything that was in the answer, whether a reader sees it or not. */
  readonly nextOffset: number;
}

/** Places in a batch, behind the first offset and the length (12 bytes). */
const AT = { length: 8, magic: 16, attributes: 21, lastDelta: 23, baseTime: 27, maxTime: 35, producer: 43, count: 57 };
const HEADER_BYTES = 61;
const LENGTH_END = 12;
const MAGIC = 2;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const CODEC_MASK = 7;
const APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;
/** The type of a control record, in its key behind a version: 0 ends a transaction by an abort. */
const ABORT_MARKER = 0;
/** A record takes at least so many bytes: what a broken count would allocate is bounded by it. */
const MIN_RECORD_BYTES = 7;
/** What one compressed batch may grow to. */
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;

interface RawBatch {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly attributes: number;
  readonly baseTime: number;
  readonly maxTime: number;
  readonly producerId: bigint;
  readonly count: number;
  readonly body: Buffer;
  /** Where `body` starts in what holds all bodies. */
  start: number;
}

export function decodeRecords(answer: RecordsOfPartition): DecodedRecords {
  let nextOffset = answer.offset;
  const visible: RawBatch[] = [];
  const aborting = new AbortedRanges(answer.aborted);
  for (const raw of rawBatches(answer)) {
    nextOffset = Math.max(nextOffset, raw.nextOffset);
    if ((raw.attributes & CONTROL) !== 0) aborting.marker(raw);
    else if (!aborting.covers(raw) && raw.nextOffset > answer.offset) visible.push(raw);
  }
  if (visible.length === 0) return { batch: undefined, nextOffset };
  const bytes = bytesOf(visible, answer.records);
  return { batch: columnsOf(answer, visible, bytes), nextOffset };
}

/**
 * Which batches belong to transactions that were aborted. A broker lists those that overlap the answer; from its first
 * offset on, a listed transaction covers its producer's batches up to the marker that ends it.
 */
class AbortedRanges {
  private readonly upcoming: AbortedTransaction[];
  private readonly open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.upcoming = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset);
  }

  covers({ attributes, producerId, nextOffset }: RawBatch): boolean {
    this.openUpTo(nextOffset);
    return (attributes & TRANSACTIONAL) !== 0 && this.open.has(producerId);
  }

  marker(raw: RawBatch): void {
    this.openUpTo(raw.nextOffset);
    if (controlType(raw) === ABORT_MARKER) this.open.delete(raw.producerId);
  }

  private openUpTo(nextOffset: number): void {
    for (let next = this.upcoming.at(-1); next !== undefined && next.firstOffset < nextOffset; ) {
      this.open.add(next.producerId);
      this.upcoming.pop();
      next = this.upcoming.at(-1);
    }
  }
}

function* rawBatches(answer: RecordsOfPartition): Generator<RawBatch> {
  const { records } = answer;
  for (let at = 0; at + HEADER_BYTES <= records.length; ) {
    const end = at + LENGTH_END + records.readInt32BE(at + AT.length);
    // A broker cuts its answer at a number of bytes, not at a batch.
    if (end > records.length) return;
    if (records[at + AT.magic] !== MAGIC)
      throw unreadable(answer, `the record format is ${records[at + AT.magic]}, not 2`);
    if (end < at + HEADER_BYTES) throw unreadable(answer, 'a batch is shorter than its header');
    yield rawBatch(answer, at, end);
    at = end;
  }
}

function rawBatch(answer: RecordsOfPartition, at: number, end: number): RawBatch {
  const { records } = answer;
  const attributes = records.readInt16BE(at + AT.attributes);
  const packed = records.subarray(at + HEADER_BYTES, end);
  const isPlain = (attributes & CODEC_MASK) === 0;
  const body = isPlain ? packed : inflate(answer, packed, attributes & CODEC_MASK);
  const count = records.readInt32BE(at + AT.count);
  if (count < 0 || count * MIN_RECORD_BYTES > body.length) throw unreadable(answer, `a batch claims ${count} records`);
  const baseOffset = int64(records, at);
  return {
    baseOffset,
    nextOffset: baseOffset + records.readInt32BE(at + AT.lastDelta) + 1,
    attributes,
    baseTime: int64(records, at + AT.baseTime),
    maxTime: int64(records, at + AT.maxTime),
    producerId: records.readBigInt64BE(at + AT.producer),
    count,
    body,
    start: isPlain ? at + HEADER_BYTES : -1,
  };
}

function inflate(answer: RecordsOfPartition, packed: Buffer, codec: number): Buffer {
  if (CODECS[codec] !== 'gzip') {
    const hint = 'produce with gzip or without compression, or set compression.type=gzip on the topic';
    throw unreadable(answer, `records are compressed with ${CODECS[codec] ?? `codec ${codec}`}`, hint);
  }
  try {
    return gunzipSync(packed, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (error) {
    throw unreadable(answer, `a compressed batch does not unpack: ${messageOf(error)}`);
  }
}

function controlType({ body }: RawBatch): number {
  const reader = new Reader(body, 0);
  reader.startRecord();
  const key = reader.bytes();
  return key < 0 ? -1 : body.readInt16BE(key + 2);
}

/** One buffer that holds the bodies of all: the answer itself, or a copy where something was compressed. */
function bytesOf(batches: readonly RawBatch[], records: Buffer): Buffer {
  if (batches.every(({ start }) => start >= 0)) return records;
  let start = 0;
  for (const batch of batches) {
    batch.start = start;
    start += batch.body.length;
  }
  return Buffer.concat(batches.map(({ body }) => body));
}

function columnsOf(answer: RecordsOfPartition, batches: readonly RawBatch[], bytes: Buffer): RecordBatch | undefined {
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const offsets = new Float64Array(count);
  const timestamps = new Float64Array(count);
  const slices = new Int32Array(count * 4);
  const headerLists = new HeaderLists();
  let row = 0;
  for (const { baseOffset, attributes, baseTime, maxTime, count: records, start } of batches) {
    const isAppendTime = (attributes & APPEND_TIME) !== 0;
    const reader = new Reader(bytes, start);
    for (let i = 0; i < records; i++) {
      const { end, timeDelta, offsetDelta } = reader.startRecord();
      offsets[row] = baseOffset + offsetDelta;
      timestamps[row] = isAppendTime ? maxTime : baseTime + timeDelta;
      const at = row * 4;
      slices[at] = reader.bytes();
      slices[at + 1] = slices[at] < 0 ? -1 : reader.at;
      slices[at + 2] = reader.bytes();
      slices[at + 3] = slices[at + 2] < 0 ? -1 : reader.at;
      headerLists.read(reader, row);
      if (reader.at !== end) throw unreadable(answer, `a record ends at another byte than it says`);
      if (offsets[row] >= answer.offset) row++;
    }
  }
  if (row === 0) return undefined;
  return new RecordBatch({
    topic: answer.topic,
    partition: answer.partition,
    timestampType: (batches[0].attributes & APPEND_TIME) === 0 ? 'create' : 'append',
    offsets: offsets.subarray(0, row),
    timestamps: timestamps.subarray(0, row),
    bytes,
    slices: slices.subarray(0, row * 4),
    headerLists: headerLists.upTo(row),
  });
}

/** Headers are rare: nothing is kept until there is one. */
class HeaderLists {
  private lists: (readonly Header[])[] | undefined;

  read(reader: Reader, row: number): void {
    const count = reader.varint();
    if (count <= 0 && this.lists === undefined) return;
    this.lists ??= [];
    while (this.lists.length < row) this.lists.push([]);
    this.lists[row] = Array.from({ length: count }, () => reader.header());
  }

  upTo(rows: number): readonly (readonly Header[])[] | undefined {
    return this.lists?.slice(0, rows);
  }
}

class Reader {
  at: number;
  private readonly data: Buffer;

  constructor(data: Buffer, at: number) {
    this.data = data;
    this.at = at;
  }

  startRecord(): { readonly end: number; readonly timeDelta: number; readonly offsetDelta: number } {
    const end = this.varint() + this.at;
    // One byte of attributes, which mean nothing yet.
    this.at++;
    return { end, timeDelta: this.varlong(), offsetDelta: this.varint() };
  }

  /** Where the next bytes start, −1 for null; `at` is then their end. */
  bytes(): number {
    const length = this.varint();
    if (length < 0) return -1;
    const start = this.at;
    this.at += length;
    return start;
  }

  header(): Header {
    const key = this.bytes();
    const name = this.data.toString('utf8', key, this.at);
    const value = this.bytes();
    return { key: name, value: value < 0 ? new Uint8Array() : this.data.subarray(value, this.at) };
  }

  varint(): number {
    let bits = this.data[this.at++];
    if (bits < 128) return (bits >>> 1) ^ -(bits & 1);
    bits &= 127;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.data[this.at++];
      bits |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** Exact up to 2^53: times are. */
  varlong(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.data[this.at++];
      value += (byte & 127) * factor;
      if (byte < 128 || byte === undefined) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

function int64(data: Buffer, at: number): number {
  return data.readInt32BE(at) * 4_294_967_296 + data.readUInt32BE(at + 4);
}

function unreadable({ topic, partition, offset }: RecordsOfPartition, what: string, hint?: string): MillraceError {
  return new MillraceError('LOG_UNAVAILABLE', `${topic}[${partition}] cannot be read: ${what}`, {
    place: { topic, partition, offset },
    hint: hint ?? 'the broker or the network has damaged it: read it with another client to compare',
  });
}
