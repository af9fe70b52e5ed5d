/** Which broker does what: addresses, leaders and coordinators, and the one policy for trying again. */
import type { Clock, Random } from '../../core/ports.ts';
import { type Address, formatAddress, parseAddresses } from '../address.ts';
import { type Attempt, Attempts, FIRST_CONNECT_MS } from '../attempt.ts';
import type { SaslConfig, TlsConfig } from '../kafka-config.ts';
import { isConnectionError, isPassing, kafkaError, rootOf, typeOf } from './errors.ts';
import {
  type Broker,
  BrokerClass,
  type Connection,
  ConnectionClass,
  type ConnectionOptions,
  ConnectionPoolClass,
  defaultSocketFactory,
  type Metadata,
  type Security,
  silentLogger,
} from './internals.ts';
import { kafkajsSasl, type KafkajsTls, kafkajsTls } from './security.ts';

export interface ClusterOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: TlsConfig | undefined;
  readonly sasl?: SaslConfig | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Long enough for a broker to restart and for its partitions to find leaders. */
const PATIENCE_MS = 30_000;
const CONNECT_MS = 1_500;
const REQUEST_MS = 30_000;
/** Logging in again among other requests ends a connection: when its session is over, another one is made. */
const NEVER_MS = Number.MIN_SAFE_INTEGER;

export class KafkaCluster {
  readonly addresses: readonly string[];
  readonly clientId: string;
  readonly clock: Clock;
  private readonly tls: KafkajsTls | undefined;
  private readonly sasl: SaslConfig | undefined;
  private readonly seeds: readonly Address[];
  private readonly brokers = new Map<string, Broker>();
  private readonly nodes = new Map<number, Address>();
  private readonly leaders = new Map<string, readonly number[]>();
  private readonly coordinators = new Map<string, number>();
  private readonly attempts: Attempts;

  constructor({ brokers, clientId, tls, sasl, clock, random }: ClusterOptions) {
    this.seeds = parseAddresses(brokers);
    this.addresses = this.seeds.map(formatAddress);
    this.clientId = clientId;
    this.clock = clock;
    this.tls = kafkajsTls(tls);
    this.sasl = sasl;
    const security = { tls, sasl };
    const judgement = {
      isPassing: (failure: unknown) => isPassing(failure, security),
      forget: (failure: unknown) => this.forget(failure),
      toError: (failure: unknown, attempt: Attempt) => kafkaError(failure, attempt, this.addresses, security),
    };
    this.attempts = new Attempts({ clock, random, judgement, patienceMs: PATIENCE_MS });
  }

  async connect(): Promise<void> {
    await this.attempt({ doing: 'connect', patienceMs: FIRST_CONNECT_MS }, () => this.metadata([]));
  }

  get trouble(): string | undefined {
    return this.attempts.trouble;
  }

  hurry(ms: number | undefined): void {
    this.attempts.hurry(ms);
  }

  get isClosed(): boolean {
    return this.attempts.isClosed;
  }

  close(): void {
    this.attempts.close();
    for (const broker of this.brokers.values()) dropBroker(broker);
    this.brokers.clear();
  }

  /** For another connection of kafkajs. */
  security(): Security {
    return { ssl: this.tls, sasl: kafkajsSasl(this.sasl), reauthenticationThreshold: NEVER_MS };
  }

  attempt<T>(attempt: Attempt, action: () => Promise<T>): Promise<T> {
    return this.attempts.run(attempt, action);
  }

  /** A broker that answers, whichever. */
  async anyBroker(): Promise<Broker> {
    const known = [...this.brokers.values()].find((broker) => broker.isConnected());
    if (known !== undefined) return known;
    let failure: unknown;
    for (const address of [...this.nodes.values(), ...this.seeds]) {
      try {
        return await this.brokerAt(address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async node(id: number): Promise<Broker> {
    return this.brokerAt(await this.addressOf(id));
  }

  async controller(): Promise<Broker> {
    const { controllerId } = await this.metadata([]);
    return this.node(controllerId);
  }

  async coordinator(group: string): Promise<Broker> {
    const known = this.coordinators.get(group);
    if (known !== undefined) return this.node(known);
    const broker = await this.anyBroker();
    const { coordinator } = await broker.findGroupCoordinator({ groupId: group, coordinatorType: 0 });
    this.nodes.set(coordinator.nodeId, coordinator);
    this.coordinators.set(group, coordinator.nodeId);
    return this.node(coordinator.nodeId);
  }

  /** Asks for these topics, or for all when none is named, and remembers addresses and leaders. */
  async metadata(topics: readonly string[]): Promise<Metadata> {
    const broker = await this.anyBroker();
    const metadata = await broker.metadata(topics);
    for (const { nodeId, host, port } of metadata.brokers) this.nodes.set(nodeId, { host, port });
    for (const { topic, partitionMetadata } of metadata.topicMetadata) {
      const leaders: number[] = [];
      for (const { partitionId, leader } of partitionMetadata) leaders[partitionId] = leader;
      this.leaders.set(topic, leaders);
    }
    return metadata;
  }

  /** The leader's node id by partition, as last heard. Throws kafkajs's error for an unknown topic. */
  async leadersOf(topic: string): Promise<readonly number[]> {
    if (!this.leaders.has(topic)) await this.metadata([topic]);
    return this.leaders.get(topic) ?? [];
  }

  /** Like `leadersOf`; `undefined` for a topic that does not exist. */
  async leadersOfExisting(topic: string): Promise<readonly number[] | undefined> {
    try {
      return await this.leadersOf(topic);
    } catch (error) {
      if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
      throw error;
    }
  }

  /** Partition numbers by the node that leads them. */
  async partitionsByLeader(topic: string): Promise<Map<number, number[]>> {
    const byLeader = new Map<number, number[]>();
    for (const [partition, leader] of (await this.leadersOf(topic)).entries()) {
      const partitions = byLeader.get(leader) ?? [];
      partitions.push(partition);
      byLeader.set(leader, partitions);
    }
    return byLeader;
  }

  /** A connection of its own, so that a long wait on it holds nothing else up. The caller drops it. */
  async dedicatedConnection(nodeId: number): Promise<Connection> {
    const connection = new ConnectionClass(this.connectionOptions(await this.addressOf(nodeId)));
    const { versions } = await this.node(nodeId);
    await connection.connect();
    connection.setVersions(versions);
    // Every Kafka of the last eight years has SaslAuthenticate.
    connection.setSupportAuthenticationProtocol(true);
    await connection.authenticate();
    return connection;
  }

  private async addressOf(nodeId: number): Promise<Address> {
    if (!this.nodes.has(nodeId)) await this.metadata([]);
    const address = this.nodes.get(nodeId);
    if (address !== undefined) return address;
    // As kafkajs would say it: the node has left, or has not joined yet, and another look at the cluster may help.
    throw Object.assign(new Error(`the cluster has no node ${nodeId}`), { name: 'KafkaJSBrokerNotFound' });
  }

  private async brokerAt(address: Address): Promise<Broker> {
    const key = formatAddress(address);
    let broker = this.brokers.get(key);
    if (broker === undefined) {
      broker = new BrokerClass({
        connectionPool: new ConnectionPoolClass(this.connectionOptions(address)),
        logger: silentLogger,
        allowAutoTopicCreation: false,
      });
      this.brokers.set(key, broker);
    }
    if (!broker.isConnected()) await this.connectBroker(broker, key);
    if (this.isClosed) dropBroker(broker);
    return broker;
  }

  /** kafkajs would wait for an answer as long as for any other: something that is not Kafka gives none. */
  private async connectBroker(broker: Broker, address: string): Promise<void> {
    const done = new AbortController();
    const reason = connectionError(`no answer in Kafka's protocol within ${(CONNECT_MS * 2) / 1000} s`, address);
    void this.clock.sleep(CONNECT_MS * 2, done.signal).then(() => {
      if (!done.signal.aborted) dropBroker(broker, reason);
    });
    try {
      await broker.connect();
    } catch (error) {
      this.dropAddress(address);
      throw error;
    } finally {
      done.abort();
    }
  }

  private connectionOptions({ host, port }: Address): ConnectionOptions {
    return {
      host,
      port,
      clientId: this.clientId,
      logger: silentLogger,
      socketFactory: defaultSocketFactory(),
      ...this.security(),
      connectionTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      enforceRequestTimeout: true,
    };
  }

  /**
   * A kafkajs connection that broke keeps half an answer and would read the next one askew, so a broker is never
   * reconnected: it is made anew.
   */
  private forget(error: unknown): void {
    this.leaders.clear();
    this.coordinators.clear();
    if (!isConnectionError(error)) return;
    const failed = rootOf(error).broker;
    for (const [address, broker] of this.brokers) {
      if (address === failed || !broker.isConnected()) this.dropAddress(address);
    }
  }

  private dropAddress(address: string): void {
    const broker = this.brokers.get(address);
    if (broker !== undefined) dropBroker(broker);
    this.brokers.delete(address);
  }
}

/** Ends a connection at once, with whatever waits for it. */
export function dropConnection(connection: Connection, reason = connectionError('the connection was closed')): void {
  connection.rejectRequests(reason);
  connection.disconnect().catch(() => {});
  connection.socket?.destroy();
}

function dropBroker(broker: Broker, reason?: Error): void {
  for (const connection of broker.connectionPool.pool) dropConnection(connection, reason);
}

/** As kafkajs would make it. */
function connectionError(message: string, broker?: string): Error {
  return Object.assign(new Error(message), { name: 'KafkaJSConnectionError', broker });
}
