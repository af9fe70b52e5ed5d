/** Store and forward: records go into the log, and where it is away, into a spool on disk until it is back. */
import { MillraceError, messageOf } from '../core/errors.ts';
import { Bell } from './bell.ts';
import type { ForwardingCounts, ForwardingEvent, ForwardingOptions, WhenFull } from './forwarding.ts';
import type { DeliveryReport, OutgoingRecord } from './outgoing.ts';
import { OVERDUE, Patience } from './patience.ts';
import { answer, CHUNK, type Row, SendQueue } from './send-queue.ts';
import type { Spool } from './spool.ts';
import { type Outgoing, Transmitter } from './transmitter.ts';

/** Rows that were sent and have not been acknowledged in time. Their calls may still succeed; then they are not sent again. */
interface Carried {
  readonly outcome: Promise<unknown>;
  readonly byNumber: Map<number, Row>;
  isOpen: boolean;
}

const PATIENCE_MS = 2_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2_000;

/**
 * A producer that outlives its log, and loses nothing when it is killed.
 *
 * Order: as sent, within a key: one chunk is on the way at a time, and nothing goes directly while the spool holds a record.
 * Delivery: acknowledged by all in-sync replicas. While the process lives, each record arrives once, if the log's driver is
 * idempotent and patient; after a kill, records that were sent and not yet marked as sent come again (at-least-once).
 * Memory: what was given to `send` and has no report yet. Disk: the spool's bound.
 * Back pressure: `send` resolves when the log or the spool has the records; with a full spool and `block`, when there is room.
 */
export class ForwardingProducer {
  private readonly options: ForwardingOptions;
  private readonly spool: Spool;
  private readonly transmitter: Transmitter<Row>;
  private readonly patienceMs: number;
  private readonly whenFull: WhenFull;
  private readonly bell = new Bell();
  private readonly patience: Patience;
  private readonly queue = new SendQueue();
  private intake: Promise<void> = Promise.resolve();
  private forwarding: Promise<void> | undefined;
  private carried: Carried | undefined;
  /** The intake has rows in its hands, or on their way into the spool. */
  private isTaking = false;
  private isSpooling = false;
  private isDown = false;
  /** The spool had no room the last time, and it was said. */
  private isFull = false;
  private isClosing = false;
  private failure: Error | undefined;
  private sent = 0;
  private failed = 0;

  constructor(options: ForwardingOptions) {
    this.options = options;
    this.spool = options.spool;
    this.patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.whenFull = options.whenFull ?? 'block';
    const { log, clock, create = [] } = options;
    this.patience = new Patience(clock);
    this.transmitter = new Transmitter({ log, create, report: (row, report) => this.finish(row, report) });
  }

  /**
   * Begins, with what an earlier process has left behind. Where it is known already that the log keeps us waiting, `contact`
   * settles when it has answered, and until then records are buffered.
   */
  start(contact?: Promise<unknown>): void {
    if (this.spool.pending > 0) this.tell({ kind: 'leftover', buffered: this.spool.pending });
    if (contact !== undefined) {
      const outcome = contact.then(
        () => undefined,
        (failure: unknown) => failure,
      );
      this.carried = { outcome, byNumber: new Map(), isOpen: true };
      this.goDown(OVERDUE);
    }
    if (this.spool.pending > 0 || contact !== undefined) this.forwarding = this.guarded(() => this.forward());
    this.intake = this.guarded(() => this.takeIn());
  }

  get counts(): ForwardingCounts {
    const arrived = [...(this.carried?.byNumber.values() ?? [])].filter(({ isDone }) => isDone).length;
    return { sent: this.sent, buffered: this.spool.pending - arrived, failed: this.failed };
  }

  /**
   * Resolves to a report for each record when the log or the spool has it, or neither will.
   * @throws MillraceError when the producer has failed or is closed: it is not known which of these records were taken
   */
  send(records: readonly OutgoingRecord[]): Promise<DeliveryReport[]> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.isClosing) return Promise.reject(closed());
    const reports = this.queue.add(records);
    this.bell.ring();
    return reports;
  }

  /** Resolves when the log has everything, or at `close`. */
  async flush(): Promise<void> {
    for (;;) {
      const { count } = this.bell;
      if (this.failure !== undefined) throw this.failure;
      const isIdle = this.queue.length === 0 && !this.isTaking && this.forwarding === undefined;
      if (isIdle || this.isClosing) return;
      await this.bell.after(count);
    }
  }

  /** Lets what is on the way arrive, for as long as patience lasts, and leaves the rest in the spool. */
  async close(): Promise<void> {
    this.isClosing = true;
    this.bell.ring();
    if (this.isDown) this.patience.end();
    const ended = this.intake.then(() => this.forwarding);
    await this.patience.within(this.patienceMs, ended);
    this.patience.end();
    await ended;
    await this.spool.close();
  }

  private async takeIn(): Promise<void> {
    for (;;) {
      const { count } = this.bell;
      if (this.queue.length === 0) {
        if (this.isClosing) return;
        await this.bell.after(count);
        continue;
      }
      this.isTaking = true;
      const rows = this.queue.takeChunk();
      try {
        const carried = this.forwarding === undefined ? await this.sendDirectly(rows) : undefined;
        await this.store(rows, carried);
      } catch (thrown) {
        for (const row of rows) answer(row, thrown as Error);
        throw thrown;
      }
      this.isTaking = false;
      this.bell.ring();
    }
  }

  /** What was not settled in time, if anything. Then nothing is sent directly from here on. */
  private async sendDirectly(rows: readonly Row[]): Promise<Carried | undefined> {
    const outcome = this.transmitter.transmit(rows);
    const failure = await this.patience.within(this.patienceMs, outcome);
    if (failure === undefined) return undefined;
    if (failure !== OVERDUE && !isPassing(failure)) throw failure;
    this.isSpooling = true;
    this.carried = { outcome, byNumber: new Map(), isOpen: true };
    this.goDown(failure);
    this.forwarding = this.guarded(() => this.forward());
    return this.carried;
  }

  /** Puts rows into the spool, as its bound allows. */
  private async store(rows: readonly Row[], carried: Carried | undefined): Promise<void> {
    this.isSpooling = true;
    for (let rest = rows.filter(isOpen); rest.length > 0; rest = rest.filter(isOpen)) {
      const { count } = this.bell;
      const accepted = await this.spool.append(rest.map(({ record }) => record));
      const first = this.spool.end - accepted;
      rest.slice(0, accepted).forEach((row, i) => this.stored(row, first + i, carried));
      rest = rest.slice(accepted).filter(isOpen);
      if (rest.length === 0) {
        this.isFull = false;
        break;
      }
      if (accepted === 0 && this.spool.bytes === 0) {
        this.finish(rest[0], failed(rest[0].record, `it is larger than the spool, which takes ${this.spool.maxBytes}`));
        continue;
      }
      if (!this.isFull) this.tell({ kind: 'full', bytes: this.spool.bytes, whenFull: this.whenFull });
      this.isFull = true;
      if (this.whenFull === 'reject' && !carried?.isOpen) {
        for (const row of rest) this.finish(row, failed(row.record, `the spool is full: ${this.spool.bytes} bytes`));
        break;
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.isClosing) {
        for (const row of rest) answer(row, closed());
        break;
      }
      await this.bell.after(count);
    }
    this.isSpooling = false;
    this.bell.ring();
  }

  private stored(row: Row, number: number, carried: Carried | undefined): void {
    row.number = number;
    carried?.byNumber.set(number, row);
    answer(row, { status: 'buffered', topic: row.record.topic, number });
  }

  /** Sends what the spool holds until it holds nothing. */
  private async forward(): Promise<void> {
    const { carried } = this;
    if (carried !== undefined && !(await this.settle(carried))) return;
    while (!this.isClosing) {
      const { count } = this.bell;
      const read = await this.spool.read(CHUNK);
      if (read.length > 0) {
        const rows = read.map(
          ({ number, record }): Row =>
            carried?.byNumber.get(number) ?? { record, number, isDone: false, answer: undefined },
        );
        if (!(await this.sendPatiently(rows))) return;
        await this.spool.acknowledge(read.at(-1)!.number + 1);
        for (const { number } of read) carried?.byNumber.delete(number);
        this.bell.ring();
      } else if (this.isSpooling) await this.bell.after(count);
      else if (this.spool.pending === 0) break;
    }
    if (this.isClosing) return;
    this.carried = undefined;
    this.forwarding = undefined;
    this.tell({ kind: 'drained' });
    this.bell.ring();
  }

  /** Waits for the answer to what was sent last before the log went away. Whether there is one. */
  private async settle(carried: Carried): Promise<boolean> {
    const failure = await this.patience.toTheEnd(carried.outcome);
    if (failure === OVERDUE) return false;
    carried.isOpen = false;
    if (failure === undefined) this.goUp();
    else if (!isPassing(failure)) throw failure;
    this.bell.ring();
    return true;
  }

  /** Tries until all of them are settled; whether they are. */
  private async sendPatiently(rows: readonly Row[]): Promise<boolean> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const outcome = this.transmitter.transmit(rows);
      let failure = await this.patience.within(this.patienceMs, outcome);
      if (failure === OVERDUE) {
        this.goDown(failure);
        failure = await this.patience.toTheEnd(outcome);
      }
      if (failure === undefined) {
        this.goUp();
        return true;
      }
      if (failure === OVERDUE) return false;
      if (!isPassing(failure)) throw failure;
      this.goDown(failure);
      await this.patience.pause(pauseMs);
      if (this.patience.hasEnded) return false;
    }
  }

  private goDown(failure: unknown): void {
    if (this.isDown || this.patience.hasEnded) return;
    this.isDown = true;
    const silence = `no answer within ${this.patienceMs / 1000} s`;
    const reason = failure === OVERDUE ? (this.options.log.trouble ?? silence) : messageOf(failure);
    this.tell({ kind: 'down', reason });
  }

  private goUp(): void {
    if (!this.isDown) return;
    this.isDown = false;
    this.tell({ kind: 'back', buffered: this.counts.buffered });
  }

  /** What has become of a row in the end. */
  private finish(row: Row, report: DeliveryReport): void {
    if (row.isDone) return;
    row.isDone = true;
    if (report.status === 'sent') this.sent++;
    else this.failed++;
    answer(row, report);
    if (row.number !== undefined) this.options.onDelivery?.({ ...report, number: row.number });
  }

  private tell(event: ForwardingEvent): void {
    this.options.onEvent?.(event);
  }

  /** A loop that fails ends the producer; what it has not reported is in the spool, or was never taken. */
  private async guarded(loop: () => Promise<void>): Promise<void> {
    try {
      await loop();
    } catch (thrown) {
      this.failure ??= thrown as Error;
      this.isClosing = true;
      this.queue.refuseAll(this.failure);
      this.bell.ring();
    }
  }
}

function isOpen({ isDone }: Outgoing): boolean {
  return !isDone;
}

/** Whether another try can help. */
function isPassing(failure: unknown): boolean {
  return failure instanceof MillraceError && failure.code === 'LOG_UNAVAILABLE';
}

function failed({ topic }: OutgoingRecord, why: string): DeliveryReport {
  const error = new MillraceError('LOG_UNAVAILABLE', `a record was not buffered: ${why}`, { place: { topic } });
  return { status: 'failed', topic, error };
}

function closed(): MillraceError {
  return new MillraceError('LOG_UNAVAILABLE', 'the producer was closed before it had taken these records');
}
