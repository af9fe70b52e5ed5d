/** A typed producer for programs that are no pipeline. */
import { BUFFERED_BYTES, CLOSE_MS, closeProducer, open, type OpenProducer } from './open.ts';
import type { Delivered, ProducerOptions, Sent } from './producer-options.ts';
import { closed, fullProducer } from './record-queue.ts';
import { commonHeaders, recordOf, type SendOptions, type Topic } from './topic.ts';
import type { Header } from '../core/record-batch.ts';
import type { LogClient } from '../log/log-client.ts';
import { bytesOf } from '../spool/grouping.ts';
import type { OutgoingRecord } from '../spool/outgoing.ts';
import { Transactions } from './transactions.ts';

export interface Transaction {
  /** Adds a record; it is written when the function that fills the transaction has ended. */
  send<T>(topic: Topic<T>, value: T, options?: SendOptions): void;
}

const SERVICE = 'millrace-producer';
const TRANSACTION_MS = 60_000;

/**
 * Sends values to topics, on Kafka or on the embedded log.
 *
 * Order: as sent, within a key. Delivery: acknowledged by all in-sync replicas (acks=all), idempotent: what is sent again after a
 * failure that passes does not come twice. A record whose `send` rejects may still have arrived; who sends it once more
 * sends at least once. `transaction`: all of its records or none. Memory: `maxBufferedBytes`. Back pressure: `send` resolves when the
 * record is acknowledged, `ready` when there is room; above the bound `send` refuses.
 */
export class Producer implements AsyncDisposable {
  private readonly opened: OpenProducer;
  private readonly options: ProducerOptions;
  private readonly transactions: Transactions;
  private readonly known = new Set<string>();
  private readonly common = new WeakMap<object, readonly Header[]>();
  private closing: Promise<void> | undefined;

  constructor(opened: OpenProducer, options: ProducerOptions) {
    const { transactionalId, transactionTimeoutMs = TRANSACTION_MS } = options;
    this.opened = opened;
    this.options = options;
    this.transactions = new Transactions(opened.log, opened.create, transactionalId, transactionTimeoutMs);
  }

  /** For another producer on the same connection, or of dead letters: one that ends before this one. */
  get log(): LogClient {
    return this.opened.log;
  }

  /** Bytes that were sent and are not acknowledged. */
  get bufferedBytes(): number {
    return this.opened.queue.bytes;
  }

  /**
   * Resolves to the record's place when the log has it, or to its number when the spool has it.
   *
   * @throws MillraceError LOG_UNAVAILABLE after `deliveryTimeoutMs`, RECORD_TOO_LARGE, CONFIG_INVALID, PRODUCER_FULL, PRODUCER_CLOSED,
   *   CALLBACK_FAILED for good when `onDelivery` has thrown; and what the topic's own functions throw
   */
  send<T>(topic: Topic<T>, value: T, options: SendOptions = {}): Promise<Delivered> {
    let record: OutgoingRecord;
    try {
      record = this.recordOf(topic, value, options);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    return this.opened.queue.add(record);
  }

  /**
   * Writes what `fill` sends in one transaction, in order by key; where it throws, nothing. Transactions are made one after the other.
   * Their records stay in memory until then. Resolves to the places of the records, in the order of their sending.
   *
   * @throws MillraceError TRANSACTION_FAILED when nobody knows whether it was committed, FENCED for good when a newer producer has
   *   the id, and as `send`
   */
  async transaction(fill: (transaction: Transaction) => void | Promise<void>): Promise<Sent[]> {
    if (this.closing !== undefined) throw closed();
    const { maxBufferedBytes = BUFFERED_BYTES } = this.options;
    const records: OutgoingRecord[] = [];
    let bytes = 0;
    let isOpen = true;
    const transaction: Transaction = {
      send: (topic, value, options = {}) => {
        if (!isOpen) throw new Error('the transaction has ended: await everything that sends to it');
        if (bytes >= maxBufferedBytes) throw fullProducer(maxBufferedBytes);
        const record = this.recordOf(topic, value, options);
        bytes += bytesOf(record);
        records.push(record);
      },
    };
    try {
      await fill(transaction);
    } finally {
      isOpen = false;
    }
    if (this.closing !== undefined) throw closed('the transaction was filled: nothing of it was written');
    return this.transactions.commit(records);
  }

  /** Resolves when there is room for more records. */
  ready(): Promise<void> {
    return this.opened.queue.ready();
  }

  /**
   * Resolves when the log has answered for everything sent so far, what lies in the spool included.
   * @throws MillraceError CALLBACK_FAILED when `onDelivery` has thrown
   */
  flush(): Promise<void> {
    return this.opened.queue.flush();
  }

  /**
   * Takes no more records, lets those under way arrive, and lets go of log and spool. Where Kafka fails, it is tried for `timeoutMs`
   * (default 10,000) only; then what has not arrived stays in the spool or, without one, is reported as failed.
   * @throws MillraceError as `flush`, when all is done
   */
  close({ timeoutMs = CLOSE_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.closing ??= closeProducer(this.opened, timeoutMs, this.transactions.settled());
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private recordOf<T>(topic: Topic<T>, value: T, options: SendOptions): OutgoingRecord {
    const { name, partitions } = topic;
    if (!this.known.has(name)) {
      this.known.add(name);
      this.opened.create.push({ topic: name, partitions });
    }
    let common = this.common.get(topic);
    if (common === undefined) {
      common = commonHeaders(topic, this.options.service ?? SERVICE);
      this.common.set(topic, common);
    }
    return recordOf(topic, value, options, { now: this.opened.clock.now(), common });
  }
}

/**
 * Connects a producer to Kafka, or opens the embedded log.
 *
 * @throws MillraceError LOG_UNAVAILABLE when nobody answers there (with a spool it begins all the same), CONFIG_INVALID for options
 *   that do not go together, OWNED_ELSEWHERE when another process uses the spool
 * @example
 * ```ts
 * const orders = topicOf<{ order_id: string; amount: number }>('streamlake.orders.raw', {
 *   key: (order) => order.order_id,
 *   dataset: 'orders',
 * });
 *
 * export async function sendOrders(brokers: string): Promise<void> {
 *   await using producer = await createProducer({ brokers, compression: 'gzip' });
 *   const report = await producer.send(orders, { order_id: 'ORD-100', amount: 250.5 });
 *   if (report.status === 'sent') console.log(`in partition ${report.partition} at offset ${report.offset}`);
 * }
 * ```
 */
export async function createProducer(options: ProducerOptions = {}): Promise<Producer> {
  return new Producer(await open(options), options);
}
