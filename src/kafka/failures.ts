/** What can fail between us and a broker, and how it is told to people. */
import { MillraceError, messageOf } from '../core/errors.ts';
import type { Attempt } from './attempt.ts';
import { CODE, kafkaErrorEntry } from './error-table.ts';
import { subjectOf } from './refusals.ts';

/** A broker has answered with an error code. */
export class BrokerError extends Error {
  readonly code: number;

  constructor(code: number, detail?: string | null) {
    super(detail || kafkaErrorEntry(code).name);
    this.name = 'BrokerError';
    this.code = code;
  }
}

/** A connection could not be made, broke, or was silent for too long. Nothing is known of what was sent over it. */
export class ConnectionError extends Error {
  readonly address: string;
  readonly hint: string | undefined;
  /** Trying again is of no use: the other side refuses us as we are set up. */
  readonly isFinal: boolean;

  constructor(address: string, reason: string, hint?: string, isFinal = hint !== undefined) {
    super(reason);
    this.name = 'ConnectionError';
    this.address = address;
    this.hint = hint;
    this.isFinal = isFinal;
  }
}

export function isPassing(failure: unknown): boolean {
  if (failure instanceof ConnectionError) return !failure.isFinal;
  if (!(failure instanceof BrokerError)) return false;
  const { remedy } = kafkaErrorEntry(failure.code);
  return remedy === 'retry' || remedy === 'refresh';
}

/**
 * An unknown partition that was known before: its leader may only have moved. Worth another look at the metadata, which
 * say for certain whether the topic exists.
 */
export class StaleLeader extends BrokerError {
  constructor() {
    super(NOT_LEADER);
  }
}

const NOT_LEADER = 6;

/** A topic that the metadata know and a broker does not: its leader has moved, or has not heard yet. */
export function orStale(failure: unknown): never {
  if (failure instanceof BrokerError && failure.code === CODE.unknownTopicOrPartition) throw new StaleLeader();
  throw failure;
}

/** The one way from a failure to an error of millrace. */
export function kafkaError(failure: unknown, attempt: Attempt, addresses: readonly string[]): MillraceError {
  if (failure instanceof MillraceError) return failure;
  const { doing, place, group } = attempt;
  const what = `could not ${doing}${subjectOf(place, group)}`;
  if (failure instanceof BrokerError) {
    const { name, remedy, hint } = kafkaErrorEntry(failure.code);
    const detail = failure.message === name ? name : `${failure.message} (${name})`;
    if (remedy === 'fatal') return new MillraceError('CONFIG_INVALID', `${what}: ${detail}`, { place, hint });
    const text = `${what}: Kafka at ${addresses.join(', ')}: ${detail}`;
    if (remedy === 'fence') return new MillraceError('FENCED', text, { place, hint: FENCED });
    const code = remedy === 'abort' && attempt.transactionalId !== undefined ? 'TRANSACTION_FAILED' : 'LOG_UNAVAILABLE';
    return new MillraceError(code, text, { place, hint: hint ?? "see the broker's log" });
  }
  if (failure instanceof ConnectionError) {
    const { address, hint, isFinal } = failure;
    const message = `${what}: Kafka at ${address}: ${failure.message}`;
    if (isFinal) return new MillraceError('CONFIG_INVALID', message, { place, hint });
    return new MillraceError('LOG_UNAVAILABLE', message, { place, hint: hint ?? connectionHint(address, addresses) });
  }
  return new MillraceError('LOG_UNAVAILABLE', `${what}: ${messageOf(failure)}`, { place, cause: failure });
}

const FENCED = 'another instance of this pipeline has taken over, or a transaction took longer than it may';

const LOOPBACK = /^(?:localhost|127\.|\[::1\])/;

function connectionHint(address: string, addresses: readonly string[]): string {
  if (!addresses.includes(address)) {
    return `the cluster names ${address} as a broker: check advertised.listeners, or reach it from here`;
  }
  if (!LOOPBACK.test(address)) return `is ${address} right, and can it be reached from here?`;
  const port = address.slice(address.lastIndexOf(':') + 1);
  return `is a broker listening at ${address}? \`npm run kafka -- --port ${port}\` starts one`;
}
