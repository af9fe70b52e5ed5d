/** Records on their way: collected for a moment, sent in order, and each one's caller told. */
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { Bell } from '../spool/bell.ts';
import { bytesOf } from '../spool/grouping.ts';
import type { DeliveryReport, OutgoingRecord } from '../spool/outgoing.ts';
import type { Outgoing } from '../spool/transmitter.ts';
import type { Deliveries } from './deliveries.ts';
import type { Delivered } from './producer-options.ts';

/** A record, and who waits for it. */
export interface QueuedRow extends Outgoing {
  readonly bytes: number;
  readonly answer: (report: DeliveryReport) => void;
}

export interface Sender {
  /** Never rejects: each row is answered, and the first failure that was not of one record alone comes back. */
  send(rows: readonly QueuedRow[]): Promise<unknown>;
  /** Resolves when the log has what was sent. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly sender: Sender;
  readonly clock: Clock;
  readonly lingerMs: number;
  readonly maxBytes: number;
  readonly deliveries: Deliveries;
}

/** What is sent at once, and what ends the wait for more. */
const BATCH_BYTES = 1_000_000;

/**
 * Order: as added, within a partition: one batch is on the way at a time, and the next gathers meanwhile.
 * Memory: `maxBytes` and one record; above that records are refused.
 */
export class RecordQueue {
  private readonly options: QueueOptions;
  private readonly bell = new Bell();
  private rows: QueuedRow[] = [];
  /** Of rows that wait for their batch. */
  private waitingBytes = 0;
  /** Of all that has not been answered. */
  private openBytes = 0;
  private added = 0;
  private done = 0;
  private lingering: AbortController | undefined;
  private running: Promise<void> | undefined;
  private isClosing = false;

  constructor(options: QueueOptions) {
    this.options = options;
  }

  get bytes(): number {
    return this.openBytes;
  }

  add(record: OutgoingRecord): Promise<Delivered> {
    const { maxBytes, deliveries } = this.options;
    // Not told to onDelivery, which is what has failed.
    if (deliveries.failure !== undefined) return Promise.reject(deliveries.failure);
    if (this.isClosing) return this.refuse(record, closed());
    if (this.openBytes >= maxBytes) return this.refuse(record, fullProducer(maxBytes));
    const bytes = bytesOf(record);
    const delivered = new Promise<Delivered>((resolve, reject) => {
      const answer = (report: DeliveryReport): void => {
        // Before the caller goes on: there is room for its next record.
        this.openBytes -= bytes;
        if (report.status === 'failed') reject(report.error);
        else resolve(report);
        if (deliveries.isWatched) queueMicrotask(() => deliveries.tell(report, record));
      };
      this.rows.push({ record, bytes, answer, isDone: false });
    });
    // Somebody is told of a failure; else an unhandled rejection must say it.
    if (deliveries.isWatched) delivered.catch(() => {});
    this.added++;
    this.waitingBytes += bytes;
    this.openBytes += bytes;
    this.running ??= this.run();
    if (this.waitingBytes >= BATCH_BYTES) this.hasten();
    return delivered;
  }

  private refuse(record: OutgoingRecord, error: MillraceError): Promise<Delivered> {
    const { deliveries } = this.options;
    const refused = Promise.reject<Delivered>(error);
    if (deliveries.isWatched) {
      refused.catch(() => {});
      queueMicrotask(() => deliveries.tell({ status: 'failed', topic: record.topic, error }, record));
    }
    return refused;
  }

  /** Resolves when there is room, or at `close`. */
  async ready(): Promise<void> {
    for (;;) {
      const { count } = this.bell;
      if (this.openBytes < this.options.maxBytes || this.isClosing) return;
      await this.bell.after(count);
    }
  }

  /**
   * Resolves when everything added so far is in the log, or was refused by it.
   * @throws MillraceError CALLBACK_FAILED when somebody who was told of a record has thrown
   */
  async flush(): Promise<void> {
    await this.settled(this.added);
    await this.options.sender.flush();
    this.checkTold();
  }

  /**
   * Takes no more, and lets what there is arrive.
   * @throws MillraceError as `flush`, at the end of it
   */
  async close(): Promise<void> {
    this.isClosing = true;
    this.bell.ring();
    await this.settled(this.added);
    await this.running;
    await this.options.sender.close();
    this.checkTold();
  }

  private checkTold(): void {
    const { failure } = this.options.deliveries;
    if (failure !== undefined) throw failure;
  }

  private async settled(count: number): Promise<void> {
    while (this.done < count) {
      this.hasten();
      await this.bell.after(this.bell.count);
    }
  }

  private async run(): Promise<void> {
    await this.linger();
    while (this.rows.length > 0) {
      const batch = this.takeBatch();
      const failure = await this.options.sender.send(batch);
      this.finish(batch);
      // Each further batch would be tried for as long as this one.
      if (failure !== undefined && this.isClosing) this.refuseRest(failure);
    }
    this.running = undefined;
  }

  /** Once: each abort makes an error with a stack. */
  private hasten(): void {
    this.lingering?.abort();
    this.lingering = undefined;
  }

  private async linger(): Promise<void> {
    const { clock, lingerMs } = this.options;
    const { signal } = (this.lingering = new AbortController());
    // Behind the caller's own run, so that what it sends in one go travels together.
    if (lingerMs > 0 && !this.isClosing) await clock.sleep(lingerMs, signal);
    else await Promise.resolve();
    this.lingering = undefined;
  }

  private takeBatch(): QueuedRow[] {
    let bytes = 0;
    const end = this.rows.findIndex((row, i) => {
      bytes += row.bytes;
      return i > 0 && bytes > BATCH_BYTES;
    });
    const batch = this.rows.splice(0, end < 0 ? this.rows.length : end);
    this.waitingBytes -= sizeOf(batch);
    return batch;
  }

  private refuseRest(failure: unknown): void {
    const rest = this.rows.splice(0);
    this.waitingBytes = 0;
    for (const row of rest) answerFailed(row, failure);
    this.finish(rest);
  }

  private finish(rows: readonly QueuedRow[]): void {
    this.done += rows.length;
    this.bell.ring();
  }
}

/** Answers a row that is not answered yet. */
export function answerRow(row: QueuedRow, report: DeliveryReport): void {
  if (row.isDone) return;
  row.isDone = true;
  row.answer(report);
}

export function answerFailed(row: QueuedRow, thrown: unknown): void {
  const error =
    thrown instanceof MillraceError
      ? thrown
      : new MillraceError('LOG_UNAVAILABLE', 'the record could not be sent', { cause: thrown });
  answerRow(row, { status: 'failed', topic: row.record.topic, error });
}

export function closed(before = 'it was given this record'): MillraceError {
  return new MillraceError('PRODUCER_CLOSED', `the producer was closed before ${before}`);
}

export function fullProducer(maxBytes: number): MillraceError {
  return new MillraceError('PRODUCER_FULL', `more than ${maxBytes} bytes are on the way already`, {
    hint: 'await send() or ready() before the next record, make transactions smaller, or raise maxBufferedBytes',
  });
}

function sizeOf(rows: readonly QueuedRow[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0);
}
