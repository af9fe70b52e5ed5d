/** The typed error channel: a record that cannot go on is a value that travels with its chunk to a DLQ. */
import type { Origin } from './element.ts';
import type { RecordBatch } from './record-batch.ts';

/** Why a record was rejected. The union of those possible so far is the second type parameter of a stream. */
export type RejectionKind =
  /** The bytes are not what the decoder reads. */
  | 'DecodeError'
  /** The value does not fit the schema. */
  | 'ValidationError'
  /** The event time is not a finite number of milliseconds. */
  | 'EventTimeError'
  /** The event time is further ahead of the append time than `maxFutureMs`. */
  | 'FutureRecord'
  /** Every window that the record belongs to has closed. */
  | 'LateRecord'
  /** An asynchronous step did not answer in time. */
  | 'TimeoutError'
  /** A callback threw. Goes to the next toDLQ() below; where there is none, the pipeline stops. */
  | 'CallbackError'
  /** The record that a sink would write is larger than its topic takes. Goes to the toDLQ() above the sink. */
  | 'RecordTooLarge'
  /** The value cannot be written in the sink's format. */
  | 'EncodeError';

export interface Rejection {
  readonly kind: RejectionKind;
  /** For a person: what is wrong, and where in the record. */
  readonly reason: string;
  /** Node id of the operator that rejected the record. */
  readonly operator: string;
  readonly origin: Origin;
  /** Event time, epoch ms (the log's timestamp above `watermark()`). */
  readonly time: number;
  /** The original bytes: row `row` of `input`; `undefined` for a record that an operator computed. */
  readonly input: RecordBatch | undefined;
  readonly row: number;
  /** The value as the operator saw it; it stands in for the bytes where there are none. */
  readonly value: unknown;
  readonly stack?: string | undefined;
}

/** A record that an operator computed has no bytes; what can be said of it is its value, as JSON where it has such a form. */
export function textOfComputed(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
