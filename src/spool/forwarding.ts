/** What a forwarding producer is told, and what it tells. */
import type { Clock } from '../core/ports.ts';
import type { LogClient, TopicSpec } from '../log/log-client.ts';
import type { DeliveryReport } from './outgoing.ts';
import type { Spool } from './spool.ts';

/** What happens to records that a full spool has no room for: their producer waits, or they are reported as failed. */
export type WhenFull = 'block' | 'reject';

export type ForwardingEvent =
  /** The spool holds records of an earlier process; they are sent first. */
  | { readonly kind: 'leftover'; readonly buffered: number }
  | { readonly kind: 'down'; readonly reason: string }
  | { readonly kind: 'back'; readonly buffered: number }
  /** All that was buffered is in the log: records go there directly again. */
  | { readonly kind: 'drained' }
  | { readonly kind: 'full'; readonly bytes: number; readonly whenFull: WhenFull };

export interface ForwardingOptions {
  /** Need not be connected yet. A call may try for as long as it likes: nothing but what it was given waits for it. */
  readonly log: LogClient;
  readonly spool: Spool;
  readonly clock: Clock;
  /** Made when the log is first reached, where they are missing. */
  readonly create?: readonly TopicSpec[];
  /** How long the log may take to acknowledge before records are buffered; default 2,000. */
  readonly patienceMs?: number;
  readonly whenFull?: WhenFull;
  readonly onEvent?: (event: ForwardingEvent) => void;
  /** What became of a record that was buffered. */
  readonly onDelivery?: (report: DeliveryReport) => void;
}

export interface ForwardingCounts {
  /** Acknowledged by the log since the start. */
  readonly sent: number;
  /** In the spool, and not in the log. */
  readonly buffered: number;
  readonly failed: number;
}
