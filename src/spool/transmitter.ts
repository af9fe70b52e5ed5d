/** Records into batches, batches into the log, and back with partition and offset. */
import type { LogClient, TopicSpec } from '../log/log-client.ts';
import { Grouping } from './grouping.ts';
import type { DeliveryReport, OutgoingRecord } from './outgoing.ts';

/** A record until it is known what has become of it. */
export interface Outgoing {
  readonly record: OutgoingRecord;
  /** It is in the log, or never will be. */
  isDone: boolean;
}

export class Transmitter<Row extends Outgoing> {
  private readonly log: LogClient;
  private readonly grouping: Grouping;
  private readonly report: (row: Row, report: DeliveryReport) => void;

  constructor(options: {
    log: LogClient;
    create: readonly TopicSpec[];
    report: (row: Row, report: DeliveryReport) => void;
  }) {
    this.log = options.log;
    this.grouping = new Grouping(options.log, options.create);
    this.report = options.report;
  }

  /**
   * Sends what is not done yet, in order within a partition, and reports each record that has arrived or that its topic does
   * not take. Never rejects: resolves to the first failure, or nothing when all are done.
   */
  async transmit(rows: readonly Row[]): Promise<unknown> {
    try {
      const open = rows.filter(({ isDone }) => !isDone);
      const groups = await this.grouping.group(open, (row, error) =>
        this.report(row, { status: 'failed', topic: row.record.topic, error }),
      );
      // One call a partition: each tells of itself whether it was made.
      const appends = groups.map(async ({ builder, rows: sent }) => {
        const { topic, partition } = builder;
        const [base] = await this.log.append([builder.finish()]);
        sent.forEach((row, i) => this.report(row, { status: 'sent', topic, partition, offset: base + i }));
      });
      const settled = await Promise.allSettled(appends);
      return settled.find((each): each is PromiseRejectedResult => each.status === 'rejected')?.reason;
    } catch (thrown) {
      return thrown;
    }
  }
}
