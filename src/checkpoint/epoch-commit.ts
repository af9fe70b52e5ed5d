/** How an epoch is decided. There is one place for it, which one depends on where the outputs go. */
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type { WriteTransaction } from '../state/state-store.ts';
import type { SealedState } from '../state/keyed-state.ts';
import { AheadOfCommit } from './ahead.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { ProtocolPoint } from './protocol.ts';
import type { DecidedOffset } from './reconcile.ts';

export interface EpochCommit {
  /** Says in the checkpoint how it was decided: a recovery has to know. */
  readonly decidedBy: Checkpoint['decidedBy'];
  /** Where a transaction decides: its id, for a recovery that has another one. */
  readonly transactionalId: string | undefined;
  /** Resolves when the epoch is decided and the store says so. */
  commit(checkpoint: Checkpoint, state: readonly SealedState[], appends: readonly RecordBatch[]): Promise<void>;
  /**
   * Sends a batch of an epoch that is not sealed yet, so that less is left to do for `commit`, which fails if this does. Resolves
   * when the log has it. Missing where outputs are part of the store's commit.
   */
  appendAhead?(epoch: number, batch: RecordBatch): Promise<unknown>;
  /** The epoch will not be committed: takes back what was sent ahead of it, as far as that can be done soon. */
  withdraw?(): Promise<void>;
}

/** The store's own commit decides: the log's records lie in the same store, or were published on the way. */
export class StoreCommit implements EpochCommit {
  readonly decidedBy = 'store';
  readonly transactionalId = undefined;
  private readonly store: CheckpointStore;
  private readonly append: (transaction: WriteTransaction, batches: readonly RecordBatch[]) => void;
  private readonly onPoint: (point: ProtocolPoint) => void;

  constructor(store: CheckpointStore, append: StoreCommit['append'], onPoint: StoreCommit['onPoint']) {
    this.store = store;
    this.append = append;
    this.onPoint = onPoint;
  }

  commit(checkpoint: Checkpoint, state: readonly SealedState[], appends: readonly RecordBatch[]): Promise<void> {
    return this.store.commit(checkpoint, state, (transaction) => {
      this.append(transaction, appends);
      this.onPoint('in-commit');
    });
  }
}

/** Transactions of the log, as far as the protocol needs them. */
export interface Transactions {
  append(batches: readonly RecordBatch[]): Promise<unknown>;
  commitGroup(group: string, offsets: readonly DecidedOffset[]): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** A failed epoch waits no longer than that for its transaction to be aborted: the broker does it in the end. */
const ABORT_MS = 2_000;

/**
 * A transaction of the log decides: outputs, offsets and the epoch's number become visible in it. The store holds the epoch
 * as pending before, on disk, and makes it current after; a recovery that finds it pending asks the log.
 */
export class TransactionCommit implements EpochCommit {
  readonly decidedBy = 'transaction';
  readonly transactionalId: string;
  private readonly options: TransactionCommitOptions;
  private readonly ahead: AheadOfCommit;
  private isUnderWay = false;

  constructor(options: TransactionCommitOptions) {
    const { transactionalId, epoch, transactions, clock, onPoint } = options;
    const send = async (batch: RecordBatch): Promise<void> => {
      await transactions.append([batch]);
      onPoint('sent-ahead');
    };
    this.options = options;
    this.transactionalId = transactionalId;
    this.ahead = new AheadOfCommit(epoch + 1, send, clock);
  }

  appendAhead(epoch: number, batch: RecordBatch): Promise<unknown> {
    return this.ahead.append(epoch, batch);
  }

  /** What is on its way to be committed is left to a recovery. */
  async withdraw(): Promise<void> {
    this.ahead.close();
    if (this.isUnderWay || this.ahead.beganAt === undefined) return;
    await this.abort(this.ahead.all());
  }

  async commit(checkpoint: Checkpoint, state: readonly SealedState[], appends: readonly RecordBatch[]): Promise<void> {
    const { store, transactions, group, offsetsOf, onPoint, clock } = this.options;
    this.isUnderWay = true;
    const began = this.ahead.beganAt ?? clock.elapsed();
    const flush = async (): Promise<void> => {
      await Promise.all([this.ahead.all(), transactions.append(appends)]);
      onPoint('transaction-flushed');
      await transactions.commitGroup(group, offsetsOf(checkpoint));
      onPoint('transaction-offsets');
    };
    const prepare = async (): Promise<void> => {
      await store.prepare(checkpoint, state);
      onPoint('prepared');
    };
    const [flushing, preparing] = [flush(), prepare()];
    try {
      await Promise.all([flushing, preparing.catch((thrown: unknown) => this.abandon(flushing, thrown))]);
      onPoint('before-decision');
      await transactions.commit();
    } catch (thrown) {
      this.ahead.close();
      const failure = this.judged(thrown, clock.elapsed() - began);
      // A recovery asks the store for what is pending, and would miss what is still being written.
      await preparing.catch(() => {});
      throw failure;
    }
    onPoint('decided');
    this.isUnderWay = false;
    this.ahead.next();
    await store.finish();
  }

  /**
   * The store has failed: readers of the outputs need not wait until the broker notices. Only behind what was sent: a record
   * that arrived after the abort would begin a transaction that nobody ends.
   */
  private async abandon(flushing: Promise<void>, thrown: unknown): Promise<never> {
    await this.abort(flushing);
    throw thrown;
  }

  /** Aborts the transaction behind all that was sent in it, unless something of that failed and may still arrive. */
  private async abort(flushing: Promise<void>): Promise<void> {
    const { transactions, clock } = this.options;
    const done = new AbortController();
    const aborted = flushing.then(() => transactions.abort()).catch(() => {});
    await Promise.race([aborted, clock.sleep(ABORT_MS, done.signal)]);
    done.abort();
  }

  /**
   * A producer is fenced by a newer one, and by the broker when its transaction took too long: the same codes. A transaction
   * that was young can only have met the first.
   */
  private judged(thrown: unknown, ageMs: number): unknown {
    if (!(thrown instanceof MillraceError) || thrown.code !== 'FENCED') return thrown;
    if (ageMs >= this.options.timeoutMs) {
      return new MillraceError('TRANSACTION_TIMED_OUT', `a transaction took longer than ${this.options.timeoutMs} ms`, {
        cause: thrown,
      });
    }
    return new MillraceError('OWNED_ELSEWHERE', `another instance has taken over group '${this.options.group}'`, {
      hint: 'this one has written nothing more: let one instance run a pipeline at a time',
      cause: thrown,
    });
  }
}

export interface TransactionCommitOptions {
  readonly store: CheckpointStore;
  readonly transactions: Transactions;
  readonly transactionalId: string;
  /** The last one that was decided. */
  readonly epoch: number;
  /** As the broker was told: it aborts a transaction that takes longer. */
  readonly timeoutMs: number;
  readonly group: string;
  readonly offsetsOf: (checkpoint: Checkpoint) => readonly DecidedOffset[];
  readonly clock: Clock;
  readonly onPoint: (point: ProtocolPoint) => void;
}
