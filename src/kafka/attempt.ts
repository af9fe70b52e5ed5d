/** The one policy for trying again: growing pauses with jitter, for as long as patience lasts. */
import { MillraceError, type Place } from '../core/errors.ts';
import type { Clock, Random } from '../core/ports.ts';

/** What is being done, for messages, and how long it may take. */
export interface Attempt {
  /** `append to`, `read`, … : as it follows `could not`. */
  readonly doing: string;
  readonly place?: Place;
  readonly group?: string;
  readonly transactionalId?: string;
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

/** How a driver judges a failure. */
export interface Judgement {
  /** Whether another try can help. */
  isPassing(failure: unknown): boolean;
  /** Before the next try: forget what the failure has shown to be stale. */
  forget(failure: unknown): void;
  toError(failure: unknown, attempt: Attempt): MillraceError;
}

/** How long a first connection is tried: an address with nobody behind it should be told soon. */
export const FIRST_CONNECT_MS = 5_000;
const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 1_000;
/** As long as a request waits for its answer. */
const MAX_TRY_MS = 30_000;
/** Pauses of this length and longer are worth telling of. */
const TOLD_FROM_MS = 500;
/** Pauses are shortened by up to this share, so that clients of a broker that comes back do not all come at once. */
const JITTER = 0.3;

export class Attempts {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly judgement: Judgement;
  private readonly patienceMs: number;
  private readonly closing = new AbortController();
  /** How long anything is tried from then on: whoever uses it wants to end. */
  private hurried: { readonly at: number; readonly ms: number } | undefined;
  /** What is being tried again, and why: the first of it is what everybody waits for. */
  private readonly waiting = new Set<{ readonly why: string }>();

  constructor(options: { clock: Clock; random: Random; judgement: Judgement; patienceMs: number }) {
    this.clock = options.clock;
    this.random = options.random;
    this.judgement = options.judgement;
    this.patienceMs = options.patienceMs;
  }

  get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** What is waited for just now, in words. */
  get trouble(): string | undefined {
    const [first] = this.waiting;
    return first?.why;
  }

  /** From now on patience lasts so long for each attempt, those under way included; `undefined` takes it back. */
  hurry(ms: number | undefined): void {
    this.hurried = ms === undefined ? undefined : { at: this.clock.elapsed(), ms };
  }

  /** Ends every pause; nothing is tried again. */
  close(): void {
    this.closing.abort();
  }

  /**
   * Runs `action`, and again with growing pauses while it fails for a reason that passes.
   * @throws MillraceError as the driver's judgement words it
   */
  async run<T>(attempt: Attempt, action: () => Promise<T>): Promise<T> {
    const began = this.clock.elapsed();
    const patienceMs = attempt.patienceMs ?? this.patienceMs;
    let spentMs = 0;
    let wait = { why: '' };
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
        if (this.isClosed) throw new MillraceError('LOG_UNAVAILABLE', 'the connection to Kafka is closed');
        const tried = this.clock.elapsed();
        try {
          return await action();
        } catch (failure) {
          // A process that was stopped for a while, or whose clock was set, has not been patient meanwhile.
          spentMs += Math.min(this.clock.elapsed() - tried, MAX_TRY_MS) + pauseMs;
          const isLate = spentMs > patienceMs || this.isHurriedOut(began, pauseMs);
          const isOver = this.isClosed || attempt.signal?.aborted === true || isLate;
          const error = this.judgement.toError(failure, attempt);
          if (isOver || !this.judgement.isPassing(failure)) throw error;
          this.waiting.delete(wait);
          wait = { why: error.message };
          // Most failures that pass have passed after a few pauses: they are no news.
          if (pauseMs >= TOLD_FROM_MS) this.waiting.add(wait);
          this.judgement.forget(failure);
          await this.clock.sleep(pauseMs * (1 - JITTER * this.random()), this.eitherSignal(attempt.signal));
        }
      }
    } finally {
      this.waiting.delete(wait);
    }
  }

  private isHurriedOut(began: number, pauseMs: number): boolean {
    const { hurried } = this;
    return hurried !== undefined && this.clock.elapsed() + pauseMs > Math.max(began, hurried.at) + hurried.ms;
  }

  private eitherSignal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closing.signal : AbortSignal.any([signal, this.closing.signal]);
  }
}
