/** A producer of dead letters, for programs that are no pipeline: what it writes looks as `toDLQ` writes it. */
import { encodeCutDlqRecord, encodeDlqRecord, type DlqFailure, type PlainRecord } from '../core/dlq-record.ts';
import { MillraceError, messageOf } from '../core/errors.ts';
import { CLOSE_MS, closeProducer, open, type OpenProducer } from './open.ts';
import type { Delivered, ProducerOptions } from './producer-options.ts';
import { type HeadersInput, headersOf } from './topic.ts';

/** A record that failed. One that was read from a topic is `{ ...record, payload: record.value }`. */
export interface FailedRecord {
  readonly key?: string | Uint8Array | null;
  /** Bytes and texts as they are, byte for byte; anything else as JSON. */
  readonly payload: unknown;
  /** Those that it came with. */
  readonly headers?: HeadersInput;
  /** Where it came from, so that it can be sent there again. */
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  /** Epoch milliseconds. */
  readonly timestamp?: number;
}

/** As for `createProducer`, without transactions. */
export type DlqProducerOptions = Omit<ProducerOptions, 'service' | 'transactionalId' | 'transactionTimeoutMs'>;

export interface FailureContext {
  /** The part of the program that it failed in. */
  readonly step?: string;
  /** A word for failures of one kind; `ValidationError`, for example. */
  readonly kind?: string;
}

const PARTITIONS = 3;
const RECORD_BYTES = 64 * 1024 * 1024;

/**
 * Writes records that failed to a DLQ topic: `{"payload": …, "error_reason": …, "failed_at": …}` under their own key and headers, with
 * `dlq_reason` and the others that `toDLQ` adds. What the payload was is kept to the byte.
 *
 * Order, delivery, memory and back pressure are those of `Producer`.
 */
export class DlqProducer implements AsyncDisposable {
  readonly topic: string;
  private readonly opened: OpenProducer;
  /** Somebody is told what becomes of every record. */
  private readonly isWatched: boolean;
  private closing: Promise<void> | undefined;

  constructor(topic: string, opened: OpenProducer, isWatched: boolean) {
    this.topic = topic;
    this.isWatched = isWatched;
    this.opened = opened;
    opened.create.push({ topic, partitions: PARTITIONS, recordBytes: RECORD_BYTES });
  }

  /**
   * Resolves when the log or the spool has it. A record that is larger than the topic takes is cut, and says so. `why` is an error or a
   * sentence.
   *
   * @throws MillraceError as `Producer.send`
   */
  send(failed: FailedRecord, why: unknown, context: FailureContext = {}): Promise<Delivered> {
    const delivered = this.deliver(failed, why, context);
    if (this.isWatched) delivered.catch(() => {});
    return delivered;
  }

  private async deliver(failed: FailedRecord, why: unknown, context: FailureContext): Promise<Delivered> {
    const { log, clock, queue } = this.opened;
    const original: PlainRecord = {
      key: typeof failed.key === 'string' ? Buffer.from(failed.key) : (failed.key ?? null),
      value: bytesOf(failed.payload),
      headers: headersOf(failed.headers),
    };
    const { topic, partition, offset, timestamp } = failed;
    const failure: DlqFailure = {
      reason: messageOf(why),
      stack: why instanceof Error ? why.stack : undefined,
      failedAt: clock.now(),
      ...context,
      topic,
      partition,
      offset,
      timestamp,
    };
    // What failed may have failed for its time.
    const time = Number.isSafeInteger(timestamp) ? timestamp! : failure.failedAt;
    try {
      return await queue.add({ topic: this.topic, ...encodeDlqRecord(original, failure), timestamp: time });
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.code !== 'RECORD_TOO_LARGE') throw thrown;
      const { maxRecordBytes } = (await log.topic(this.topic))!;
      const cut = encodeCutDlqRecord(original, failure, maxRecordBytes);
      return queue.add({ topic: this.topic, ...cut, timestamp: time });
    }
  }

  ready(): Promise<void> {
    return this.opened.queue.ready();
  }

  flush(): Promise<void> {
    return this.opened.queue.flush();
  }

  /** As `Producer.close`. */
  close({ timeoutMs = CLOSE_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.closing ??= closeProducer(this.opened, timeoutMs);
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Connects a producer of dead letters.
 *
 * @throws MillraceError as `createProducer`
 * @example
 * ```ts
 * export async function refuse(brokers: string, order: object, error: Error): Promise<void> {
 *   await using dlq = await createDlqProducer('streamlake.orders.dlq', { brokers });
 *   await dlq.send({ key: 'ORD-100', payload: order, headers: { dataset: 'orders' } }, error, { step: 'pricing' });
 * }
 * ```
 */
export async function createDlqProducer(topic: string, options: DlqProducerOptions = {}): Promise<DlqProducer> {
  if (topic.trim() === '') throw new MillraceError('CONFIG_INVALID', 'a DLQ topic needs a name');
  return new DlqProducer(topic, await open(options), options.onDelivery !== undefined);
}

function bytesOf(payload: unknown): Uint8Array | null {
  if (payload === null || payload === undefined) return null;
  if (payload instanceof Uint8Array) return payload;
  return Buffer.from(typeof payload === 'string' ? payload : jsonOf(payload));
}

/** Who sends a record away because it is broken should not fail for how it is broken. */
function jsonOf(payload: unknown): string {
  try {
    return JSON.stringify(payload) ?? String(payload);
  } catch {
    return String(payload);
  }
}
