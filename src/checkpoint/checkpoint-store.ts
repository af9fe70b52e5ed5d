/** Where a task's checkpoints live: one record and its keyed state, in the tables of a StateStore. */
import { MillraceError } from '../core/errors.ts';
import type { Fingerprint } from '../core/plan.ts';
import { pack, unpack } from '../state/codec.ts';
import type { SealedState } from '../state/keyed-state.ts';
import type { StateStore, StoreKey, WriteTransaction } from '../state/state-store.ts';
import { type Checkpoint, firstCheckpoint } from './checkpoint.ts';
import { claim, type Owner, type ProcessProbe } from './owner.ts';

const SEPARATOR = 0;

/** An epoch that waits for its decision. Its deltas lie where they belong already: nobody reads them before a recovery. */
interface PendingEpoch {
  readonly checkpoint: Checkpoint;
  /** Of its deltas. */
  readonly keys: readonly StoreKey[];
}

export class CheckpointStore {
  readonly taskId: string;
  private readonly store: StateStore;
  private readonly ownerKey: Uint8Array;
  private readonly checkpointKey: Uint8Array;
  private readonly pendingKey: Uint8Array;
  private readonly settledKey: Uint8Array;
  private owner: Owner | undefined;
  /** What this process has prepared. One that finds an epoch prepared leaves its state where it lies. */
  private prepared: { readonly checkpoint: Checkpoint; readonly state: readonly SealedState[] } | undefined;

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

  /** @throws MillraceError OWNED_ELSEWHERE when another process has taken the task over */
  checkOwned(cause?: unknown): void {
    this.checkOwner(this.store, cause);
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
    state: readonly SealedState[],
    also: (transaction: WriteTransaction) => void,
  ): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      writeDeltas(transaction, state);
      move(transaction, state);
      transaction.put('tasks', this.checkpointKey, pack(checkpoint));
      also(transaction);
    });
  }

  /** Holds an epoch that something else decides: on disk, and without effect until `finish`. */
  async prepare(checkpoint: Checkpoint, state: readonly SealedState[]): Promise<void> {
    const keys = state.flatMap(({ deltas }) => deltas.map(([key]) => key));
    const pending: PendingEpoch = { checkpoint, keys };
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      writeDeltas(transaction, state);
      transaction.put('tasks', this.pendingKey, pack(pending));
    });
    this.prepared = { checkpoint, state };
  }

  /** The epoch that was prepared and neither finished nor dropped. */
  pending(): Checkpoint | undefined {
    const bytes = this.store.get('tasks', this.pendingKey);
    return bytes === undefined ? undefined : pendingIn(bytes).checkpoint;
  }

  /** What was prepared has been decided. */
  async finish(): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      const { checkpoint } = this.prepared ?? pendingIn(transaction.get('tasks', this.pendingKey)!);
      if (this.prepared !== undefined) move(transaction, this.prepared.state);
      transaction.put('tasks', this.checkpointKey, pack(checkpoint));
      transaction.delete('tasks', this.pendingKey);
    });
    this.prepared = undefined;
  }

  /** What was prepared has not been decided, and never will be. */
  async drop(): Promise<void> {
    await this.store.write((transaction) => {
      this.checkOwner(transaction);
      for (const key of pendingIn(transaction.get('tasks', this.pendingKey)!).keys) transaction.delete('state', key);
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

  private isOwner(source: Pick<StateStore, 'get'>): boolean {
    const bytes = source.get('tasks', this.ownerKey);
    return bytes !== undefined && (unpack(bytes) as Owner).number === this.owner?.number;
  }

  private checkOwner(source: Pick<StateStore, 'get'>, cause?: unknown): void {
    if (this.isOwner(source)) return;
    throw new MillraceError(
      'OWNED_ELSEWHERE',
      `another process has taken over ${this.taskId}; this one has written nothing more`,
      {
        hint: 'let one process run a pipeline on a state directory at a time',
        cause,
      },
    );
  }
}

function pendingIn(bytes: Uint8Array): PendingEpoch {
  return unpack(bytes) as PendingEpoch;
}

function writeDeltas(transaction: WriteTransaction, state: readonly SealedState[]): void {
  for (const { deltas } of state) for (const [key, value] of deltas) transaction.put('state', key, value);
}

function move(transaction: WriteTransaction, state: readonly SealedState[]): void {
  for (const { moved } of state) {
    for (const key of moved.deletes) transaction.delete('state', key);
    for (const [key, value] of moved.puts) transaction.put('state', key, value);
  }
}

function deletePrefix(transaction: WriteTransaction, prefix: Uint8Array): void {
  const to = Uint8Array.from(prefix);
  to[to.length - 1]++;
  const keys = Array.from(transaction.keys('state', { from: prefix, to }), (key) => Uint8Array.from(key));
  for (const key of keys) transaction.delete('state', key);
}
