/** Records on their way into a log, and what became of them. */
import type { MillraceError } from '../core/errors.ts';
import type { Header } from '../core/record-batch.ts';

export interface OutgoingRecord {
  readonly topic: string;
  /** Chooses the partition; records of one key keep their order. */
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly Header[] | undefined;
  /** Epoch milliseconds. */
  readonly timestamp: number;
}

/** What became of one record. */
export type DeliveryReport =
  /** The log has it, acknowledged by all in-sync replicas. `number` is its number in the spool, if it lay there. */
  | {
      readonly status: 'sent';
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
      readonly number?: number;
    }
  /** The spool has it, synced; it is sent when the log is back, by this process or the next. */
  | { readonly status: 'buffered'; readonly topic: string; readonly number: number }
  /** Nobody has it. */
  | { readonly status: 'failed'; readonly topic: string; readonly error: MillraceError; readonly number?: number };
