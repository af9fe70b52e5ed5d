/**
 * The parts of kafkajs below its public interface, typed as far as they are used. Its public consumer assigns partitions
 * by group only, hides the last stable offset and decides itself where to go when an offset is gone; its brokers and
 * connections do what they are told. The package has no exports map and has not changed since 2.2.4 of 2023.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { KafkajsSasl, KafkajsTls } from './security.ts';
import type { Kafka as PublicKafka, KafkaConfig } from 'kafkajs';

export interface Logger {
  namespace(): Logger;
  info(message: string): void;
  error(message: string): void;
  warn(message: string): void;
  debug(message: string): void;
}

/** What every connection is made with. */
export interface Security {
  readonly ssl: KafkajsTls | undefined;
  readonly sasl: KafkajsSasl | undefined;
  /** So long before the end of a session it logs in again. */
  readonly reauthenticationThreshold: number;
}

export interface ConnectionOptions extends Security {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly logger: Logger;
  readonly socketFactory: unknown;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
}

export interface Request {
  readonly request: unknown;
  /** Gets the bytes behind the correlation id. */
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
  readonly requestTimeout?: number;
}

export interface Connection {
  readonly socket: Socket | undefined;
  connect(): Promise<unknown>;
  /** Before `authenticate`: what the broker has said that it speaks, and whether SaslAuthenticate is part of it. */
  setVersions(versions: unknown): void;
  setSupportAuthenticationProtocol(isSupported: boolean): void;
  /** Does nothing without SASL. */
  authenticate(): Promise<void>;
  isConnected(): boolean;
  send(request: Request): Promise<unknown>;
  rejectRequests(error: Error): void;
  /** Waits for requests under way: reject them first. */
  disconnect(): Promise<unknown>;
}

export interface ConnectionPool {
  readonly host: string;
  readonly port: number;
  readonly pool: readonly Connection[];
}

export interface Metadata {
  readonly controllerId: number;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topicMetadata: readonly {
    readonly topic: string;
    readonly isInternal: boolean;
    readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
  }[];
}

interface Partitions<T> {
  readonly topic: string;
  readonly partitions: readonly ({ readonly partition: number } & T)[];
}

export interface Broker {
  readonly connectionPool: ConnectionPool;
  readonly versions: unknown;
  connect(): Promise<void>;
  isConnected(): boolean;
  /** All topics when the list is empty. */
  metadata(topics: readonly string[]): Promise<Metadata>;
  listOffsets(request: {
    readonly isolationLevel: number;
    readonly topics: readonly Partitions<{ readonly timestamp: number }>[];
  }): Promise<{ readonly responses: readonly Partitions<{ readonly offset: string }>[] }>;
  findGroupCoordinator(request: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<{ readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number } }>;
  offsetFetch(request: { readonly groupId: string; readonly topics: readonly Partitions<unknown>[] }): Promise<{
    readonly responses: readonly Partitions<{ readonly offset: string; readonly metadata: string | null }>[];
  }>;
  offsetCommit(request: {
    readonly groupId: string;
    readonly groupGenerationId: number;
    readonly memberId: string;
    readonly topics: readonly Partitions<{ readonly offset: string; readonly metadata: string }>[];
  }): Promise<unknown>;
  deleteGroups(groups: readonly string[]): Promise<unknown>;
  createTopics(request: {
    readonly topics: readonly {
      readonly topic: string;
      readonly numPartitions: number;
      readonly replicationFactor: number;
      readonly configEntries: readonly { readonly name: string; readonly value: string }[];
    }[];
    readonly timeout: number;
  }): Promise<unknown>;
  describeConfigs(request: {
    readonly resources: readonly {
      readonly type: number;
      readonly name: string;
      readonly configNames: readonly string[];
    }[];
  }): Promise<{
    readonly resources: readonly {
      readonly resourceName: string;
      readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[];
    }[];
  }>;
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

type FetchRequest = (options: {
  readonly replicaId: number;
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: readonly Partitions<{ readonly fetchOffset: number; readonly maxBytes: number }>[];
}) => unknown;

/** TLS and SASL in the words that its connections take, too. */
type PublicConfig = Omit<KafkaConfig, 'ssl' | 'sasl'> & Security;

const require = createRequire(import.meta.url);

/** The public client. */
export const { Kafka } = require('kafkajs') as { readonly Kafka: new (config: PublicConfig) => PublicKafka };
export const ConnectionClass = require('kafkajs/src/network/connection') as new (
  options: ConnectionOptions,
) => Connection;
export const ConnectionPoolClass = require('kafkajs/src/network/connectionPool') as new (
  options: ConnectionOptions,
) => ConnectionPool;
export const BrokerClass = require('kafkajs/src/broker') as new (options: {
  readonly connectionPool: ConnectionPool;
  readonly logger: Logger;
  readonly allowAutoTopicCreation: boolean;
}) => Broker;
export const defaultSocketFactory = require('kafkajs/src/network/socketFactory') as () => unknown;
/** Version 11: the newest that kafkajs writes; brokers have understood it since 2.3. */
export const fetchRequest = require('kafkajs/src/protocol/requests/fetch/v11/request') as FetchRequest;
export const errorOfCode = (
  require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error & { type: string } }
).createErrorFromCode;

const silence = (): void => {};
export const silentLogger: Logger = {
  namespace: () => silentLogger,
  info: silence,
  error: silence,
  warn: silence,
  debug: silence,
};

/**
 * kafkajs looks for throttled requests by a timer that renews itself every millisecond as long as a connection lives,
 * even when none are waiting: 4 to 6 % of a core for an idle client. With none waiting there is nothing to look for.
 */
function stopIdlePolling(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenWaiting(this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}
stopIdlePolling();
