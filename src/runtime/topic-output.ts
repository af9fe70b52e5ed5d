/** Records that a node writes to a topic: staged for the checkpoint's own transaction, or published on the way. */
import type { TopicOutput } from '../core/operator.ts';
import { type Header, type RecordBatch, RecordBatchBuilder } from '../core/record-batch.ts';
import type { LogClient } from '../log/log-client.ts';
import { partitionFor } from '../log/partitioner.ts';
import type { Credit } from './credit.ts';

/** What a record costs besides its bytes: columns and headers. */
const RECORD_OVERHEAD = 64;

/** Collects records by partition; the common half of both kinds of output. */
abstract class PartitionedOutput implements TopicOutput {
  protected builders: (RecordBatchBuilder | undefined)[];
  protected bytes = 0;
  private readonly topic: string;
  private readonly credit: Credit;
  private nextWithoutKey = 0;

  constructor(topic: string, partitions: number, credit: Credit) {
    this.topic = topic;
    this.credit = credit;
    this.builders = new Array<RecordBatchBuilder | undefined>(partitions);
  }

  append(
    key: string | Uint8Array | null,
    value: string | Uint8Array | null,
    timestamp: number,
    headers?: readonly Header[],
  ): void {
    const keyBytes = typeof key === 'string' ? Buffer.from(key) : key;
    const partition = this.partitionOf(keyBytes);
    const builder = (this.builders[partition] ??= new RecordBatchBuilder(this.topic, partition));
    const added = builder.add(keyBytes, value, timestamp, headers) + RECORD_OVERHEAD;
    this.bytes += added;
    this.credit.hold(added);
  }

  /** Batches of what was appended since the last call. */
  protected takeBatches(): RecordBatch[] {
    const batches = this.builders.filter((builder) => builder !== undefined).map((builder) => builder.finish());
    this.builders = new Array<RecordBatchBuilder | undefined>(this.builders.length);
    return batches;
  }

  private partitionOf(key: Uint8Array | null): number {
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
}

/** At-least-once: records are sent as they come, one request at a time, and a barrier waits for them. */
export class PublishedTopic extends PartitionedOutput {
  private readonly log: LogClient;
  private readonly spent: Credit;
  private readonly onFailure: (thrown: unknown) => void;
  private sending: Promise<void> | undefined;

  constructor(topic: string, partitions: number, credit: Credit, log: LogClient, onFailure: (thrown: unknown) => void) {
    super(topic, partitions, credit);
    this.spent = credit;
    this.log = log;
    this.onFailure = onFailure;
  }

  override append(...record: Parameters<TopicOutput['append']>): void {
    super.append(...record);
    // Begins behind the synchronous run of the chunk, so that the first request takes all of its records.
    if (this.sending !== undefined) return;
    this.sending = Promise.resolve().then(() => this.sendAll());
    this.sending.catch(this.onFailure);
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
      this.spent.release(bytes);
    }
    // Not reached after a failure: nothing may overtake what was not written.
    this.sending = undefined;
  }
}
