/** Records that a node writes to a topic: staged for the checkpoint's own transaction, or published on the way. */
import { type BatchBuilder, FULL, mostBytes, RecordBatchBuilder } from '../core/batch-builder.ts';
import type { TopicOutput } from '../core/operator.ts';
import type { Header, RecordBatch, RecordValue } from '../core/record-batch.ts';
import type { LogClient, TopicInfo } from '../log/log-client.ts';
import { partitionFor } from '../log/partitioner.ts';
import type { Credit } from './credit.ts';

/** What a record costs besides its bytes: columns and headers. */
const RECORD_OVERHEAD = 64;
/** What a header takes besides its name and value, at most. */
const HEADER_OVERHEAD = 10;
/** Where the log does not say how large a batch should be. */
const BATCH_BYTES = 1_000_000;
const NO_HEADERS: readonly Header[] = [];
/** Builders of a partition that wait for work, as what goes on while a commit is under way needs some, and the memory of all partitions'. */
const MAX_SPARE = 8;
const MAX_SPARE_BYTES = 32 * 1024 * 1024;

/** A batch that was taken, and what it holds until nobody needs it any more. */
interface Taken {
  readonly batch: RecordBatch;
  readonly builder: BatchBuilder;
  /** Of credit. */
  readonly bytes: number;
}

/** Collects records by partition, in batches that are not larger than one request; the common half of both kinds of output. */
abstract class PartitionedOutput implements TopicOutput {
  readonly maxRecordBytes: number;
  protected readonly credit: Credit;
  private readonly builders: (BatchBuilder | undefined)[];
  /** By partition, builders whose batches nobody needs any more. */
  private readonly spare: BatchBuilder[][];
  private spareBytes = 0;
  private readonly newBuilder: (partition: number) => BatchBuilder;
  private nextWithoutKey = 0;

  constructor({ topic, partitions, maxRecordBytes }: TopicInfo, credit: Credit, log: LogClient) {
    this.maxRecordBytes = maxRecordBytes;
    this.credit = credit;
    this.builders = new Array<BatchBuilder | undefined>(partitions);
    this.spare = Array.from({ length: partitions }, () => []);
    this.newBuilder = (partition) =>
      log.batchBuilder?.({ topic, partition }) ?? new RecordBatchBuilder(topic, partition, BATCH_BYTES);
  }

  append(key: string | Uint8Array | null, value: RecordValue, timestamp: number, headers?: readonly Header[]): boolean {
    if (isLarger(this.maxRecordBytes, key, value, headers)) return false;
    const partition = this.partitionOf(key);
    let added = this.builderOf(partition).add(key, value, timestamp, headers);
    if (added === FULL) {
      this.filled(this.take(partition)!);
      added = this.builderOf(partition).add(key, value, timestamp, headers);
    }
    this.credit.hold(added + RECORD_OVERHEAD);
    return true;
  }

  /** A batch has as many bytes as it should have. */
  protected abstract filled(taken: Taken): void;

  /** What was appended since the last call and is not `filled`. */
  protected takeAll(): Taken[] {
    return this.builders.flatMap((_, partition) => this.take(partition) ?? []);
  }

  /** Nobody needs the batch any more: its memory is used again. */
  protected reuse({ builder }: Taken): void {
    const spare = this.spare[builder.partition];
    builder.reset();
    if (builder.isTooLarge || spare.length === MAX_SPARE) return;
    if (this.spareBytes + builder.memoryBytes > MAX_SPARE_BYTES) return;
    this.spareBytes += builder.memoryBytes;
    spare.push(builder);
  }

  private builderOf(partition: number): BatchBuilder {
    return (this.builders[partition] ??= this.takeSpare(partition) ?? this.newBuilder(partition));
  }

  private takeSpare(partition: number): BatchBuilder | undefined {
    const builder = this.spare[partition].pop();
    if (builder !== undefined) this.spareBytes -= builder.memoryBytes;
    return builder;
  }

  private take(partition: number): Taken | undefined {
    const builder = this.builders[partition];
    if (builder === undefined) return undefined;
    this.builders[partition] = undefined;
    const bytes = builder.byteLength + builder.length * RECORD_OVERHEAD;
    return { batch: builder.finish(), builder, bytes };
  }

  private partitionOf(key: string | Uint8Array | null): number {
    if (key !== null) return partitionFor(key, this.builders.length);
    this.nextWithoutKey = (this.nextWithoutKey + 1) % this.builders.length;
    return this.nextWithoutKey;
  }
}

/** Sends a batch of an epoch in its transaction, before that is committed; resolves when the log has it. */
export type AppendAhead = (epoch: number, batch: RecordBatch) => Promise<unknown>;

/** Exactly-once: records become visible with the checkpoint's commit. What has filled a batch may be sent ahead of it. */
export class StagedTopic extends PartitionedOutput {
  /** What is appended belongs to it. */
  private epoch: number;
  private readonly appendAhead: AppendAhead | undefined;
  private full: Taken[] = [];
  /** By seal, oldest first. */
  private readonly sealed: (readonly Taken[])[] = [];

  constructor(
    topic: TopicInfo,
    credit: Credit,
    log: LogClient,
    ahead: { readonly epoch: number; readonly append: AppendAhead | undefined },
  ) {
    super(topic, credit, log);
    this.epoch = ahead.epoch;
    this.appendAhead = ahead.append;
  }

  /** All that belongs to the epoch and was not sent ahead. */
  seal(): { appends: RecordBatch[]; bytes: number } {
    const all = [...this.full, ...this.takeAll()];
    this.full = [];
    this.epoch++;
    this.sealed.push(all);
    return { appends: all.map(({ batch }) => batch), bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** What the oldest seal took is committed. */
  committed(): void {
    for (const taken of this.sealed.shift() ?? []) this.reuse(taken);
  }

  protected override filled(taken: Taken): void {
    if (this.appendAhead === undefined) this.full.push(taken);
    else void this.sendAhead(this.appendAhead, taken);
  }

  /** Whoever commits the epoch is told of a failure. */
  private async sendAhead(append: AppendAhead, taken: Taken): Promise<void> {
    try {
      await append(this.epoch, taken.batch);
    } catch {
      return;
    }
    this.reuse(taken);
    this.credit.release(taken.bytes);
  }
}

/** At-least-once: records are sent as they come, what came meanwhile behind them, and a barrier waits for all. */
export class PublishedTopic extends PartitionedOutput {
  private readonly log: LogClient;
  private readonly onFailure: (thrown: unknown) => void;
  private full: Taken[] = [];
  private sending: Promise<void> | undefined;

  constructor(topic: TopicInfo, credit: Credit, log: LogClient, onFailure: (thrown: unknown) => void) {
    super(topic, credit, log);
    this.log = log;
    this.onFailure = onFailure;
  }

  override append(...record: Parameters<TopicOutput['append']>): boolean {
    if (!super.append(...record)) return false;
    if (this.sending === undefined) {
      // Begins behind the synchronous run of the chunk, so that the first request takes all of its records.
      this.sending = Promise.resolve().then(() => this.sendAll());
      this.sending.catch(this.onFailure);
    }
    return true;
  }

  /** Resolves when everything appended so far is durable; rejects when it never will be. */
  async flush(): Promise<void> {
    await this.sending;
  }

  protected override filled(taken: Taken): void {
    this.full.push(taken);
  }

  private async sendAll(): Promise<void> {
    for (let all = this.takeFilled(); all.length > 0; all = this.takeFilled()) {
      await this.log.append(all.map(({ batch }) => batch));
      for (const taken of all) {
        this.reuse(taken);
        this.credit.release(taken.bytes);
      }
    }
    // Not reached after a failure: nothing more is sent behind what was not written.
    this.sending = undefined;
  }

  private takeFilled(): Taken[] {
    const all = [...this.full, ...this.takeAll()];
    this.full = [];
    return all;
  }
}

/** Counts bytes only where a guess from above does not do. */
function isLarger(
  limit: number,
  key: RecordValue,
  value: RecordValue,
  headers: readonly Header[] = NO_HEADERS,
): boolean {
  if (mostBytes(key) + mostBytes(value) + bytesOfHeaders(headers, mostBytes) <= limit) return false;
  return byteLength(key) + byteLength(value) + bytesOfHeaders(headers, byteLength) > limit;
}

function bytesOfHeaders(headers: readonly Header[], lengthOf: (key: string) => number): number {
  let bytes = 0;
  for (const { key, value } of headers) bytes += lengthOf(key) + value.length + HEADER_OVERHEAD;
  return bytes;
}

function byteLength(data: RecordValue): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : mostBytes(data);
}
