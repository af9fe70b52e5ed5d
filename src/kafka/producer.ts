/** Idempotent appends: every partition in its own order, several requests on the way, nothing twice and nothing lost. */
import { initProducerIdV4 } from '@platformatic/kafka';
import type { RecordBatch } from '../core/record-batch.ts';
import type { TopicPartition } from '../log/log-client.ts';
import type { Cluster } from './cluster.ts';
import type { Compression } from './compression.ts';
import { PartitionProducer } from './partition-producer.ts';

/** Who appends, in the eyes of the brokers; they tell repetitions from new batches by it. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** `null` outside of transactions. */
  readonly transactionalId: string | null;
}

/** Where identities come from. */
export interface Identities {
  /** The identity to append under now. */
  identity(): Promise<ProducerIdentity>;
  /** After an append of which nobody knows whether it was made: what follows must not be taken for its repetition. */
  retire(identity: ProducerIdentity): void;
  /** An append is sent again whose connection has ended: the one before may still arrive. */
  sentAgain(): void;
}

/** How batches are made. */
export interface BatchSettings {
  readonly compression: Compression;
  /** At most, header included. */
  readonly batchBytes: number;
}

const NO_ID = -1n;
const NO_EPOCH = -1;
const NO_TIMEOUT = 0;

export class Producer {
  private readonly cluster: Cluster;
  private readonly settings: BatchSettings;
  private readonly identities: Identities;
  private readonly partitions = new Map<string, PartitionProducer>();

  constructor(cluster: Cluster, settings: BatchSettings, identities: Identities) {
    this.cluster = cluster;
    this.settings = settings;
    this.identities = identities;
  }

  /** The offset given to the first record of each batch, none of them empty. An error of one leaves the others alone. */
  async append(batches: readonly RecordBatch[]): Promise<number[]> {
    const appends = await Promise.allSettled(batches.map((batch) => this.partition(batch).append(batch)));
    return appends.map((append) => {
      if (append.status === 'rejected') throw append.reason;
      return append.value;
    });
  }

  private partition({ topic, partition }: TopicPartition): PartitionProducer {
    const key = `${topic}/${partition}`;
    let producer = this.partitions.get(key);
    if (producer === undefined) {
      const { cluster, settings, identities } = this;
      producer = new PartitionProducer({ cluster, place: { topic, partition }, settings, identities });
      this.partitions.set(key, producer);
    }
    return producer;
  }
}

/** Identities outside of transactions: any broker gives one, and a new one whenever it is asked. */
export class IdempotentIdentities implements Identities {
  private readonly cluster: Cluster;
  private current: ProducerIdentity | undefined;
  private asking: Promise<ProducerIdentity> | undefined;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  async identity(): Promise<ProducerIdentity> {
    if (this.current !== undefined) return this.current;
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    this.current = await this.asking;
    return this.current;
  }

  retire(identity: ProducerIdentity): void {
    if (this.current === identity) this.current = undefined;
  }

  /** Outside of transactions a broker knows by the sequence what it has seen. */
  sentAgain(): void {}

  private async ask(): Promise<ProducerIdentity> {
    return this.cluster.attempt({ doing: 'begin to append' }, async () => {
      const broker = await this.cluster.anyBroker();
      const answer = await broker.call(initProducerIdV4.api, null, NO_TIMEOUT, NO_ID, NO_EPOCH);
      return { producerId: answer.producerId, producerEpoch: answer.producerEpoch, transactionalId: null };
    });
  }
}
