/**
 * The port to a log: topics of partitions of records at rising offsets. It speaks in whole batches, so that a decoder
 * works on the bytes and an encoder writes them once. Embedded and Kafka drivers pass one conformance suite.
 */
import type { BatchBuilder } from '../core/batch-builder.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type { WriteTransaction } from '../state/state-store.ts';

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** Bytes of key, value and headers that one record of it may have, where the log would take less by itself. */
  readonly recordBytes?: number | undefined;
  /** Its records are not deleted by age or size, whatever the log does with those of other topics. */
  readonly keep?: 'forever' | undefined;
}

export interface TopicInfo {
  readonly topic: string;
  /** Another one when the topic is deleted and created anew; `undefined` where the log does not tell. */
  readonly id?: string | undefined;
  readonly partitions: number;
  /** Bytes of key, value and headers that one record may have: infinite where the log has no limit or does not tell it. */
  readonly maxRecordBytes: number;
  /** Whose time the records of this topic carry. */
  readonly timestampType: 'create' | 'append';
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface FetchPosition extends TopicPartition {
  /** The first offset wanted. */
  readonly offset: number;
  /** Which topic of that name is meant, by its id. */
  readonly topicId?: string | undefined;
}

export interface FetchOptions {
  /** Bytes to aim at in one answer, over all partitions. At least one record is returned where there is one. */
  readonly maxBytes: number;
  /** How long to wait for a first record when there is none. */
  readonly maxWaitMs: number;
  readonly signal?: AbortSignal;
}

/** The answer for one partition; in the order asked for, every partition once. */
export interface FetchedPartition extends TopicPartition {
  /** Records from the offset asked for on, committed ones only; `undefined` when there are none. */
  readonly batch: RecordBatch | undefined;
  /** Where to go on: behind the batch, and behind control records and gaps that were skipped. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
}

/** One partition's committed offset of a group (where a restart reads next). */
export interface GroupOffset extends TopicPartition {
  readonly offset: number;
  readonly metadata: string;
}

export type OffsetQuery = 'earliest' | 'latest' | { readonly timestamp: number };

/**
 * Errors are MillraceErrors: LOG_UNAVAILABLE (cannot be reached, after the driver's own retries), OFFSET_OUT_OF_RANGE,
 * TOPIC_REPLACED (not the topic of that id), CONFIG_INVALID (unknown topic, wrong credentials); each names topic and partition.
 */
export interface LogClient {
  /** For messages: `embedded log` or `Kafka at 127.0.0.1:9092 through kafkajs`. Never a secret. */
  readonly description: string;
  readonly kind: 'embedded' | 'kafka';
  /** Appends that are part of a checkpoint's own transaction; `undefined` where log and state are separate systems. */
  readonly transactional: TransactionalAppend | undefined;
  /**
   * Transactions of the log's own, by an id that one user has at a time; `undefined` where it has none. Nothing is sent before
   * `init`. The log aborts a transaction that takes longer than `timeoutMs`.
   */
  readonly transactions: ((id: string, timeoutMs: number) => LogTransactions) | undefined;

  /** Builds batches for a partition that `append` need not write anew; where it is missing, any RecordBatch costs the same. */
  batchBuilder?(place: TopicPartition): BatchBuilder;

  /** What it waits for just now, in words, where a call takes long because something fails that may pass. */
  readonly trouble?: string | undefined;

  /** Whoever uses it wants to end: what fails is tried again for so long only, until `undefined` takes it back. */
  hurry?(ms: number | undefined): void;

  /** As it is now. */
  topic(name: string): Promise<TopicInfo | undefined>;
  topics(): Promise<TopicInfo[]>;
  /** Creates what is missing, with append timestamps, and returns when it can be used; existing topics are left alone. */
  createTopics(specs: readonly TopicSpec[]): Promise<void>;
  /**
   * Offsets by partition number. `{ timestamp }`: the first record at or after it by the log's timestamp, the end where
   * there is none.
   */
  offsets(topic: string, query: OffsetQuery): Promise<number[]>;
  /** One that is aborted answers with what it has: the ends of a partition without records mean nothing then. */
  fetch(positions: readonly FetchPosition[], options: FetchOptions): Promise<FetchedPartition[]>;
  /**
   * Appends and returns the base offset given to each batch, when they are durable (acks=all); the memory of a batch may be
   * used again then. Batches to one partition keep their order. A null key is no reason to choose a partition: the caller has chosen.
   */
  append(batches: readonly RecordBatch[]): Promise<number[]>;
  /**
   * Waits for transactions under way that may change them; `settled: false` does not, and may answer with what was committed
   * before.
   */
  groupOffsets(
    group: string,
    topics: readonly string[],
    options?: { readonly settled: boolean },
  ): Promise<GroupOffset[]>;
  commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void>;
  /** Forgets a group's offsets; an unknown group is fine. */
  deleteGroup(group: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Appends and group offsets that become visible together, in one transaction at a time. Errors are MillraceErrors: FENCED
 * when a newer user of the id has taken over, TRANSACTION_FAILED when it cannot be committed or nobody knows whether it was.
 */
export interface LogTransactions {
  /** Fences whoever used the id before and settles what it left open. Comes first, and again after a failure. */
  init(): Promise<void>;
  /** As often as is wanted before `commit`, without waiting for the answer; as `LogClient.append` otherwise. */
  append(batches: readonly RecordBatch[]): Promise<number[]>;
  commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void>;
  /** Resolves when the transaction is decided. */
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** The embedded log lives in the same store as the state, so that an epoch is one transaction of the store. */
export interface TransactionalAppend {
  append(transaction: WriteTransaction, batches: readonly RecordBatch[]): void;
  /** Tell waiting readers of this process, after the transaction. */
  notify(): void;
}
