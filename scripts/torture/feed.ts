/** Writes records while the pipeline runs, is killed and runs again. */
import { randomAt } from '../../src/core/random.ts';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import type { RecordBatch } from '../../src/core/record-batch.ts';
import type { LogClient, LogTransactions } from '../../src/log/log-client.ts';
import { partitionFor } from '../../src/log/partitioner.ts';
import { systemClock } from '../../src/time/clock.ts';
import type { FeedInput } from './subjects.ts';

const BATCH = 40;
const BATCH_EVERY_MS = 20;
const BURST = 2_000;
/** Where the log has transactions, as many batches out of one aborted one: records that must never count. */
const ABORTED_EVERY = 10;
const TRANSACTION_MS = 60_000;

export class Feed {
  written = 0;
  private readonly log: LogClient;
  private readonly seed: number;
  private readonly input: FeedInput;
  private readonly start = Math.floor((Date.now() - 30 * 86_400_000) / 60_000) * 60_000;
  private readonly transactions: LogTransactions | undefined;
  private batches = 0;

  constructor(log: LogClient, seed: number, input: FeedInput) {
    this.log = log;
    this.seed = seed;
    this.input = input;
    this.transactions = log.transactions?.(`torture-feed-${seed}`, TRANSACTION_MS);
  }

  async open(): Promise<void> {
    const { generator } = this.input;
    await this.log.createTopics([{ topic: generator.topic, partitions: generator.partitions }]);
    await this.transactions?.init();
  }

  /** Writes until `end` settles. */
  async until(end: Promise<unknown>): Promise<void> {
    let going = true;
    const stop = (): void => {
      going = false;
    };
    end.then(stop, stop);
    while (going) {
      await this.log.append(this.records(this.written));
      this.written += BATCH;
      this.batches++;
      if (this.transactions !== undefined && this.batches % ABORTED_EVERY === 0) {
        await this.transactions.append(this.records(1_000_000_000 + this.written));
        await this.transactions.abort();
      }
      await systemClock.sleep(BATCH_EVERY_MS);
    }
  }

  /** Writes so many records as fast as they are taken. */
  async burst(count: number): Promise<void> {
    for (const end = this.written + count; this.written < end; this.written += BURST) {
      await this.log.append(this.records(this.written, BURST));
    }
  }

  private records(first: number, count = BATCH): RecordBatch[] {
    const { generator, paceMs, behindMs } = this.input;
    const builders = Array.from({ length: generator.partitions }, (_, i) => new RecordBatchBuilder(generator.topic, i));
    for (let i = 0; i < count; i++) {
      const index = first + i;
      const time = this.start + (index % 1_000_000_000) * paceMs - behindMs(index);
      const turn = { index, time, seed: this.seed, random: randomAt(this.seed, index), badRatio: 0.02 };
      const { key, value } = generator.record(turn);
      const bytes = key === null ? null : Buffer.from(key);
      const partition = bytes === null ? index % builders.length : partitionFor(bytes, builders.length);
      builders[partition].add(bytes, value, 0);
    }
    return builders.filter(({ length }) => length > 0).map((builder) => builder.finish());
  }
}
