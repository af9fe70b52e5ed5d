/** What kafkajs and Kafka say when something fails, as errors of millrace, and what is worth another try. */
import { MillraceError, messageOf } from '../../core/errors.ts';
import type { Attempt } from '../attempt.ts';
import { closedTrouble, SASL_HINTS, type Security, tlsTrouble, type Trouble } from '../connection-trouble.ts';
import { subjectOf } from '../refusals.ts';
import { errorOfCode } from './internals.ts';

const NOT_LEADER = 6;

/** Errors of kafkajs that come from the connection, not from Kafka. */
const CONNECTION_ERRORS = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSLockTimeout',
  'KafkaJSBrokerNotFound',
  'KafkaJSMetadataNotLoaded',
]);

/** A request between the loss of a connection and its return: a plain Error, told by its words only. */
const NOT_CONNECTED = 'Broker not connected';

/** Answers of Kafka that another try can change, beyond those that kafkajs marks as such. */
const PASSING = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'KAFKA_STORAGE_ERROR',
  'OFFSET_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
]);

/** Answers of Kafka to a request that cannot be right as it is, and what to do about it. */
const MISTAKES: Record<string, string> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'check the name, or create the topic',
  INVALID_TOPIC_EXCEPTION: 'use letters, digits, ".", "_" and "-", at most 249',
  TOPIC_AUTHORIZATION_FAILED: 'ask for the rights to this topic',
  GROUP_AUTHORIZATION_FAILED: 'ask for the rights to this group, or use another with --group',
  CLUSTER_AUTHORIZATION_FAILED: 'ask for the rights on the cluster, or have the topics created for you',
  KafkaJSSASLAuthenticationError: SASL_HINTS.failed,
  SASL_AUTHENTICATION_FAILED: SASL_HINTS.failed,
  UNSUPPORTED_SASL_MECHANISM: SASL_HINTS.mechanism,
  ILLEGAL_SASL_STATE: SASL_HINTS.unwanted,
  MESSAGE_TOO_LARGE: "make the record smaller, or raise the topic's max.message.bytes",
  RECORD_LIST_TOO_LARGE: 'make the record smaller',
  INVALID_PARTITIONS: 'ask for one partition or more',
  INVALID_REPLICATION_FACTOR: 'set default.replication.factor on the brokers to what they can hold',
  INVALID_CONFIG: "see the broker's log",
  POLICY_VIOLATION: 'the cluster forbids this: have the topics created for you',
  UNKNOWN_MEMBER_ID: 'another consumer is active in this group: stop it, or use another group with --group',
  NON_EMPTY_GROUP: 'another consumer is active in this group: stop it first',
  OFFSET_METADATA_TOO_LARGE: 'keep metadata below 4,096 bytes',
  INVALID_GROUP_ID: 'give the group a name',
  KafkaJSServerDoesNotSupportApiKey: 'Kafka 2.3 is the oldest that will do',
};

interface KafkaFailure {
  readonly name?: string;
  readonly type?: string;
  readonly code?: string | number;
  readonly broker?: string;
  readonly retriable?: boolean;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** The failure that kafkajs has wrapped in its own retries. */
export function rootOf(thrown: unknown): KafkaFailure & Error {
  let error = thrown as KafkaFailure & Error;
  for (let depth = 0; depth < 5; depth++) {
    const inner = (error.errors?.[0] ?? error.cause) as (KafkaFailure & Error) | undefined;
    if (inner === undefined || inner === null || error.type !== undefined || error.broker !== undefined) break;
    error = inner;
  }
  return error;
}

export function typeOf(thrown: unknown): string | undefined {
  return rootOf(thrown).type;
}

/** The connection is broken or silent: it must not be used again. */
export function isConnectionError(thrown: unknown): boolean {
  const { name, message } = rootOf(thrown);
  return CONNECTION_ERRORS.has(name) || message === NOT_CONNECTED;
}

export function isPassing(thrown: unknown, security: Security): boolean {
  const { type, retriable } = rootOf(thrown);
  if (type === undefined) return isConnectionError(thrown) && troubleOf(rootOf(thrown), security)?.isFinal !== true;
  return PASSING.has(type) || (retriable === true && MISTAKES[type] === undefined);
}

/**
 * A broker that does not know a partition may only have heard of it late, or lead it no longer: worth another look at
 * the metadata, which say for certain whether the topic exists.
 */
export function staleLeader(thrown: unknown): unknown {
  return typeOf(thrown) === 'UNKNOWN_TOPIC_OR_PARTITION' ? errorOfCode(NOT_LEADER) : thrown;
}

/** The one way from a failure of kafkajs to an error of millrace. */
export function kafkaError(
  thrown: unknown,
  { doing, place, group }: Attempt,
  addresses: readonly string[],
  security: Security,
): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  const root = rootOf(thrown);
  const subject = subjectOf(place, group);
  const kind = root.type ?? root.name ?? '';
  const mistake = MISTAKES[kind];
  if (mistake !== undefined) {
    const message = `could not ${doing}${subject}: ${messageOf(root)} (${kind})`;
    return new MillraceError('CONFIG_INVALID', message, { place, hint: mistake, cause: thrown });
  }
  const at = root.broker ?? addresses.join(', ');
  const trouble = troubleOf(root, security);
  if (trouble !== undefined) {
    const message = `could not ${doing}${subject}: Kafka at ${at}: ${trouble.reason}`;
    const code = trouble.isFinal ? 'CONFIG_INVALID' : 'LOG_UNAVAILABLE';
    return new MillraceError(code, message, { place, hint: trouble.hint, cause: thrown });
  }
  const message = `could not ${doing}${subject}: Kafka at ${at}: ${reasonOf(root)}`;
  return new MillraceError('LOG_UNAVAILABLE', message, { place, hint: hintOf(root, addresses), cause: thrown });
}

/** kafkajs tells neither how far a connection came nor, but by its words, that the other side closed it. */
function troubleOf({ name, code, message }: KafkaFailure & Error, security: Security): Trouble | undefined {
  const isClosed = name === 'KafkaJSConnectionClosedError' || code === 'ECONNRESET';
  const reason = message.replace(/^Connection error: /, '');
  return tlsTrouble([String(code)], reason, security) ?? (isClosed ? closedTrouble(undefined, security) : undefined);
}

function reasonOf(root: KafkaFailure & Error): string {
  if (root.code === 'ECONNREFUSED') return 'connection refused';
  if (root.code === 'ENOTFOUND' || root.code === 'EAI_AGAIN') return 'unknown host';
  return root.type === undefined ? messageOf(root) : `${messageOf(root)} (${root.type})`;
}

function hintOf(root: KafkaFailure & Error, addresses: readonly string[]): string {
  if (!isConnectionError(root)) return "see the broker's log";
  if (root.broker === undefined || addresses.includes(root.broker)) {
    const address = root.broker ?? addresses.join(', ');
    const port = address.slice(address.lastIndexOf(':') + 1);
    return `is a broker listening at ${address}? \`npm run kafka -- --port ${port}\` starts one`;
  }
  return `the cluster names ${root.broker} as a broker: check advertised.listeners, or reach it from here`;
}
