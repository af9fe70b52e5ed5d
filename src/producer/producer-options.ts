/** What a producer is told, and what it tells. */
import type { Clock } from '../core/ports.ts';
import type { Compression } from '../kafka/compression.ts';
import type { LogClient } from '../log/log-client.ts';
import type { ForwardingEvent, WhenFull } from '../spool/forwarding.ts';
import type { DeliveryReport, OutgoingRecord } from '../spool/outgoing.ts';

export interface ProducerOptions {
  /**
   * `host:port`, comma-separated. Default: KAFKA_BOOTSTRAP_SERVERS, else the embedded log. TLS and SASL are set up by the
   * command line's variables, such as MILLRACE_TLS_CA.
   */
  readonly brokers?: string;
  /** Where the embedded log is, if no brokers are named. Default `.millrace`. */
  readonly stateDir?: string;
  /** In place of both, a log that stays the caller's: that of another producer or of a test driver. */
  readonly log?: LogClient;
  readonly clock?: Clock;
  /** Who produces: the header `producer_services` of records that have a dataset. Default `millrace-producer`. */
  readonly service?: string;
  /** How long a record may wait for others to be sent with it; default 10 ms, and less where much has come. */
  readonly lingerMs?: number;
  /** Of what is sent to Kafka; default `none`, or what MILLRACE_COMPRESSION says. */
  readonly compression?: Compression;
  /** How long a record is tried again while Kafka fails in a way that may pass; default 120,000. */
  readonly deliveryTimeoutMs?: number;
  /** Bytes that may be on the way; more is refused. Default 32 MiB. */
  readonly maxBufferedBytes?: number;
  /** Makes `transaction` possible on Kafka. One producer at a time has it: a newer one fences those before it. */
  readonly transactionalId?: string;
  /** Kafka aborts a transaction that takes longer; default 60,000. */
  readonly transactionTimeoutMs?: number;
  /** Keeps records on disk while Kafka is away. Needs `onDelivery`. */
  readonly spool?: ProducerSpool;
  /**
   * What becomes of every record. With it the promise of `send` need not be looked at. Where it throws, the producer has
   * failed: it takes no more records, and `flush` and `close` reject (CALLBACK_FAILED).
   */
  readonly onDelivery?: OnDelivery;
}

export interface ProducerSpool {
  /** One producer at a time uses it. */
  readonly folder: string;
  /** Default 1 GiB. */
  readonly maxBytes?: number;
  /** What `send` does when it is full: waits (the default), or fails. */
  readonly whenFull?: WhenFull;
  readonly onEvent?: (event: ForwardingEvent) => void;
}

/** `record` is unknown for what an earlier process has left in the spool, and for what is sent from it. */
export type OnDelivery = (report: DeliveryReport, record: OutgoingRecord | undefined) => void;

/** Where a record lies in the log, acknowledged; or its number in the spool, until the log is back. */
export type Delivered = Exclude<DeliveryReport, { readonly status: 'failed' }>;

/** Where a record lies in the log. */
export type Sent = Extract<DeliveryReport, { readonly status: 'sent' }>;
