/** The log that needs no server: topics in the same store as the state, so that an epoch is one transaction. */
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import { pack, unpack } from '../state/codec.ts';
import type { StateStore, WriteTransaction } from '../state/state-store.ts';
import type {
  FetchedPartition,
  FetchOptions,
  FetchPosition,
  GroupOffset,
  LogClient,
  OffsetQuery,
  TopicInfo,
  TopicPartition,
  TopicSpec,
  TransactionalAppend,
} from './log-client.ts';
import { groupKey, groupRange, partitionOfGroupKey } from './log-keys.ts';
import {
  appendBatch,
  assertTopicSpec,
  createTopic,
  offsetAtTime,
  readEnd,
  readRecords,
  readTopic,
  readTopics,
  type StoredTopic,
} from './log-storage.ts';

/**
 * How long a waiting fetch leaves other processes' appends unseen; its own process's appends wake it at once. The longer
 * nothing has come, the longer the pause: waking up is what an idle pipeline costs.
 */
const MIN_POLL_MS = 20;
const MAX_POLL_MS = 250;

/**
 * A LogClient over a StateStore, which stays the caller's to close. Several processes may read and append at once.
 *
 * Records carry the time of their append, which never falls within a partition. Nothing is ever deleted.
 * @throws MillraceError STORE_FAILED from every call, when the store fails
 */
export class EmbeddedLog implements LogClient {
  readonly description = 'embedded log';
  readonly kind = 'embedded';
  readonly transactional: TransactionalAppend;
  readonly transactions = undefined;
  private readonly store: StateStore;
  private readonly clock: Clock;
  private readonly known = new Map<string, StoredTopic>();
  private readonly waiting = new Set<() => void>();
  /** Rotates the partition that is served first, so that a large record behind a busy partition has its turn. */
  private turn = 0;
  private pollMs = MIN_POLL_MS;
  private closed = false;

  constructor(store: StateStore, clock: Clock) {
    this.store = store;
    this.clock = clock;
    this.transactional = {
      append: (transaction, batches) => void this.appendIn(transaction, batches),
      notify: () => this.wake(),
    };
  }

  async topic(name: string): Promise<TopicInfo | undefined> {
    this.assertOpen();
    const stored = readTopic(this.store, name);
    return stored === undefined ? undefined : infoOf(stored);
  }

  async topics(): Promise<TopicInfo[]> {
    this.assertOpen();
    return readTopics(this.store).map(infoOf);
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.assertOpen();
    specs.forEach(assertTopicSpec);
    const missing = specs.filter(({ topic }) => readTopic(this.store, topic) === undefined);
    if (missing.length === 0) return;
    await this.store.write((transaction) => {
      for (const spec of missing) createTopic(transaction, spec);
    });
  }

  async offsets(topic: string, query: OffsetQuery): Promise<number[]> {
    this.assertOpen();
    const stored = this.stored(topic);
    return Array.from({ length: stored.partitions }, (_, partition) => {
      if (query === 'earliest') return 0;
      if (query === 'latest') return readEnd(this.store, stored, partition).offset;
      return offsetAtTime(this.store, stored, partition, query.timestamp);
    });
  }

  async fetch(positions: readonly FetchPosition[], options: FetchOptions): Promise<FetchedPartition[]> {
    this.assertOpen();
    const started = this.clock.elapsed();
    for (;;) {
      const answers = this.read(positions, options.maxBytes);
      const left = options.maxWaitMs - (this.clock.elapsed() - started);
      const isReady = answers.some(({ batch }) => batch !== undefined);
      if (isReady) this.pollMs = MIN_POLL_MS;
      if (isReady || left <= 0 || options.signal?.aborted || this.closed) return answers;
      await this.waitForAppend(Math.min(left, this.pollMs), options.signal);
      this.pollMs = Math.min(this.pollMs * 2, MAX_POLL_MS);
    }
  }

  async append(batches: readonly RecordBatch[]): Promise<number[]> {
    this.assertOpen();
    const bases = await this.store.write((transaction) => this.appendIn(transaction, batches));
    this.wake();
    return bases;
  }

  async groupOffsets(group: string, topics: readonly string[]): Promise<GroupOffset[]> {
    this.assertOpen();
    assertGroup(group);
    return topics.flatMap((topic) =>
      [...this.store.range('log', groupRange(group, topic))].map(([key, value]): GroupOffset => {
        const [offset, metadata] = unpack(value) as [number, string];
        return { topic, partition: partitionOfGroupKey(key), offset, metadata };
      }),
    );
  }

  async commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    this.assertOpen();
    assertGroup(group);
    for (const place of offsets) assertPartition(this.stored(place.topic), place);
    await this.store.write((transaction) => {
      for (const { topic, partition, offset, metadata } of offsets) {
        transaction.put('log', groupKey(group, topic, partition), pack([offset, metadata]));
      }
    });
  }

  async deleteGroup(group: string): Promise<void> {
    this.assertOpen();
    assertGroup(group);
    await this.store.write((transaction) => {
      for (const [key] of transaction.range('log', groupRange(group))) transaction.delete('log', key);
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    this.wake();
  }

  private appendIn(transaction: WriteTransaction, batches: readonly RecordBatch[]): number[] {
    const now = this.clock.now();
    return batches.map((batch) => {
      const topic = this.stored(batch.topic, transaction);
      assertPartition(topic, batch);
      return appendBatch(transaction, topic, batch, now);
    });
  }

  /** What there is now for each position, the bytes shared out evenly among those that have records. */
  private read(positions: readonly FetchPosition[], maxBytes: number): FetchedPartition[] {
    const answers = positions.map((position) => this.emptyAnswer(position));
    const first = this.turn++;
    const behind = positions
      .map((_, i) => (first + i) % positions.length)
      .filter((i) => {
        return positions[i].offset < answers[i].highWatermark;
      });
    let left = maxBytes;
    behind.forEach((index, served) => {
      const { topic, partition, offset } = positions[index];
      const { highWatermark } = answers[index];
      const share = Math.max(0, Math.floor(left / (behind.length - served)));
      const batch = readRecords(
        this.store,
        { topic: this.stored(topic), partition },
        { offset, end: highWatermark },
        { maxBytes: share, atLeastOne: served === 0 },
      );
      if (batch === undefined) return;
      left -= bytesOf(batch);
      answers[index] = { ...answers[index], batch, nextOffset: batch.nextOffset };
    });
    return answers;
  }

  private emptyAnswer(position: FetchPosition): FetchedPartition {
    const { topic, partition, offset } = position;
    const stored = this.stored(topic);
    assertPartition(stored, position);
    const end = readEnd(this.store, stored, partition).offset;
    if (offset < 0 || offset > end) {
      throw new MillraceError(
        'OFFSET_OUT_OF_RANGE',
        `${topic}[${partition}] of the embedded log ends at offset ${end}, and offset ${offset} was asked for`,
        {
          place: { topic, partition, offset },
          hint: 'the state and the log do not belong together: put back the one that was replaced, or reset the pipeline',
        },
      );
    }
    return { topic, partition, batch: undefined, nextOffset: offset, highWatermark: end, lastStableOffset: end };
  }

  /** Resolves at an append of this process, after `ms`, or when `signal` aborts. */
  private waitForAppend(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const goOn = () => {
        this.waiting.delete(goOn);
        resolve();
      };
      this.waiting.add(goOn);
      void this.clock.sleep(ms, signal).then(goOn);
    });
  }

  private wake(): void {
    for (const goOn of this.waiting) goOn();
  }

  /** Topics are never deleted or changed, so what was read once stays true. */
  private stored(topic: string, view: StateStore | WriteTransaction = this.store): StoredTopic {
    const known = this.known.get(topic) ?? readTopic(view, topic);
    if (known === undefined) {
      throw new MillraceError('CONFIG_INVALID', `the embedded log has no topic ${topic}`, {
        place: { topic },
        hint: 'create it first, or check its name: a pipeline creates the topics it reads and writes when it starts',
      });
    }
    this.known.set(topic, known);
    return known;
  }

  private assertOpen(): void {
    if (this.closed) throw new MillraceError('LOG_UNAVAILABLE', 'the embedded log is closed');
  }
}

function infoOf({ topic, partitions }: StoredTopic): TopicInfo {
  return { topic, partitions, timestampType: 'append', maxRecordBytes: Number.POSITIVE_INFINITY };
}

function bytesOf(batch: RecordBatch): number {
  let bytes = 0;
  for (let at = 0; at < batch.slices.length; at += 2) bytes += batch.slices[at + 1] - batch.slices[at];
  return bytes;
}

function assertPartition(topic: StoredTopic, { partition }: TopicPartition): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < topic.partitions) return;
  throw new MillraceError('CONFIG_INVALID', `topic ${topic.topic} has no partition ${partition}`, {
    place: { topic: topic.topic, partition },
    hint: `it has the partitions 0 to ${topic.partitions - 1}`,
  });
}

function assertGroup(group: string): void {
  if (group.length > 0 && group.length <= 249 && !group.includes('\0')) return;
  throw new MillraceError('CONFIG_INVALID', `'${group}' cannot be the name of a consumer group`, {
    hint: 'use 1 to 249 characters, none of them a NUL',
  });
}
