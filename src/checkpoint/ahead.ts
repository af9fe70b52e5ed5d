/** Batches that are sent before their epoch is sealed. */
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { RecordBatch } from '../core/record-batch.ts';

interface Waiting {
  readonly batch: RecordBatch;
  readonly resolve: (sent: Promise<unknown>) => void;
}

/**
 * A batch goes out in the transaction of its epoch. That begins when the one before is decided: until then, batches wait; of which
 * there are no more than the task has credit for.
 */
export class AheadOfCommit {
  /** When the first batch of the epoch was sent, by `Clock.elapsed`: the log's patience with a transaction begins with it. */
  beganAt: number | undefined;
  private epoch: number;
  private sent: Promise<unknown>[] = [];
  private waiting: Waiting[] = [];
  private isClosed = false;
  private readonly send: (batch: RecordBatch) => Promise<unknown>;
  private readonly clock: Clock;

  /** `epoch`: the one that is decided next. */
  constructor(epoch: number, send: (batch: RecordBatch) => Promise<unknown>, clock: Clock) {
    this.epoch = epoch;
    this.send = send;
    this.clock = clock;
  }

  /** Settles as the log's answer does. `epoch` is the one that is decided next, or the one behind it. */
  append(epoch: number, batch: RecordBatch): Promise<unknown> {
    if (this.isClosed) return Promise.reject(withdrawn());
    if (epoch === this.epoch) return this.sendNow(batch);
    return new Promise((resolve) => this.waiting.push({ batch, resolve }));
  }

  /** Resolves when the log has every batch of the epoch that is decided next; rejects when it lacks one. */
  async all(): Promise<void> {
    await Promise.all(this.sent);
  }

  /** The epoch is decided. */
  next(): void {
    this.epoch++;
    this.beganAt = undefined;
    this.sent = [];
    for (const { batch, resolve } of this.waiting.splice(0)) resolve(this.sendNow(batch));
  }

  /** Nothing more is sent: it would begin a transaction that nobody ends. */
  close(): void {
    this.isClosed = true;
    for (const { resolve } of this.waiting.splice(0)) resolve(Promise.reject(withdrawn()));
  }

  private sendNow(batch: RecordBatch): Promise<unknown> {
    this.beganAt ??= this.clock.elapsed();
    const sent = this.send(batch);
    this.sent.push(sent);
    // Whoever commits is told.
    sent.catch(() => {});
    return sent;
  }
}

function withdrawn(): MillraceError {
  return new MillraceError('TRANSACTION_FAILED', 'the transaction was given up before this was sent');
}
