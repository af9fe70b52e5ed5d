/** Records that a node writes to a topic: staged for the checkpoint's own transaction, or published on the way. */
import type { TopicOutput } from '../core/operator.ts';
import { type Header, type RecordBatch, RecordBatchBuilder, type RecordValue } from '../core/record-batch.ts';
import type { LogClient, TopicInfo } from '../log/log-client.ts';
import { partitionFor } from '../log/partitioner.ts';
import type { Credit } from './credit.ts';

/** What a record costs besides its bytes: columns and headers. */
const RECORD_OVERHEAD = 64;
/** What a header takes besides its name and value, at most. */
const HEADER_OVERHEAD = 10;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_UTF8_PER_UNIT = 3;

/** Collects records by partition; the common half of both kinds of output. */
abstract class PartitionedOutput implements TopicOutput {
  protected builders: (RecordBatchBuilder | undefined)[];
  protected bytes = 0;
  /** By partition, builders whose batches nobody needs any more. */
  private readonly spare: RecordBatchBuilder[][];
  /** Builders of batches that were taken, oldest first. */
  private readonly taken: (readonly RecordBatchBuilder[])[] = [];
  readonly maxRecordBytes: number;
  private readonly topic: string;
  private readonly credit: Credit;
  private nextWithoutKey = 0;

  constructor({ topic, partitions, maxRecordBytes }: TopicInfo, credit: Credit) {
    this.topic = topic;
    this.maxRecordBytes = maxRecordBytes;
    this.credit = credit;
    this.builders = new Array<RecordBatchBuilder | undefined>(partitions);
    this.spare = Array.from({ length: partitions }, () => []);
  }

  append(key: string | Uint8Array | null, value: RecordValue, timestamp: number, headers?: readonly Header[]): boolean {
    if (isLarger(this.maxRecordBytes, key, value, headers)) return false;
    const partition = this.partitionOf(key);
    const builder = (this.builders[partition] ??=
      this.spare[partition].pop() ?? new RecordBatchBuilder(this.topic, partition));
    const added = builder.add(key, value, timestamp, headers) + RECORD_OVERHEAD;
    this.bytes += added;
    this.credit.hold(added);
    return true;
  }

  /** Batches of what was appended since the last call. */
  protected takeBatches(): RecordBatch[] {
    const builders = this.builders.filter((builder) => builder !== undefined);
    this.taken.push(builders);
    this.builders = new Array<RecordBatchBuilder | undefined>(this.builders.length);
    return builders.map((builder) => builder.finish());
  }

  /** Nobody needs the batches any more that were taken first: their memory is used again. */
  protected reuse(): void {
    for (const builder of this.taken.shift() ?? []) {
      if (builder.isOversized) continue;
      builder.reset();
      this.spare[builder.partition].push(builder);
    }
  }

  private partitionOf(key: string | Uint8Array | null): number {
    if (key !== null) return partitionFor(key, this.builders.length);
    this.nextWithoutKey = (this.nextWithoutKey + 1) % this.builders.length;
    return this.nextWithoutKey;
  }
}

/** Exactly-once: records wait for the checkpoint and become visible with its commit. */
export class StagedTopic extends PartitionedOutput {
  seal(): { appends: RecordBatch[]; bytes: number } {
    const bytes = this.bytes;
    this.bytes = 0;
    return { appends: this.takeBatches(), bytes };
  }

  /** What the oldest seal took is committed. */
  committed(): void {
    this.reuse();
  }
}

/** At-least-once: records are sent as they come, one request at a time, and a barrier waits for them. */
export class PublishedTopic extends PartitionedOutput {
  private readonly log: LogClient;
  private readonly spent: Credit;
  private readonly onFailure: (thrown: unknown) => void;
  private sending: Promise<void> | undefined;

  constructor(topic: TopicInfo, credit: Credit, log: LogClient, onFailure: (thrown: unknown) => void) {
    super(topic, credit);
    this.spent = credit;
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

  private async sendAll(): Promise<void> {
    while (this.bytes > 0) {
      const bytes = this.bytes;
      this.bytes = 0;
      await this.log.append(this.takeBatches());
      this.reuse();
      this.spent.release(bytes);
    }
    // Not reached after a failure: nothing may overtake what was not written.
    this.sending = undefined;
  }
}

/** Counts bytes only where a guess from above does not do. */
function isLarger(
  limit: number,
  key: RecordValue,
  value: RecordValue,
  headers: readonly Header[] | undefined,
): boolean {
  if (headers === undefined && atMost(key) + atMost(value) <= limit) return false;
  let bytes = byteLength(key) + byteLength(value);
  for (const header of headers ?? []) bytes += byteLength(header.key) + header.value.length + HEADER_OVERHEAD;
  return bytes > limit;
}

function atMost(data: RecordValue): number {
  if (data === null) return 0;
  if (typeof data === 'string' || data instanceof Uint8Array) return data.length * MAX_UTF8_PER_UNIT;
  return data.to - data.from + data.tail.length;
}

function byteLength(data: RecordValue): number {
  if (data === null) return 0;
  if (typeof data === 'string' || data instanceof Uint8Array) return Buffer.byteLength(data);
  return data.to - data.from + data.tail.length;
}
