/** Records that become visible together, or never. */
import { MillraceError } from '../core/errors.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type { LogClient, LogTransactions, TopicSpec } from '../log/log-client.ts';
import { Grouping } from '../spool/grouping.ts';
import type { OutgoingRecord } from '../spool/outgoing.ts';
import type { Sent } from './producer-options.ts';

/**
 * One transaction at a time. On Kafka under a transactional id; on the embedded log each append is one by itself.
 */
export class Transactions {
  private readonly log: LogClient;
  private readonly grouping: Grouping;
  private readonly open: LogTransactions | undefined;
  private isBegun = false;
  private fenced: MillraceError | undefined;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(log: LogClient, create: readonly TopicSpec[], id: string | undefined, timeoutMs: number) {
    this.log = log;
    this.grouping = new Grouping(log, create);
    this.open = id === undefined ? undefined : log.transactions?.(id, timeoutMs);
  }

  commit(records: readonly OutgoingRecord[]): Promise<Sent[]> {
    const committed = this.tail.then(() => this.commitNow(records));
    this.tail = committed.catch(() => {});
    return committed;
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await this.tail;
  }

  private async commitNow(records: readonly OutgoingRecord[]): Promise<Sent[]> {
    const rows = records.map((record, row) => ({ record, row }));
    const groups = await this.grouping.group(rows, (_, error) => {
      throw error;
    });
    const batches = groups.map(({ builder }) => builder.finish());
    if (batches.length === 0) return [];
    const bases = await this.append(batches);
    const sent: Sent[] = [];
    groups.forEach(({ rows: of }, i) => {
      const { topic, partition } = batches[i];
      of.forEach(({ row }, at) => (sent[row] = { status: 'sent', topic, partition, offset: bases[i] + at }));
    });
    return sent;
  }

  private async append(batches: readonly RecordBatch[]): Promise<number[]> {
    const { open } = this;
    if (this.log.kind === 'embedded') return this.log.append(batches);
    if (this.fenced !== undefined) throw this.fenced;
    if (open === undefined) {
      throw new MillraceError('CONFIG_INVALID', `a transaction on ${this.log.description} needs an id`, {
        hint: 'give the producer a transactionalId, one that no other program uses',
      });
    }
    try {
      if (!this.isBegun) await open.init();
      this.isBegun = false;
      const bases = await open.append(batches).catch((thrown: unknown) => this.abort(open, thrown));
      await open.commit();
      this.isBegun = true;
      return bases;
    } catch (thrown) {
      if (thrown instanceof MillraceError && thrown.code === 'FENCED') this.fenced = thrown;
      throw thrown;
    }
  }

  /** Where Kafka is away or has another owner of the id, its time-out or the next `init` does it. */
  private async abort(open: LogTransactions, thrown: unknown): Promise<never> {
    const code = thrown instanceof MillraceError ? thrown.code : undefined;
    if (code !== 'LOG_UNAVAILABLE' && code !== 'FENCED') await open.abort().catch(() => {});
    throw thrown;
  }
}
