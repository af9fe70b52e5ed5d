/** Accounts for every record of the input: emitted once as it was, or in the DLQ once, byte for byte and with a reason. */
import { decodeDlqRecord } from '../../src/core/dlq-record.ts';
import type { LogRecord } from '../../src/core/record-batch.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import type { FuzzedRecord } from './values.ts';

export const PARTITIONS = 3;
const FETCH_BYTES = 4 * 1024 * 1024;
const MAX_TOLD = 20;
const NEVER = 0;
const [HONEST, EMITTED, REJECTED, LATE] = [1, 2, 4, 8];

export interface Account {
  readonly emitted: number;
  readonly rejected: number;
  readonly late: number;
  readonly honest: number;
  /** By kind of rejection. */
  readonly kinds: Readonly<Record<string, number>>;
  /** What is wrong, in words; the first of it. */
  readonly mistakes: readonly string[];
}

export class Ledger {
  /** Of the bytes of each record, and of what JSON makes of them: all of them do not fit into memory. */
  private readonly hashes: Uint32Array;
  private readonly meanings: Uint32Array;
  private readonly marks: Uint8Array;
  private readonly mistakes: string[] = [];

  constructor(records: number) {
    this.hashes = new Uint32Array(records);
    this.meanings = new Uint32Array(records);
    this.marks = new Uint8Array(records);
  }

  fed(index: number, { key, value, isHonest }: FuzzedRecord): void {
    this.hashes[index] = hash(key) ^ hash(value);
    this.meanings[index] = meaningOf(value);
    this.marks[index] = isHonest ? HONEST : NEVER;
  }

  async check(log: LogClient): Promise<Account> {
    const kinds: Record<string, number> = {};
    for await (const record of recordsOf(log, 'processed-orders')) this.emitted(record);
    for await (const record of recordsOf(log, 'orders-dlq')) {
      const kind = this.set(record, REJECTED);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    for await (const record of recordsOf(log, 'orders-late')) this.set(record, LATE);
    const count = (mark: number) => this.marks.reduce((sum, marks) => sum + (marks & mark ? 1 : 0), 0);
    this.marks.forEach((marks, index) => this.judge(marks, index));
    const { mistakes } = this;
    return {
      emitted: count(EMITTED),
      rejected: count(REJECTED),
      late: count(LATE),
      honest: count(HONEST),
      kinds,
      mistakes,
    };
  }

  private judge(marks: number, index: number): void {
    const isEmitted = (marks & EMITTED) > 0;
    if (isEmitted === (marks & REJECTED) > 0) {
      this.mistake(`record ${index} is ${isEmitted ? 'both emitted and rejected' : 'neither emitted nor rejected'}`);
    }
    if ((marks & LATE) > 0 && !isEmitted) this.mistake(`record ${index} is late and was not emitted`);
    if ((marks & HONEST) > 0 && !isEmitted) this.mistake(`record ${index} is honest and was rejected`);
    if ((marks & HONEST) > 0 && (marks & LATE) > 0) this.mistake(`record ${index} is honest and came to be late`);
  }

  private emitted({ value }: LogRecord): void {
    const { from, product_name, processed_at, ...order } = JSON.parse(textOf(value!)) as Record<string, unknown>;
    const [partition, offset] = from as [number, number];
    const index = offset * PARTITIONS + partition;
    this.mark(index, EMITTED);
    if (typeof product_name !== 'string' || typeof processed_at !== 'string')
      this.mistake(`record ${index} was not enriched`);
    if (hash(Buffer.from(canonical(order))) !== this.meanings[index])
      this.mistake(`record ${index} was emitted as another`);
  }

  /** Returns the kind of the rejection. */
  private set(record: LogRecord, mark: number): string {
    const dlq = decodeDlqRecord(record);
    if (dlq?.offset === undefined || dlq.partition === undefined) {
      this.mistake(`${record.topic}[${record.partition}] holds no DLQ record at offset ${record.offset}`);
      return '';
    }
    const index = dlq.offset * PARTITIONS + dlq.partition;
    this.mark(index, mark);
    if ((hash(dlq.key) ^ hash(dlq.payload)) >>> 0 !== this.hashes[index])
      this.mistake(`record ${index} has other bytes in the DLQ`);
    if (dlq.reason === '') this.mistake(`record ${index} was rejected without a reason`);
    return dlq.kind ?? '';
  }

  private mark(index: number, mark: number): void {
    if ((this.marks[index] & mark) > 0) this.mistake(`record ${index} was written twice`);
    this.marks[index] |= mark;
  }

  private mistake(text: string): void {
    if (this.mistakes.length < MAX_TOLD) this.mistakes.push(text);
  }
}

async function* recordsOf(log: LogClient, topic: string): AsyncGenerator<LogRecord> {
  for (const [partition, end] of (await log.offsets(topic, 'latest')).entries()) {
    for (let offset = 0; offset < end; ) {
      const [answer] = await log.fetch([{ topic, partition, offset }], { maxBytes: FETCH_BYTES, maxWaitMs: 0 });
      for (let row = 0; row < (answer.batch?.length ?? 0); row++) yield answer.batch!.record(row);
      offset = answer.nextOffset;
    }
  }
}

function meaningOf(value: Uint8Array | null): number {
  try {
    // A byte order mark in front is no part of the document (RFC 8259, section 8.1).
    const parsed: unknown = JSON.parse(textOf(value!).replace(/^\ufeff/, ''));
    return typeof parsed === 'object' && parsed !== null ? hash(Buffer.from(canonical(parsed))) : 0;
  } catch {
    return 0;
  }
}

/** Fields in one order, and none that would become the prototype of a copy: no schema hands that on. */
function canonical(order: object): string {
  const fields = Object.entries(order).filter(([name]) => name !== '__proto__' && !ADDED.has(name));
  return JSON.stringify(fields.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const ADDED = new Set(['from', 'product_name', 'processed_at']);

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

/** FNV-1a; nothing and no bytes differ. */
function hash(bytes: Uint8Array | null): number {
  if (bytes === null) return 1;
  let h = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return h >>> 0;
}
