/** A generator's records on their way to Kafka, with a spool beside it for the time when that is away. */
import { join } from 'node:path';
import type { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { nodeDisk } from '../files/node-disk.ts';
import type { KafkaPlace } from '../kafka/kafka-config.ts';
import type { LogClient } from '../log/log-client.ts';
import type { ForwardingCounts, ForwardingEvent, WhenFull } from '../spool/forwarding.ts';
import { ForwardingProducer } from '../spool/forwarding-producer.ts';
import { OVERDUE, Patience } from '../spool/patience.ts';
import { SlotFile } from '../spool/slot-file.ts';
import type { Spool } from '../spool/spool.ts';
import type { Generator } from './generator.ts';
import { type GeneratorTarget, LogTarget, type NumberedRecord } from './generator-target.ts';
import { openSpoolFolder } from './spool-folder.ts';

export interface SpoolSettings {
  readonly folder: string;
  /** The one file of all records, in place of several in the folder. */
  readonly file?: string | undefined;
  readonly maxBytes: number;
  readonly whenFull: WhenFull;
}

export interface SpooledTargetOptions {
  readonly kafka: KafkaPlace;
  readonly generator: Generator;
  readonly spool: SpoolSettings;
  readonly clock: Clock;
  readonly onEvent: (event: ForwardingEvent) => void;
}

/** The number of the next record, when the spool's next one was `spooled`. */
interface Numbering {
  readonly next: number;
  readonly spooled: number;
}

/** How long a start looks for the cluster before it buffers. */
const FIRST_LOOK_MS = 2_000;

/**
 * Numbers follow the topic where the cluster can be asked at the start; else what this folder remembers.
 *
 * Delivery: a record counts as generated when Kafka or the spool has it. One that was sent when the process was killed may
 * come again, or its number may be given again where the start after that does not reach the cluster; none is left out.
 */
export class SpooledTarget implements GeneratorTarget {
  readonly log: LogClient;
  private readonly options: SpooledTargetOptions;
  private readonly producer: ForwardingProducer;
  private readonly spool: Spool;
  private readonly numbering: SlotFile<Numbering>;
  private readonly remembered: Numbering | undefined;
  private readonly release: () => Promise<void>;
  private readonly direct: LogTarget;
  private readonly looking: Patience;
  /** The cluster was asked at the start. */
  private isKnown = false;
  private closing: Promise<void> | undefined;

  private constructor(options: SpooledTargetOptions, opened: Opened) {
    const { clock, generator, onEvent } = options;
    const { topic, partitions } = generator;
    const { log, spool } = opened;
    this.options = options;
    this.log = log;
    this.spool = spool;
    this.numbering = opened.numbering.file;
    this.remembered = opened.numbering.value;
    this.release = opened.release;
    this.direct = new LogTarget(log, generator);
    this.looking = new Patience(clock);
    const { whenFull } = options.spool;
    this.producer = new ForwardingProducer({ log, spool, clock, create: [{ topic, partitions }], whenFull, onEvent });
  }

  /**
   * @throws MillraceError OWNED_ELSEWHERE when another process uses the spool, CONFIG_INVALID when it holds records for another
   *   cluster, STORE_FAILED when it cannot be read or written
   */
  static async open(options: SpooledTargetOptions): Promise<SpooledTarget> {
    const { clock, kafka } = options;
    const { folder, file, maxBytes } = options.spool;
    const { spool, release } = await openSpoolFolder({ folder, file, maxBytes, brokers: kafka.brokers, clock });
    try {
      const numbering = await SlotFile.open<Numbering>(nodeDisk, join(folder, 'numbering'));
      const { KafkaClient } = await import('../kafka/kafka-client.ts');
      const log = new KafkaClient({ ...kafka, clock, patienceMs: Number.POSITIVE_INFINITY });
      return new SpooledTarget(options, { log, spool, numbering, release });
    } catch (thrown) {
      await release();
      throw thrown;
    }
  }

  get counts(): ForwardingCounts {
    return this.producer.counts;
  }

  async begin(): Promise<number> {
    const { spool, remembered } = this;
    // Asked before anything is sent: what is in the spool then is not in the topic.
    const look = this.direct.begin();
    const count = await this.looking.within(FIRST_LOOK_MS, look);
    this.isKnown = count !== OVERDUE;
    if (this.closing === undefined) this.producer.start(count === OVERDUE ? look : undefined);
    if (count !== OVERDUE) return count + spool.pending;
    look.catch(() => {});
    return remembered === undefined ? spool.end : remembered.next + Math.max(0, spool.end - remembered.spooled);
  }

  async lastAppend(): Promise<number> {
    return this.isKnown ? this.direct.lastAppend() : Number.NEGATIVE_INFINITY;
  }

  async write(records: readonly NumberedRecord[], timestamp: number): Promise<boolean> {
    const { topic } = this.options.generator;
    try {
      await this.producer.send(records.map(({ key, value, headers }) => ({ topic, key, value, headers, timestamp })));
    } catch (thrown) {
      if (this.closing !== undefined && (thrown as MillraceError).code === 'LOG_UNAVAILABLE') return false;
      throw thrown;
    }
    await this.numbering.write({ next: records.at(-1)!.index + 1, spooled: this.spool.end }, false);
    return true;
  }

  /** Resolves when Kafka has everything, or at `close`. */
  flush(): Promise<void> {
    return this.producer.flush();
  }

  /** Ends what waits, and leaves what is not in Kafka in the spool. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.looking.end();
    try {
      await this.producer.close();
    } finally {
      await this.log.close();
      await this.release();
    }
  }
}

interface Opened {
  readonly log: LogClient;
  readonly spool: Spool;
  readonly numbering: { readonly file: SlotFile<Numbering>; readonly value: Numbering | undefined };
  readonly release: () => Promise<void>;
}
