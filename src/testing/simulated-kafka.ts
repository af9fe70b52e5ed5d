/** A log with transactions of its own, in memory: what the protocol on Kafka can be tested on, step by step. */
import { type BatchBuilder, RecordBatchBuilder } from '../core/batch-builder.ts';
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { RecordBatch } from '../core/record-batch.ts';
import { EmbeddedLog } from '../log/embedded-log.ts';
import type {
  FetchedPartition,
  FetchOptions,
  FetchPosition,
  GroupOffset,
  LogClient,
  LogTransactions,
  OffsetQuery,
  TopicInfo,
  TopicPartition,
  TopicSpec,
} from '../log/log-client.ts';
import { memoryStore } from '../state/memory-store.ts';
import type { StateStore } from '../state/state-store.ts';

/** What outlives its clients. */
interface Broker {
  readonly store: StateStore;
  readonly owners: Map<string, SimulatedTransactions>;
}

function newBroker(): Broker {
  return { store: memoryStore(), owners: new Map() };
}

/** Whether the transaction was decided that its owner is told has failed. */
export type CommitFailure = 'undecided' | 'decided';

/**
 * Outlives the crash of whoever uses it, as a broker does. Readers see committed records only; a new user of a transactional
 * id fences the one before and settles what it left open, and a transaction that takes too long is aborted, its user fenced.
 */
export class SimulatedKafka implements LogClient {
  readonly description = 'simulated Kafka';
  readonly kind = 'kafka';
  readonly transactional = undefined;
  readonly transactions: (id: string, timeoutMs: number) => LogTransactions;
  /** The next commits fail, in this order. */
  readonly commitFailures: CommitFailure[] = [];
  private readonly broker: Broker;
  private readonly batchBytes: number;
  private readonly log: EmbeddedLog;

  /** `batchBytes`: a few records unless told otherwise, so that some are sent ahead of every commit. */
  constructor(
    clock: Clock,
    { batchBytes = 16, broker = newBroker() }: { readonly batchBytes?: number; readonly broker?: Broker } = {},
  ) {
    this.broker = broker;
    this.batchBytes = batchBytes;
    this.log = new EmbeddedLog(broker.store, clock);
    const { log, commitFailures } = this;
    const { owners } = broker;
    this.transactions = (id, timeoutMs) =>
      new SimulatedTransactions({ log, owners, clock, commitFailures, id, timeoutMs });
  }

  /** Another client of the same broker. */
  connect(clock: Clock): SimulatedKafka {
    const { broker, batchBytes } = this;
    return new SimulatedKafka(clock, { broker, batchBytes });
  }

  batchBuilder({ topic, partition }: TopicPartition): BatchBuilder {
    return new RecordBatchBuilder(topic, partition, this.batchBytes);
  }

  topic(name: string): Promise<TopicInfo | undefined> {
    return this.log.topic(name);
  }

  topics(): Promise<TopicInfo[]> {
    return this.log.topics();
  }

  createTopics(specs: readonly TopicSpec[]): Promise<void> {
    return this.log.createTopics(specs);
  }

  offsets(topic: string, query: OffsetQuery): Promise<number[]> {
    return this.log.offsets(topic, query);
  }

  fetch(positions: readonly FetchPosition[], options: FetchOptions): Promise<FetchedPartition[]> {
    return this.log.fetch(positions, options);
  }

  append(batches: readonly RecordBatch[]): Promise<number[]> {
    return this.log.append(batches);
  }

  groupOffsets(group: string, topics: readonly string[]): Promise<GroupOffset[]> {
    return this.log.groupOffsets(group, topics);
  }

  commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    return this.log.commitGroup(group, offsets);
  }

  deleteGroup(group: string): Promise<void> {
    return this.log.deleteGroup(group);
  }

  async close(): Promise<void> {}
}

interface TransactionsOptions {
  readonly log: EmbeddedLog;
  readonly owners: Map<string, SimulatedTransactions>;
  readonly clock: Clock;
  readonly commitFailures: CommitFailure[];
  readonly id: string;
  readonly timeoutMs: number;
}

class SimulatedTransactions implements LogTransactions {
  private readonly options: TransactionsOptions;
  private beganAt: number | undefined;
  private batches: RecordBatch[] = [];
  private offsets: { readonly group: string; readonly offsets: readonly GroupOffset[] }[] = [];
  /** A commit that has reached the broker: it is made whatever becomes of its owner. */
  private committing: Promise<unknown> = Promise.resolve();

  constructor(options: TransactionsOptions) {
    this.options = options;
  }

  async init(): Promise<void> {
    const { owners, id } = this.options;
    const before = owners.get(id);
    owners.set(id, this);
    this.forget();
    await before?.committing;
  }

  async append(batches: readonly RecordBatch[]): Promise<number[]> {
    this.begin();
    this.batches.push(...batches.map(copied));
    return batches.map(() => 0);
  }

  async commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    this.begin();
    this.offsets.push({ group, offsets });
  }

  async commit(): Promise<void> {
    this.checkOwner();
    const { log, commitFailures } = this.options;
    const failure = commitFailures.shift();
    const { batches, offsets } = this;
    this.forget();
    if (failure !== 'undecided') {
      this.committing = Promise.all([
        log.append(batches),
        ...offsets.map((each) => log.commitGroup(each.group, each.offsets)),
      ]);
      await this.committing;
    }
    if (failure !== undefined) throw new MillraceError('TRANSACTION_FAILED', 'nobody knows whether it was committed');
  }

  async abort(): Promise<void> {
    this.checkOwner();
    this.forget();
  }

  private forget(): void {
    this.beganAt = undefined;
    this.batches = [];
    this.offsets = [];
  }

  private begin(): void {
    this.checkOwner();
    this.beganAt ??= this.options.clock.elapsed();
  }

  private checkOwner(): void {
    const { owners, id, clock, timeoutMs } = this.options;
    const ageMs = this.beganAt === undefined ? 0 : clock.elapsed() - this.beganAt;
    if (owners.get(id) === this && ageMs < timeoutMs) return;
    throw new MillraceError('FENCED', `another user of the transactional id '${id}' has taken over`);
  }
}

/** What a broker has of a batch is its own. */
function copied(batch: RecordBatch): RecordBatch {
  return new RecordBatch({
    topic: batch.topic,
    partition: batch.partition,
    timestampType: batch.timestampType,
    offsets: batch.offsets.slice(),
    timestamps: batch.timestamps.slice(),
    bytes: Buffer.from(batch.bytes),
    slices: batch.slices.slice(),
    headerLists: batch.headerLists,
  });
}
