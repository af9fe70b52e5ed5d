/** Which broker does what: addresses, leaders and coordinators, and a connection to each of them. */
import { findCoordinatorV4, metadataV12 } from '@platformatic/kafka';
import { MillraceError } from '../core/errors.ts';
import type { Clock, Random } from '../core/ports.ts';
import { type Address, formatAddress, parseAddresses } from './address.ts';
import { type Attempt, Attempts, FIRST_CONNECT_MS } from './attempt.ts';
import { BrokerConnection, type ConnectionSettings } from './broker-connection.ts';
import { CODE, kafkaErrorEntry } from './error-table.ts';
import { BrokerError, ConnectionError, isPassing, kafkaError } from './failures.ts';
import type { KafkaConfig } from './kafka-config.ts';

export interface TopicMetadata {
  readonly topic: string;
  /** Another one when the topic is deleted and created anew. */
  readonly id: string;
  readonly isInternal: boolean;
  /** Node id by partition; −1 where there is none for the moment. */
  readonly leaders: readonly number[];
}

export interface ClusterOptions extends KafkaConfig {
  readonly clock: Clock;
  readonly random: Random;
  /** How long what fails for a reason that passes is tried again; default two minutes, Infinity for `until close`. */
  readonly patienceMs?: number | undefined;
}

export type CoordinatorKind = 'group' | 'transaction';

/** A connection for each, so that a large append does not hold up a question. */
type Purpose = 'questions' | 'appends';

const COORDINATOR_KEY: Record<CoordinatorKind, number> = { group: 0, transaction: 1 };
/** Long enough for a broker that is restarted, or away for a minute. */
const PATIENCE_MS = 120_000;
const LEADER_NOT_AVAILABLE = 5;

export class Cluster {
  readonly addresses: readonly string[];
  readonly clock: Clock;
  private readonly seeds: readonly Address[];
  private readonly settings: ConnectionSettings;
  private readonly attempts: Attempts;
  private unhurry = new AbortController();
  private readonly connections = new Map<string, Promise<BrokerConnection>>();
  private readonly nodes = new Map<number, Address>();
  private readonly topics = new Map<string, TopicMetadata>();
  private readonly coordinators = new Map<string, number>();
  /** Ids of the topics that have been read from. */
  private readonly readIds = new Map<string, string>();

  constructor(config: ClusterOptions) {
    this.seeds = parseAddresses(config.brokers);
    this.addresses = this.seeds.map(formatAddress);
    this.clock = config.clock;
    this.settings = config;
    const { clock, random, patienceMs = PATIENCE_MS } = config;
    const judgement = {
      isPassing,
      forget: (failure: unknown) => this.forget(failure),
      toError: (failure: unknown, attempt: Attempt) => kafkaError(failure, attempt, this.addresses),
    };
    this.attempts = new Attempts({ clock, random, judgement, patienceMs });
  }

  async connect(): Promise<void> {
    // A listener that wants a user tells its versions to everybody: only another question shows whether we are let in.
    await this.attempt({ doing: 'connect', patienceMs: FIRST_CONNECT_MS }, () => this.refresh([]));
  }

  get isClosed(): boolean {
    return this.attempts.isClosed;
  }

  hurry(ms: number | undefined): void {
    this.attempts.hurry(ms);
    this.unhurry.abort();
    if (ms === undefined) return;
    this.unhurry = new AbortController();
    const { signal } = this.unhurry;
    // A broker that is frozen lets requests wait for longer than we may.
    void this.clock.sleep(ms, signal).then(() => {
      if (!signal.aborted) for (const connection of this.connections.values()) dropWhenOpen(connection);
    });
  }

  get trouble(): string | undefined {
    return this.attempts.trouble;
  }

  close(): void {
    this.unhurry.abort();
    this.attempts.close();
    for (const connection of this.connections.values()) dropWhenOpen(connection);
    this.connections.clear();
  }

  /** @throws MillraceError, when another try is of no use or patience has ended */
  attempt<T>(attempt: Attempt, action: () => Promise<T>): Promise<T> {
    return this.attempts.run(attempt, action);
  }

  /** A broker that answers, whichever. */
  async anyBroker(): Promise<BrokerConnection> {
    let failure: unknown;
    const known = [...this.nodes.values(), ...this.seeds];
    for (const address of new Map(known.map((each) => [formatAddress(each), each])).values()) {
      try {
        return await this.connection(address, 'questions');
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async node(id: number, purpose: Purpose = 'questions'): Promise<BrokerConnection> {
    return this.connection(await this.addressOf(id), purpose);
  }

  /** A connection of its own, so that a long wait on it holds nothing else up. The caller drops it. */
  async dedicatedConnection(id: number): Promise<BrokerConnection> {
    return BrokerConnection.open(await this.addressOf(id), this.settings);
  }

  async coordinator(kind: CoordinatorKind, key: string): Promise<BrokerConnection> {
    const name = `${kind}/${key}`;
    let id = this.coordinators.get(name);
    if (id === undefined) {
      const broker = await this.anyBroker();
      const { coordinators } = await broker.call(findCoordinatorV4.api, COORDINATOR_KEY[kind], [key]);
      const [{ nodeId, host, port }] = coordinators;
      this.nodes.set(nodeId, { host, port });
      this.coordinators.set(name, nodeId);
      id = nodeId;
    }
    return this.node(id);
  }

  /** What the cluster says of a topic, as last heard. Throws BrokerError 3 for an unknown one. */
  async topic(name: string): Promise<TopicMetadata> {
    const known = this.topics.get(name);
    if (known !== undefined) return known;
    const [topic] = await this.refresh([name]);
    return topic;
  }

  /** Like `topic`; `undefined` for one that does not exist. */
  async existingTopic(name: string): Promise<TopicMetadata | undefined> {
    try {
      return await this.topic(name);
    } catch (error) {
      if (error instanceof BrokerError && error.code === CODE.unknownTopicOrPartition) return undefined;
      throw error;
    }
  }

  /** Like `existingTopic`, asked anew. */
  async lookUp(name: string): Promise<TopicMetadata | undefined> {
    this.topics.delete(name);
    return this.existingTopic(name);
  }

  async allTopics(): Promise<TopicMetadata[]> {
    return this.refresh(null);
  }

  async leadersOf(name: string): Promise<readonly number[]> {
    return (await this.topic(name)).leaders;
  }

  /** @throws MillraceError TOPIC_REPLACED when the topic is not the one that is wanted, or not the one of the first call */
  async idForReading(name: string, wanted?: string): Promise<string> {
    const { id } = await this.topic(name);
    const before = wanted ?? this.readIds.get(name) ?? id;
    if (wanted === undefined) this.readIds.set(name, before);
    if (id === before) return id;
    throw new MillraceError('TOPIC_REPLACED', `topic ${name} was deleted and created anew while it was read`, {
      place: { topic: name },
      hint: '`millrace reset NAME --apply` begins with the new topic',
    });
  }

  /** Partition numbers by the node that leads them. */
  async partitionsByLeader(name: string): Promise<Map<number, number[]>> {
    const byLeader = new Map<number, number[]>();
    for (const [partition, leader] of (await this.leadersOf(name)).entries()) {
      const partitions = byLeader.get(leader) ?? [];
      partitions.push(partition);
      byLeader.set(leader, partitions);
    }
    return byLeader;
  }

  /** Before another try: what was known of leaders and coordinators may be why this one failed. */
  forget(failure: unknown): void {
    if (failure instanceof ConnectionError) {
      for (const [key, connection] of this.connections) {
        if (!key.endsWith(` ${failure.address}`)) continue;
        dropWhenOpen(connection);
        this.connections.delete(key);
      }
    } else if (!(failure instanceof BrokerError) || kafkaErrorEntry(failure.code).remedy === 'retry') return;
    this.topics.clear();
    this.coordinators.clear();
  }

  private async refresh(names: readonly string[] | null): Promise<TopicMetadata[]> {
    const broker = await this.anyBroker();
    const answer = await broker.callForAll(metadataV12.api, names === null ? null : [...names], false, false);
    for (const { nodeId, host, port } of answer.brokers) this.nodes.set(nodeId, { host, port });
    const found = answer.topics.map(({ name, topicId, isInternal, errorCode, partitions }) => {
      // All topics were asked for: one that is just being made is no reason to tell of none.
      if (errorCode !== 0 && names !== null) throw new BrokerError(errorCode);
      const leaders: number[] = [];
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
      return { topic: name ?? '', id: topicId, isInternal, leaders };
    });
    for (const topic of found) this.topics.set(topic.topic, topic);
    return found;
  }

  private async addressOf(id: number): Promise<Address> {
    if (!this.nodes.has(id)) await this.refresh([]);
    const address = this.nodes.get(id);
    // The node has left, or has not joined yet: another look at the cluster may help.
    if (address === undefined) throw new BrokerError(LEADER_NOT_AVAILABLE);
    return address;
  }

  private async connection(address: Address, purpose: Purpose): Promise<BrokerConnection> {
    const key = `${purpose} ${formatAddress(address)}`;
    const open = this.connections.get(key);
    if (open !== undefined) {
      const connection = await open;
      if (connection.isUsable) return connection;
      if (this.connections.get(key) !== open) return this.connection(address, purpose);
    }
    const opening = BrokerConnection.open(address, this.settings);
    this.connections.set(key, opening);
    try {
      const connection = await opening;
      if (this.isClosed) connection.drop();
      return connection;
    } catch (error) {
      if (this.connections.get(key) === opening) this.connections.delete(key);
      throw error;
    }
  }
}

function dropWhenOpen(opening: Promise<BrokerConnection>): void {
  opening.then(
    (connection) => connection.drop(),
    () => {},
  );
}
