/** Batches that are written as they travel, so that nothing is copied between a sink and the socket. */
import { type BatchBuilder, BatchColumns, FULL } from '../core/batch-builder.ts';
import { type Header, RecordBatch, type RecordValue } from '../core/record-batch.ts';
import { BatchWriter } from './batch-writer.ts';

/** A RecordBatch whose `bytes` are one of Kafka's, header first. Whoever sends it is stamped in its header. */
export class WireBatch extends RecordBatch {}

export class WireBatchBuilder implements BatchBuilder {
  readonly topic: string;
  readonly partition: number;
  private readonly writer: BatchWriter;
  private readonly columns = new BatchColumns();

  constructor(topic: string, partition: number, maxBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.writer = new BatchWriter(maxBytes);
  }

  get length(): number {
    return this.columns.length;
  }

  get byteLength(): number {
    return this.writer.byteLength;
  }

  get memoryBytes(): number {
    return this.writer.memoryBytes;
  }

  get isTooLarge(): boolean {
    return this.writer.isTooLarge;
  }

  add(key: string | Uint8Array | null, value: RecordValue, timestamp: number, headers?: readonly Header[]): number {
    const { writer, columns } = this;
    const added = writer.add(key, value, timestamp, headers);
    if (added === FULL) return FULL;
    const at = columns.add(timestamp, headers) * 4;
    columns.slice(at, writer.keyStart, writer.keyEnd);
    columns.slice(at + 2, writer.valueStart, writer.valueEnd);
    return added;
  }

  finish(): RecordBatch {
    const { topic, partition, columns, writer } = this;
    return new WireBatch({ topic, partition, ...columns.finish(), bytes: writer.finish() });
  }

  reset(): void {
    this.writer.reset();
    this.columns.reset();
  }
}
