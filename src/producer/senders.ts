/** The ways into the log: straight, or by a spool on disk while the log is away. */
import type { LogClient, TopicSpec } from '../log/log-client.ts';
import type { ForwardingProducer } from '../spool/forwarding-producer.ts';
import { Transmitter } from '../spool/transmitter.ts';
import { answerFailed, answerRow, type QueuedRow, type Sender } from './record-queue.ts';

export class DirectSender implements Sender {
  private readonly transmitter: Transmitter<QueuedRow>;

  constructor(log: LogClient, create: readonly TopicSpec[]) {
    this.transmitter = new Transmitter({ log, create, report: answerRow });
  }

  async send(rows: readonly QueuedRow[]): Promise<unknown> {
    const failure = await this.transmitter.transmit(rows);
    for (const row of rows) if (!row.isDone) answerFailed(row, failure);
    return failure;
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

export class SpoolingSender implements Sender {
  private readonly forwarding: ForwardingProducer;

  constructor(forwarding: ForwardingProducer) {
    this.forwarding = forwarding;
  }

  async send(rows: readonly QueuedRow[]): Promise<unknown> {
    try {
      const reports = await this.forwarding.send(rows.map(({ record }) => record));
      rows.forEach((row, i) => answerRow(row, reports[i]));
      return undefined;
    } catch (thrown) {
      for (const row of rows) answerFailed(row, thrown);
      return thrown;
    }
  }

  flush(): Promise<void> {
    return this.forwarding.flush();
  }

  close(): Promise<void> {
    return this.forwarding.close();
  }
}
