/** Where a task's checkpoints live: one record and its keyed state, in the tables of a StateStore. */
import { MillraceError } from '../core/errors.ts';
import type { Fingerprint } from '../core/plan.ts';
import { pack, unpack } from '../state/codec.ts';
import type { StateStore, WriteTransaction } from '../state/state-store.ts';
import { type Checkpoint, firstCheckpoint, type StateWrites } from './checkpoint.ts';
import { claim, type Owner, type ProcessProbe } from './owner.ts';

const SEPARATOR = 0;

/** An epoch whole: what `makeCurrent` needs of it. */
interface PendingEpoch {
  readonly checkpoint: Checkpoint;
  readonly state: readonly StateWrites[];
}

export class CheckpointStore {
  readonly taskId: string;
  private readonly store: StateStore;
  private readonly ownerKey: Uint8Array;
  private readonly checkpointKey: Uint8Array;
  private readonly pendingKey: Uint8Array;
  private readonly settledKey: Uint8Array;
  private owner: Owner | undefined;
  /** What lies in the store under `pendingKey`, as long as this process has written it. */
  private prepared: PendingEpoch | undefined;

  constructor(store: StateStore, taskId: string) {
    this.store = store;
    this.taskId = taskId;
    this.ownerKey = Buffer.from(`${taskId}\u0000owner`);
    this.checkpointKey = Buffer.from(`${taskId}\u0000checkpoint`);
    this.pendingKey = Buffer.from(`${taskId}\u0000pending`);
    this.settledKey = Buffer.from(`${taskId}\u0000settled`);
  }

  /** The last committed checkpoint. */
  load(): Checkpoint | undefined {
    const bytes = this.store.get('tasks', this.checkpointKey);
    return bytes === undefined ? undefined : (unpack(bytes) as Checkpoint);
  }

  /** Prefix of all store keys of one stateful operator. */
  statePrefix(name: string): Uint8Array {
    return Buffer.concat([Buffer.from(this.taskId), Buffer.of(SEPARATOR), Buffer.from(name), Buffer.of(SEPARATOR)]);
  }

  /**
   * Makes this process the owner of the task, under a number that no owner had before.
   * @throws MillraceError OWNED_ELSEWHERE when a process that lives owns it
   */
  async own(probe: ProcessProbe, now: number): Promise<void> {
    this.owner = await this.store.write((transaction) => {
      const bytes = transaction.get('tasks', this.ownerKey);
      const next = claim(this.taskId, bytes === undefined ? undefined : (unpack(bytes) as Owner), probe, now);
      transaction.put('tasks', this.ownerKey, pack(next));
      return next;
    });
  }

  /** Of this process; 0 where it is not the owner. */
  get ownerNumber(): number {
    return this.owner?.number ?? 0;
  }

  /** Gives the task up, so that the next start need not ask whether this process lives. */
  async disown(): Promise<void> {
    if (this.owner === undefined) return;
    await this.store.write((transaction) => {
      if (this.isOwner(transaction)) transaction.put('tasks', this.ownerKey, pack({ ...this.owner, pid: 0 }));
    });
    this.owner = undefined;
  }

  /** Notes that nothing which the epoch staged waits to be published: its sinks may leave the plan. */
  async settle(epoch: number): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      transaction.put('tasks', this.settledKey, pack(epoch));
    });
  }

  /** The epoch noted last, 0 before the first. */
  get settledEpoch(): number {
    const bytes = this.store.get('tasks', this.settledKey);
    return bytes === undefined ? 0 : (unpack(bytes) as number);
  }

  /**
   * Commits a checkpoint, its keyed state and whatever `also` writes, as one transaction: the one place where an epoch is
   * decided.
   * @throws MillraceError OWNED_ELSEWHERE when another process has taken the task over; nothing is written
   */
  async commit(
    checkpoint: Checkpoint,
    state: readonly StateWrites[],
    also: (transaction: WriteTransaction) => void,
  ): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      this.makeCurrent(transaction, { checkpoint, state });
      also(transaction);
    });
  }

  /** Holds an epoch that something else decides: on disk, and without effect until `finish`. */
  async prepare(checkpoint: Checkpoint, state: readonly StateWrites[]): Promise<void> {
    const pending: PendingEpoch = { checkpoint, state };
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      transaction.put('tasks', this.pendingKey, pack(pending));
    });
    this.prepared = pending;
  }

  /** The epoch that was prepared and neither finished nor dropped. */
  pending(): Checkpoint | undefined {
    const bytes = this.store.get('tasks', this.pendingKey);
    return bytes === undefined ? undefined : (unpack(bytes) as PendingEpoch).checkpoint;
  }

  /** What was prepared has been decided. */
  async finish(): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      const epoch = this.prepared ?? (unpack(transaction.get('tasks', this.pendingKey)!) as PendingEpoch);
      this.makeCurrent(transaction, epoch);
      transaction.delete('tasks', this.pendingKey);
    });
    this.prepared = undefined;
  }

  /** What was prepared has not been decided, and never will be. */
  async drop(): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      transaction.delete('tasks', this.pendingKey);
    });
    this.prepared = undefined;
  }

  /** Forgets the keyed state of one operator. */
  async dropState(name: string): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      deletePrefix(transaction, this.statePrefix(name));
    });
  }

  /**
   * Forgets the checkpoint and all keyed state of the task. With `begin`, a first checkpoint is left that the next start
   * goes on from; without it, the next start chooses for itself.
   * @throws MillraceError OWNED_ELSEWHERE when a process that lives owns it
   */
  async reset(
    probe: ProcessProbe,
    now: number,
    begin?: { readonly offsets: Checkpoint['offsets']; readonly fingerprint: Fingerprint },
  ): Promise<void> {
    await this.own(probe, now);
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      transaction.delete('tasks', this.checkpointKey);
      transaction.delete('tasks', this.settledKey);
      transaction.delete('tasks', this.pendingKey);
      deletePrefix(transaction, Buffer.concat([Buffer.from(this.taskId), Buffer.of(SEPARATOR)]));
      if (begin !== undefined) transaction.put('tasks', this.checkpointKey, pack(firstCheckpoint(begin, now)));
    });
    await this.disown();
  }

  private makeCurrent(transaction: WriteTransaction, { checkpoint, state }: PendingEpoch): void {
    for (const { puts, deletes } of state) {
      for (const key of deletes) transaction.delete('state', key);
      for (const [key, value] of puts) transaction.put('state', key, value);
    }
    transaction.put('tasks', this.checkpointKey, pack(checkpoint));
  }

  private isOwner(transaction: WriteTransaction): boolean {
    const bytes = transaction.get('tasks', this.ownerKey);
    return bytes !== undefined && (unpack(bytes) as Owner).number === this.owner?.number;
  }

  private checkOwner(transaction: WriteTransaction): void {
    if (this.isOwner(transaction)) return;
    throw new MillraceError(
      'OWNED_ELSEWHERE',
      `another process has taken over ${this.taskId}; this one has written nothing more`,
      {
        hint: 'let one process run a pipeline on a state directory at a time',
      },
    );
  }
}

function deletePrefix(transaction: WriteTransaction, prefix: Uint8Array): void {
  const to = Uint8Array.from(prefix);
  to[to.length - 1]++;
  const keys = [...transaction.range('state', { from: prefix, to })].map(([key]) => Uint8Array.from(key));
  for (const key of keys) transaction.delete('state', key);
}
