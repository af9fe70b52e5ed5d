/**
 * Errors of the programmer and of the environment. Expected failures of data are values (see rejection.ts) and
 * never pass through here.
 */

/** Process exit codes, as the command line documents them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, environment: 3, interrupted: 130 } as const;

export type ErrorCode =
  /** The plan cannot be run as it is written. */
  | 'PLAN_INVALID'
  /** A flag, option or variable has no usable value. */
  | 'CONFIG_INVALID'
  /** The checkpoint was written by a plan that this one cannot continue. */
  | 'PLAN_CHANGED'
  /** The checkpoint and the log, or the checkpoint and the output, do not fit together. */
  | 'CHECKPOINT_MISMATCH'
  /** Another process owns this pipeline's state. */
  | 'OWNED_ELSEWHERE'
  /** The state was drained: every window is closed and nothing can be added to it. */
  | 'DRAINED'
  /** A callback whose failure must not be skipped has thrown. */
  | 'CALLBACK_FAILED'
  /** More records were rejected than `--max-reject-ratio` allows. */
  | 'REJECT_RATIO'
  /** A record is larger than a topic takes, and no toDLQ() stands above the sink. */
  | 'RECORD_TOO_LARGE'
  /** The ledger does not balance: a defect in millrace or in a custom operator. */
  | 'LEDGER_MISMATCH'
  /** An operator broke its contract (for example `rx` emitting later than its input). */
  | 'OPERATOR_CONTRACT'
  /** The log could not be read or written. */
  | 'LOG_UNAVAILABLE'
  /** A producer holds as many records as it may that have not been acknowledged. */
  | 'PRODUCER_FULL'
  /** A producer was closed before it was given this record, or all of this transaction. */
  | 'PRODUCER_CLOSED'
  /** A newer producer of the same transactional id has taken over, or a transaction took longer than it may. */
  | 'FENCED'
  /** A transaction cannot be committed, or nobody knows whether it was: the log has to be asked. */
  | 'TRANSACTION_FAILED'
  /** A transaction took longer than the log lets one take: nothing of it was committed. */
  | 'TRANSACTION_TIMED_OUT'
  /** An offset asked for is no longer, or not yet, in the log. */
  | 'OFFSET_OUT_OF_RANGE'
  /** A topic was deleted, or deleted and created anew, since it was read from. */
  | 'TOPIC_REPLACED'
  /** The state directory or an output could not be written. */
  | 'STORE_FAILED';

/** Where in the pipeline something went wrong; printed in front of the message. */
export interface Place {
  readonly operator?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
}

const EXIT_BY_CODE: Partial<Record<ErrorCode, number>> = {
  PLAN_INVALID: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  PLAN_CHANGED: EXIT.usage,
  DRAINED: EXIT.usage,
  OWNED_ELSEWHERE: EXIT.environment,
  FENCED: EXIT.environment,
  TRANSACTION_FAILED: EXIT.environment,
  TRANSACTION_TIMED_OUT: EXIT.environment,
  LOG_UNAVAILABLE: EXIT.environment,
  STORE_FAILED: EXIT.environment,
};

/** The one error class of millrace: a stable `code`, the place, what happened and what to do about it. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly place: Place;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { place?: Place; hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.place = options.place ?? {};
    this.hint = options.hint;
  }

  /** The exit code a command line ends with when this error stops it. */
  get exitCode(): number {
    return EXIT_BY_CODE[this.code] ?? EXIT.failed;
  }
}

/** `validate in orders[2] at offset 17`, or an empty string. */
export function formatPlace(place: Place): string {
  const at =
    place.topic === undefined ? '' : ` in ${place.topic}${place.partition === undefined ? '' : `[${place.partition}]`}`;
  const offset = place.offset === undefined ? '' : ` at offset ${place.offset}`;
  return `${place.operator ?? ''}${at}${offset}`.trim();
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
