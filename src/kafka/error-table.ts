/**
 * Every error code that a broker answers our requests with, and what to do about it. The one table of them.
 *
 * Sources: the protocol guide (https://kafka.apache.org/protocol#protocol_error_codes), Java's
 * `org.apache.kafka.common.protocol.Errors` and `TransactionManager` for what its own clients do, and kills of processes and
 * brokers for what neither says: 51 after a crash, −1 and 48 of an EndTxn that raced, 47 and 90 of a transaction that timed out.
 */

/**
 * - `retry`: the same request again, after a pause.
 * - `refresh`: ask who leads or coordinates, then the same request again.
 * - `fence`: a newer producer of this transactional id, or our own transaction timed out; this producer is done.
 * - `abort`: the transaction cannot be committed, or it is not known whether it was: recover from what the broker says.
 * - `fatal`: no other try will help; the hint says what will.
 */
export type Remedy = 'retry' | 'refresh' | 'fence' | 'abort' | 'fatal';

export interface KafkaErrorEntry {
  readonly name: string;
  readonly remedy: Remedy;
  readonly hint?: string;
}

export const CODE = {
  none: 0,
  unknown: -1,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  topicAlreadyExists: 36,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  operationNotAttempted: 55,
  unknownProducerId: 59,
  groupIdNotFound: 69,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const;

const BROKER_LOG = "see the broker's log";
const RIGHTS = 'ask for the rights to it';

function entry(name: string, remedy: Remedy, hint?: string): KafkaErrorEntry {
  return { name, remedy, hint };
}

const TABLE: Readonly<Record<number, KafkaErrorEntry>> = {
  [-1]: entry('UNKNOWN_SERVER_ERROR', 'abort', BROKER_LOG),
  1: entry('OFFSET_OUT_OF_RANGE', 'fatal'),
  2: entry('CORRUPT_MESSAGE', 'retry'),
  3: entry('UNKNOWN_TOPIC_OR_PARTITION', 'fatal', 'check the name, or create the topic'),
  5: entry('LEADER_NOT_AVAILABLE', 'refresh'),
  6: entry('NOT_LEADER_OR_FOLLOWER', 'refresh'),
  7: entry('REQUEST_TIMED_OUT', 'retry'),
  8: entry('BROKER_NOT_AVAILABLE', 'refresh'),
  9: entry('REPLICA_NOT_AVAILABLE', 'refresh'),
  10: entry('MESSAGE_TOO_LARGE', 'fatal', "make the record smaller, or raise the topic's max.message.bytes"),
  12: entry('OFFSET_METADATA_TOO_LARGE', 'fatal', 'keep metadata below 4,096 bytes'),
  13: entry('NETWORK_EXCEPTION', 'refresh'),
  14: entry('COORDINATOR_LOAD_IN_PROGRESS', 'retry'),
  15: entry('COORDINATOR_NOT_AVAILABLE', 'refresh'),
  16: entry('NOT_COORDINATOR', 'refresh'),
  17: entry('INVALID_TOPIC_EXCEPTION', 'fatal', 'use letters, digits, ".", "_" and "-", at most 249'),
  18: entry('RECORD_LIST_TOO_LARGE', 'fatal', "make the record smaller, or raise the topic's segment.bytes"),
  19: entry('NOT_ENOUGH_REPLICAS', 'retry'),
  20: entry('NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retry'),
  22: entry('ILLEGAL_GENERATION', 'fatal', 'another consumer is active in this group: stop it, or use another group'),
  24: entry('INVALID_GROUP_ID', 'fatal', 'give the group a name'),
  25: entry(
    'UNKNOWN_MEMBER_ID',
    'fatal',
    'another consumer is active in this group: stop it, or use another with --group',
  ),
  27: entry(
    'REBALANCE_IN_PROGRESS',
    'fatal',
    'another consumer is active in this group: stop it, or use another group',
  ),
  29: entry('TOPIC_AUTHORIZATION_FAILED', 'fatal', RIGHTS),
  30: entry('GROUP_AUTHORIZATION_FAILED', 'fatal', `${RIGHTS}, or use another group with --group`),
  31: entry('CLUSTER_AUTHORIZATION_FAILED', 'fatal', `${RIGHTS}, or have the topics created for you`),
  32: entry(
    'INVALID_TIMESTAMP',
    'fatal',
    "the record's time is outside of what message.timestamp.*.max.ms of the topic allow",
  ),
  33: entry('UNSUPPORTED_SASL_MECHANISM', 'fatal', 'choose a mechanism that the broker offers with --sasl-mechanism'),
  34: entry('ILLEGAL_SASL_STATE', 'fatal', 'check --sasl-mechanism: does this listener want SASL?'),
  35: entry('UNSUPPORTED_VERSION', 'fatal', 'Kafka 3.1 is the oldest that will do'),
  36: entry('TOPIC_ALREADY_EXISTS', 'fatal'),
  37: entry('INVALID_PARTITIONS', 'fatal', 'ask for one partition or more'),
  38: entry(
    'INVALID_REPLICATION_FACTOR',
    'fatal',
    'set default.replication.factor on the brokers to what they can hold',
  ),
  40: entry('INVALID_CONFIG', 'fatal', BROKER_LOG),
  41: entry('NOT_CONTROLLER', 'refresh'),
  42: entry('INVALID_REQUEST', 'fatal', BROKER_LOG),
  44: entry('POLICY_VIOLATION', 'fatal', 'the cluster forbids this: have the topics created for you'),
  45: entry('OUT_OF_ORDER_SEQUENCE_NUMBER', 'abort'),
  46: entry('DUPLICATE_SEQUENCE_NUMBER', 'fatal'),
  47: entry('INVALID_PRODUCER_EPOCH', 'fence'),
  48: entry('INVALID_TXN_STATE', 'abort'),
  49: entry('INVALID_PRODUCER_ID_MAPPING', 'abort'),
  50: entry(
    'INVALID_TRANSACTION_TIMEOUT',
    'fatal',
    "raise the brokers' transaction.max.timeout.ms, or lower our time-out",
  ),
  51: entry('CONCURRENT_TRANSACTIONS', 'retry'),
  52: entry('TRANSACTION_COORDINATOR_FENCED', 'fence'),
  53: entry('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'fatal', RIGHTS),
  54: entry('SECURITY_DISABLED', 'fatal', 'this cluster keeps no access rights'),
  55: entry('OPERATION_NOT_ATTEMPTED', 'fatal', 'something else in the same request failed'),
  56: entry('KAFKA_STORAGE_ERROR', 'refresh'),
  58: entry('SASL_AUTHENTICATION_FAILED', 'fatal', 'check user, password and --sasl-mechanism'),
  59: entry('UNKNOWN_PRODUCER_ID', 'abort'),
  68: entry('NON_EMPTY_GROUP', 'fatal', 'another consumer is active in this group: stop it first'),
  69: entry('GROUP_ID_NOT_FOUND', 'fatal'),
  72: entry('LISTENER_NOT_FOUND', 'refresh'),
  73: entry('TOPIC_DELETION_DISABLED', 'fatal'),
  74: entry('FENCED_LEADER_EPOCH', 'refresh'),
  75: entry('UNKNOWN_LEADER_EPOCH', 'refresh'),
  76: entry('UNSUPPORTED_COMPRESSION_TYPE', 'fatal', 'choose another --compression'),
  78: entry('OFFSET_NOT_AVAILABLE', 'retry'),
  80: entry('PREFERRED_LEADER_NOT_AVAILABLE', 'refresh'),
  81: entry('GROUP_MAX_SIZE_REACHED', 'fatal'),
  82: entry('FENCED_INSTANCE_ID', 'fatal'),
  87: entry('INVALID_RECORD', 'fatal', 'the topic takes no such record: a compacted topic wants keys'),
  88: entry('UNSTABLE_OFFSET_COMMIT', 'retry'),
  89: entry('THROTTLING_QUOTA_EXCEEDED', 'retry'),
  90: entry('PRODUCER_FENCED', 'fence'),
  100: entry('UNKNOWN_TOPIC_ID', 'refresh'),
  103: entry('INCONSISTENT_TOPIC_ID', 'refresh'),
  120: entry('TRANSACTION_ABORTABLE', 'abort'),
};

/** The entry of a code; a code that no broker of today sends is fatal and named by its number. */
export function kafkaErrorEntry(code: number): KafkaErrorEntry {
  return TABLE[code] ?? entry(`error ${code}`, 'fatal', BROKER_LOG);
}
