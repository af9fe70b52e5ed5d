/** Appends and group offsets that become visible together, or never. */
import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  endTxnV3,
  initProducerIdV4,
  txnOffsetCommitV3,
} from '@platformatic/kafka';
import type { RecordBatch } from '../core/record-batch.ts';
import type { GroupOffset, LogTransactions } from '../log/log-client.ts';
import type { Attempt } from './attempt.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { Cluster } from './cluster.ts';
import { offsetsByTopic } from './group-offsets.ts';
import { ConnectionError, orStale } from './failures.ts';
import { type BatchSettings, Producer, type ProducerIdentity } from './producer.ts';
import { assertGroup } from './refusals.ts';

const NO_ID = -1n;
const NO_EPOCH = -1;
const NO_GENERATION = -1;
const NO_MEMBER = '';

/**
 * One transaction at a time, under one transactional id. Requests whose answer was lost are sent again as they were: each
 * means the same when it comes twice, within its transaction. But no request names its transaction: the one before may be on its way
 * still when the next has begun, and would commit it half sent, or give it offsets of before. So behind a transaction in which something was sent
 * again the producer takes a new epoch, which refuses all that is left of it.
 * @see KIP-890: from transaction version 2 on, brokers do so behind every transaction
 */
export class TransactionalProducer implements LogTransactions {
  private readonly cluster: Cluster;
  private readonly transactionalId: string;
  private readonly timeoutMs: number;
  private readonly settings: BatchSettings;
  private open: { readonly identity: ProducerIdentity; readonly producer: Producer } | undefined;
  /** What is part of the transaction so far: `topic/partition`. */
  private readonly partitions = new Set<string>();
  private hasOffsets = false;
  /** Something was sent again of which an earlier copy may still arrive. */
  private mayComeLate = false;
  /** The last batches' partitions are part of the transaction. */
  private joining: Promise<void> = Promise.resolve();

  constructor(options: {
    cluster: Cluster;
    transactionalId: string;
    /** The broker aborts a transaction that takes longer. */
    timeoutMs: number;
    settings: BatchSettings;
  }) {
    this.cluster = options.cluster;
    this.transactionalId = options.transactionalId;
    this.timeoutMs = options.timeoutMs;
    this.settings = options.settings;
  }

  async init(): Promise<void> {
    this.forgetTransaction();
    await this.takeEpoch(NO_ID, NO_EPOCH);
  }

  /** A new epoch: of the id that the coordinator keeps, or behind the one that is given, unless somebody else has taken over. */
  private async takeEpoch(before: bigint, epochBefore: number): Promise<void> {
    const { transactionalId, timeoutMs } = this;
    const { producerId, producerEpoch } = await this.ask(
      'begin transactions of',
      'transaction',
      transactionalId,
      (broker) => broker.call(initProducerIdV4.api, transactionalId, timeoutMs, before, epochBefore),
    );
    this.mayComeLate = false;
    const identity = { producerId, producerEpoch, transactionalId };
    const sentAgain = (): void => {
      this.mayComeLate = true;
    };
    const identities = { identity: async () => identity, retire: () => {}, sentAgain };
    this.open = { identity, producer: new Producer(this.cluster, this.settings, identities) };
  }

  async append(batches: readonly RecordBatch[]): Promise<number[]> {
    const { producer } = this.opened();
    // In turn, so that batches of one partition keep their order, however often a partition has to be added.
    const joining = this.joining.then(() => this.join(batches));
    this.joining = joining;
    // Whoever comes next in this transaction is told, too.
    joining.catch(() => {});
    await joining;
    return producer.append(batches);
  }

  /** Makes the partitions of `batches` part of the transaction. */
  private async join(batches: readonly RecordBatch[]): Promise<void> {
    const added = new Map<string, Set<number>>();
    for (const { topic, partition } of batches) {
      if (this.partitions.has(`${topic}/${partition}`)) continue;
      added.set(topic, (added.get(topic) ?? new Set()).add(partition));
    }
    if (added.size === 0) return;
    const { producerId, producerEpoch } = this.opened().identity;
    const topics = [...added].map(([name, partitions]) => ({ name, partitions: [...partitions] }));
    const transaction = { transactionalId: this.transactionalId, producerId, producerEpoch, verifyOnly: false, topics };
    const names = [...added.keys()].join(', ');
    await this.ask(`append to ${names} in transactions of`, 'transaction', this.transactionalId, (broker) =>
      broker.call(addPartitionsToTxnV3.api, [transaction]),
    );
    for (const [topic, partitions] of added)
      for (const partition of partitions) this.partitions.add(`${topic}/${partition}`);
  }

  async commitGroup(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    assertGroup(group);
    const { transactionalId } = this;
    const { producerId, producerEpoch } = this.opened().identity;
    if (!this.hasOffsets) {
      await this.ask('commit offsets in transactions of', 'transaction', transactionalId, (broker) =>
        broker.call(addOffsetsToTxnV3.api, transactionalId, producerId, producerEpoch, group),
      );
      this.hasOffsets = true;
    }
    const topics = offsetsByTopic(offsets);
    await this.ask('commit offsets in transactions of', 'group', group, (broker) =>
      broker.call(
        txnOffsetCommitV3.api,
        transactionalId,
        group,
        producerId,
        producerEpoch,
        NO_GENERATION,
        NO_MEMBER,
        null,
        topics,
      ),
    );
  }

  commit(): Promise<void> {
    return this.end(true);
  }

  abort(): Promise<void> {
    return this.end(false);
  }

  private async end(isCommit: boolean): Promise<void> {
    const { producerId, producerEpoch } = this.opened().identity;
    const isEmpty = this.partitions.size === 0 && !this.hasOffsets;
    this.forgetTransaction();
    // To the coordinator a transaction begins with its first partition or offset.
    if (isEmpty) return;
    const doing = isCommit ? 'commit a transaction of' : 'abort a transaction of';
    await this.ask(doing, 'transaction', this.transactionalId, (broker) =>
      broker.call(endTxnV3.api, this.transactionalId, producerId, producerEpoch, isCommit),
    );
    if (this.mayComeLate) await this.takeEpoch(producerId, producerEpoch);
  }

  private opened(): { readonly identity: ProducerIdentity; readonly producer: Producer } {
    if (this.open === undefined) throw new Error('init() comes before everything else');
    return this.open;
  }

  private forgetTransaction(): void {
    this.partitions.clear();
    this.hasOffsets = false;
    this.joining = Promise.resolve();
  }

  private ask<Answer>(
    doing: string,
    kind: 'group' | 'transaction',
    key: string,
    action: (broker: BrokerConnection) => Promise<Answer>,
  ): Promise<Answer> {
    const attempt: Attempt = { doing: `${doing} ${this.transactionalId}`, transactionalId: this.transactionalId };
    // A coordinator may not have heard yet of a topic that was just created.
    return this.cluster.attempt(attempt, async () =>
      action(await this.cluster.coordinator(kind, key)).catch((failure: unknown) => {
        if (failure instanceof ConnectionError) this.mayComeLate = true;
        return orStale(failure);
      }),
    );
  }
}
