/** Writes orders while the pipeline runs, is killed and runs again. */
import generator from '../../pipelines/orders/generator.ts';
import { randomAt } from '../../src/core/random.ts';
import { type RecordBatch, RecordBatchBuilder } from '../../src/core/record-batch.ts';
import type { LogClient, LogTransactions } from '../../src/log/log-client.ts';
import { partitionFor } from '../../src/log/partitioner.ts';
import { systemClock } from '../../src/time/clock.ts';

/** Event time between two orders: 50 a second of it, however fast they are written. */
const PACE_MS = 20;
const BATCH = 40;
const BATCH_EVERY_MS = 20;
const BURST = 2_000;
/** Where the log has transactions, as many batches out of one aborted one: orders that must never count. */
const ABORTED_EVERY = 10;
const TRANSACTION_MS = 60_000;

export class OrdersFeed {
  written = 0;
  private readonly log: LogClient;
  private readonly seed: number;
  private readonly start = Math.floor((Date.now() - 30 * 86_400_000) / 60_000) * 60_000;
  private readonly transactions: LogTransactions | undefined;
  private batches = 0;

  constructor(log: LogClient, seed: number) {
    this.log = log;
    this.seed = seed;
    this.transactions = log.transactions?.(`torture-feed-${seed}`, TRANSACTION_MS);
  }

  async open(): Promise<void> {
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
      await this.log.append(this.orders(this.written));
      this.written += BATCH;
      this.batches++;
      if (this.transactions !== undefined && this.batches % ABORTED_EVERY === 0) {
        await this.transactions.append(this.orders(1_000_000_000 + this.written));
        await this.transactions.abort();
      }
      await systemClock.sleep(BATCH_EVERY_MS);
    }
  }

  /** Writes so many orders as fast as they are taken. */
  async burst(count: number): Promise<void> {
    for (const end = this.written + count; this.written < end; this.written += BURST) {
      await this.log.append(this.orders(this.written, BURST));
    }
  }

  private orders(first: number, count = BATCH): RecordBatch[] {
    const builders = Array.from({ length: generator.partitions }, (_, i) => new RecordBatchBuilder(generator.topic, i));
    for (let i = 0; i < count; i++) {
      const index = first + i;
      const time = this.start + (index % 1_000_000_000) * PACE_MS;
      const turn = { index, time, seed: this.seed, random: randomAt(this.seed, index), badRatio: 0.02 };
      const { key, value } = generator.record(turn);
      const bytes = Buffer.from(key!);
      builders[partitionFor(bytes, builders.length)].add(bytes, value, 0);
    }
    return builders.filter(({ length }) => length > 0).map((builder) => builder.finish());
  }
}
