/** Appends to one partition, in order. */
import type { MillraceError } from '../core/errors.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type { TopicPartition } from '../log/log-client.ts';
import type { Attempt } from './attempt.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { Cluster } from './cluster.ts';
import { BatchWriter } from './batch-writer.ts';
import { type EncodedRecords, encodeRecords, stampBatch } from './encode-records.ts';
import { CODE, kafkaErrorEntry } from './error-table.ts';
import { BrokerError, ConnectionError, isPassing, kafkaError, StaleLeader } from './failures.ts';
import { produce } from './produce.ts';
import type { BatchSettings, Identities, ProducerIdentity } from './producer.ts';
import { unknownPartition } from './refusals.ts';

const MIN_BATCH_BYTES = 1_024;
/** A broker remembers so many batches of a producer, and knows each of them when it comes again. */
const MAX_IN_FLIGHT = 5;
/** Sequence numbers are 31 bits wide and begin again at 0. */
const SEQUENCES = 2 ** 31;

/** For batches that are not written yet as they travel. */
let scratch = new BatchWriter();
const MAX_SCRATCH_BYTES = 4 * 1024 * 1024;

/** A call of `append`: done when all parts of it are. */
interface Append {
  readonly batch: RecordBatch;
  /** The first row that is not part of a request yet. */
  nextRow: number;
  /** Parts that have no answer yet. */
  open: number;
  base: number;
  readonly resolve: (base: number) => void;
  readonly reject: (reason: unknown) => void;
}

/** Rows of an append that travel as one record batch, under sequence numbers of their own. */
interface Part {
  readonly append: Append;
  readonly from: number;
  readonly to: number;
  sequence: number;
  /** As sent last. */
  bytes: number;
  /** Settles, and never rejects, with the failure or nothing. */
  answer: Promise<unknown>;
}

/**
 * Up to five parts are on the way at once. When one fails, nothing new is sent until all have an answer; then those that
 * failed are sent again, one after the other, with the sequence numbers they had: the broker drops what it has seen, and
 * refuses what would overtake.
 */
export class PartitionProducer {
  private readonly cluster: Cluster;
  private readonly place: TopicPartition;
  private readonly settings: BatchSettings;
  private readonly identities: Identities;
  private readonly waiting: Append[] = [];
  private inFlight: Part[] = [];
  private identity: ProducerIdentity | undefined;
  private nextSequence = 0;
  /** The broker has taken a batch of this identity: to one that it does not know it would allow any first sequence. */
  private isKnown = false;
  private isRunning = false;
  /** Where parts are sent as they come, while all is well. */
  private connection: BrokerConnection | undefined;
  /** Lowered when the topic takes less. */
  private batchBytes: number;

  constructor(options: { cluster: Cluster; place: TopicPartition; settings: BatchSettings; identities: Identities }) {
    this.cluster = options.cluster;
    this.place = options.place;
    this.settings = options.settings;
    this.batchBytes = options.settings.batchBytes;
    this.identities = options.identities;
  }

  append(batch: RecordBatch): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ batch, nextRow: 0, open: 0, base: -1, resolve, reject });
      if (this.isRunning) this.sendNext();
      else void this.run();
    });
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.waiting.length > 0 || this.inFlight.length > 0) {
      const failure = await this.sendWhileAllIsWell().catch((thrown: unknown) => thrown);
      this.connection = undefined;
      await Promise.all(this.inFlight.map(({ answer }) => answer));
      if (failure !== undefined) await this.sendAgain(failure);
    }
    this.isRunning = false;
  }

  /** Returns the failure that stopped it, or nothing when all has been acknowledged. */
  private async sendWhileAllIsWell(): Promise<unknown> {
    const connection = await this.cluster.attempt(this.attempt, () => this.leader());
    this.identity ??= await this.identities.identity();
    this.connection = connection;
    while (this.waiting.length > 0 || this.inFlight.length > 0) {
      if (!connection.isUsable) return this.allAnswered();
      await connection.quiet();
      this.sendNext();
      const failure = await this.inFlight[0]?.answer;
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** Before another connection is taken, on which what follows could overtake. Returns the first failure. */
  private async allAnswered(): Promise<unknown> {
    this.connection = undefined;
    const answers = await Promise.all(this.inFlight.map(({ answer }) => answer));
    return answers.find((failure) => failure !== undefined);
  }

  private sendNext(): void {
    const { connection } = this;
    if (connection === undefined || !connection.isUsable || connection.isThrottled) return;
    const limit = this.isKnown ? MAX_IN_FLIGHT : 1;
    while (this.inFlight.length < limit && this.waiting.length > 0) {
      const [append] = this.waiting;
      const from = append.nextRow;
      const encoded = this.encode(append.batch, from, this.batchBytes);
      const { to } = encoded;
      const part = { append, from, to, sequence: this.nextSequence, bytes: 0, answer: Promise.resolve() };
      this.nextSequence = (this.nextSequence + to - from) % SEQUENCES;
      append.nextRow = to;
      append.open++;
      if (to === append.batch.length) this.waiting.shift();
      this.inFlight.push(part);
      this.send(part, encoded.bytes, connection);
    }
  }

  private send(part: Part, bytes: Buffer, connection: BrokerConnection): void {
    const { producerId, producerEpoch, transactionalId } = this.identity!;
    const isTransactional = transactionalId !== null;
    stampBatch(bytes, { producerId, producerEpoch, baseSequence: part.sequence, isTransactional });
    part.bytes = bytes.length;
    part.answer = produce(connection, this.place, bytes, transactionalId).then(
      (base) => this.acknowledge(part, base),
      (failure: unknown) => failure,
    );
  }

  /** The rows of a part once more, all of them, whatever may have become of `batchBytes` since. */
  private encodePart({ append: { batch }, from, to }: Part): Buffer {
    const rows = to === batch.length ? batch : batch.subarray(0, to);
    const encoded = this.encode(rows, from, Number.POSITIVE_INFINITY);
    if (encoded.to !== to) throw new Error(`rows ${from} to ${to} do not fit where they did`);
    return encoded.bytes;
  }

  private encode(batch: RecordBatch, from: number, maxBytes: number): EncodedRecords {
    const { compression } = this.settings;
    const encoded = encodeRecords(batch, from, maxBytes, scratch, compression);
    // A record that is larger than a batch should be travels alone, is for the broker to judge, and leaves no memory behind.
    if (scratch.memoryBytes > MAX_SCRATCH_BYTES) scratch = new BatchWriter();
    return encoded;
  }

  private acknowledge(part: Part, base: number): undefined {
    const { append, from } = part;
    if (from === 0) append.base = base;
    this.isKnown = true;
    append.open--;
    this.inFlight.splice(this.inFlight.indexOf(part), 1);
    if (append.open === 0 && append.nextRow === append.batch.length) append.resolve(append.base);
  }

  /** Sends what failed, one part after the other, in the order it had. */
  private async sendAgain(first: unknown): Promise<void> {
    let failure: unknown = first;
    try {
      await this.cluster.attempt(this.attempt, async () => {
        for (;;) {
          const judged = failure;
          failure = undefined;
          if (judged !== undefined) this.judge(judged);
          const [part] = this.inFlight;
          if (part === undefined) return;
          const connection = await this.leader();
          this.identity ??= await this.identities.identity();
          await connection.quiet();
          this.send(part, this.encodePart(part), connection);
          failure = await part.answer;
        }
      });
    } catch (error) {
      this.giveUp(error);
    }
  }

  /** Throws what shall end this try; returns when the parts have been put right for the next request. */
  private judge(failure: unknown): void {
    const [part] = this.inFlight;
    if (failure instanceof ConnectionError) this.identities.sentAgain();
    if (part === undefined || !(failure instanceof BrokerError)) throw failure;
    const { code } = failure;
    if (code === CODE.duplicateSequence) {
      // Appended by an earlier request, whose answer was lost so long ago that the broker has forgotten the offset.
      this.acknowledge(part, part.append.base);
    } else if (code === CODE.unknownTopicOrPartition) throw new StaleLeader();
    else if (isTooLarge(code) && part.to - part.from > 1) this.split(part);
    else if (isPassing(failure) || this.identity?.transactionalId !== null) throw failure;
    else if (kafkaErrorEntry(code).remedy === 'fatal') {
      this.reject(part, kafkaError(failure, this.attempt, this.cluster.addresses));
    } else if (code === CODE.unknown) throw failure;
    else this.beginAnew();
  }

  /** Two parts in its place, under the same sequence numbers. */
  private split(part: Part): void {
    const { append, from, to, sequence, bytes, answer } = part;
    const middle = from + Math.ceil((to - from) / 2);
    this.batchBytes = Math.min(this.batchBytes, Math.max(MIN_BATCH_BYTES, Math.ceil(bytes / 2)));
    append.open++;
    this.inFlight.splice(
      0,
      1,
      { append, from, to: middle, sequence, bytes: 0, answer },
      { append, from: middle, to, sequence: (sequence + middle - from) % SEQUENCES, bytes: 0, answer },
    );
  }

  /** One append is refused for what it is. The broker has not taken what was sent behind it: that moves up. */
  private reject(part: Part, error: MillraceError): void {
    const { append } = part;
    this.inFlight = this.inFlight.filter((each) => each.append !== append);
    if (this.waiting[0] === append) this.waiting.shift();
    append.reject(error);
    this.number(part.sequence);
  }

  /** The broker knows nothing of this producer any more: a new one starts at 0. */
  private beginAnew(): void {
    this.retireIdentity();
    this.number(0);
  }

  private number(from: number): void {
    this.nextSequence = from;
    for (const part of this.inFlight) {
      part.sequence = this.nextSequence;
      this.nextSequence = (this.nextSequence + part.to - part.from) % SEQUENCES;
    }
  }

  /** Patience has ended, and nobody knows what was appended: nothing that follows may be taken for a repetition of it. */
  private giveUp(error: unknown): void {
    const failed = new Set([...this.inFlight.map(({ append }) => append), ...this.waiting.splice(0)]);
    this.inFlight = [];
    this.retireIdentity();
    this.nextSequence = 0;
    for (const append of failed) append.reject(error);
  }

  private retireIdentity(): void {
    if (this.identity !== undefined) this.identities.retire(this.identity);
    this.identity = undefined;
    this.isKnown = false;
  }

  private async leader(): Promise<BrokerConnection> {
    const { topic, partition } = this.place;
    const leaders = await this.cluster.leadersOf(topic);
    if (partition >= leaders.length) throw unknownPartition(this.place, leaders.length);
    return this.cluster.node(leaders[partition], 'appends');
  }

  private get attempt(): Attempt {
    return { doing: 'append to', place: this.place, transactionalId: this.identity?.transactionalId ?? undefined };
  }
}

function isTooLarge(code: number): boolean {
  return code === CODE.messageTooLarge || code === CODE.recordListTooLarge;
}
