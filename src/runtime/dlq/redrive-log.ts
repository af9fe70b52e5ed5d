/** Sends records and the note of it as one: a transaction of Kafka, or of the store that the embedded log lies in. */
import { MillraceError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { RecordBatch } from '../../core/record-batch.ts';
import type { LogClient, LogTransactions } from '../../log/log-client.ts';
import { readEnd, readTopic } from '../../log/log-storage.ts';
import type { StateStore } from '../../state/state-store.ts';
import { countOf, type Notes, type Sent } from './notes.ts';

/** The broker aborts a transaction that takes longer. */
const TRANSACTION_MS = 60_000;
/** How often one transaction is tried again after a failure that leaves its fate to the notes. */
const TRIES = 3;

export interface RedriveLog {
  /** Keeps every other redrive of this DLQ out, and reads what was sent so far. */
  begin(): Promise<void>;
  /**
   * Sends these, with the note that `sent` is sent back.
   * @throws MillraceError OWNED_ELSEWHERE when another redrive of this DLQ has begun; nothing is sent then
   */
  send(batches: readonly RecordBatch[], sent: Sent): Promise<void>;
}

/** @throws MillraceError CONFIG_INVALID where the driver has no transactions */
export function redriveLogFor(
  { log, store, clock }: { readonly log: LogClient; readonly store: StateStore; readonly clock: Clock },
  notes: Notes,
  dlq: string,
): RedriveLog {
  if (log.transactional !== undefined) return new StoreRedrive({ log, store, notes, clock, dlq });
  if (log.transactions !== undefined) {
    const transactions = log.transactions(`millrace.dlq.${dlq}`, TRANSACTION_MS);
    return new TransactionRedrive({ log, transactions, notes, clock, dlq });
  }
  throw new MillraceError(
    'CONFIG_INVALID',
    `${log.description} has no transactions: a redrive could send records twice`,
    {
      hint: 'leave out --client kafkajs',
    },
  );
}

/** A second redrive is known by its notes: none may have come since ours were read. */
class StoreRedrive implements RedriveLog {
  private readonly log: LogClient;
  private readonly store: StateStore;
  private readonly notes: Notes;
  private readonly clock: Clock;
  private readonly dlq: string;

  constructor(options: { log: LogClient; store: StateStore; notes: Notes; clock: Clock; dlq: string }) {
    this.log = options.log;
    this.store = options.store;
    this.notes = options.notes;
    this.clock = options.clock;
    this.dlq = options.dlq;
  }

  begin(): Promise<void> {
    return this.notes.catchUp(this.log);
  }

  async send(batches: readonly RecordBatch[], sent: Sent): Promise<void> {
    const transactional = this.log.transactional!;
    const note = this.notes.write(sent, this.clock.now());
    const end = await this.store.write((transaction) => {
      const topic = readTopic(transaction, this.notes.topic)!;
      if (readEnd(transaction, topic, note.partition).offset !== this.notes.end) throw takenOver(this.dlq);
      transactional.append(transaction, [...batches, note]);
      return readEnd(transaction, topic, note.partition).offset;
    });
    transactional.notify();
    this.notes.take(sent, end);
  }
}

/** A second redrive fences the first: they have the same transactional id. */
class TransactionRedrive implements RedriveLog {
  private readonly log: LogClient;
  private readonly transactions: LogTransactions;
  private readonly notes: Notes;
  private readonly clock: Clock;
  private readonly dlq: string;

  constructor(options: {
    log: LogClient;
    transactions: LogTransactions;
    notes: Notes;
    clock: Clock;
    dlq: string;
  }) {
    this.log = options.log;
    this.transactions = options.transactions;
    this.notes = options.notes;
    this.clock = options.clock;
    this.dlq = options.dlq;
  }

  /** Settles what a killed redrive has left open before its notes are read. */
  async begin(): Promise<void> {
    await this.transactions.init();
    await this.notes.catchUp(this.log);
  }

  async send(batches: readonly RecordBatch[], sent: Sent): Promise<void> {
    for (let tries = 1; ; tries++) {
      const began = this.clock.now();
      try {
        await this.transactions.append([...batches, this.notes.write(sent, began)]);
        await this.transactions.commit();
        this.notes.take(sent);
        return;
      } catch (thrown) {
        await this.recover(thrown, this.clock.now() - began, tries);
        await this.begin();
        const noted = this.notes.countOf(sent);
        if (noted === countOf(sent)) return;
        // Somebody else has sent some of them between our failure and our return.
        if (noted > 0) throw takenOver(this.dlq, thrown);
      }
    }
  }

  /** Returns where the same transaction may be tried again. */
  private async recover(thrown: unknown, ageMs: number, tries: number): Promise<void> {
    const code = thrown instanceof MillraceError ? thrown.code : undefined;
    if (code === 'FENCED' && ageMs < TRANSACTION_MS) throw takenOver(this.dlq, thrown);
    if ((code === 'TRANSACTION_FAILED' || code === 'FENCED') && tries < TRIES) return;
    // Readers of committed records wait behind a transaction that is left open.
    await this.transactions.abort().catch(() => {});
    throw thrown;
  }
}

function takenOver(dlq: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'OWNED_ELSEWHERE',
    `another redrive of ${dlq} has taken over; this one has sent nothing more`,
    {
      place: { topic: dlq },
      hint: 'let one redrive of a topic run at a time',
      cause,
    },
  );
}
