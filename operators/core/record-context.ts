/** What a callback may ask for besides the value: one object for all records, moved from one to the next. */
import type { Chunk } from '../../src/core/element.ts';
import type { LogRecord } from '../../src/core/record-batch.ts';

/** What a `map` or `enrich` callback may ask for besides the value. It is good during the call only. */
export interface RecordContext {
  /**
   * Processing time, epoch milliseconds, the same for all records of a chunk. A record that is processed again after a
   * crash sees another one.
   */
  readonly now: () => number;
  readonly topic: string;
  readonly partition: number;
  /** Event time of the record below `watermark()`, the log's timestamp above it; epoch milliseconds. */
  readonly time: number;
  /** Offset of the record, −1 for one that an operator computed. */
  readonly offset: number;
  /** The record of the log behind the value, `undefined` for a value that an operator computed (the result of a window). */
  readonly record: LogRecord | undefined;
}

export class ContextOfRecord implements RecordContext {
  i = 0;
  private chunk!: Chunk<unknown>;
  private enteredAt = 0;

  enter(chunk: Chunk<unknown>, now: number): void {
    this.chunk = chunk;
    this.enteredAt = now;
  }

  readonly now = (): number => this.enteredAt;

  get topic(): string {
    return this.chunk.origin.topic;
  }

  get partition(): number {
    return this.chunk.origin.partition;
  }

  get time(): number {
    return this.chunk.times[this.i];
  }

  get offset(): number {
    return this.chunk.offset(this.i);
  }

  get record(): LogRecord | undefined {
    return this.chunk.input?.record(this.chunk.row(this.i));
  }
}
