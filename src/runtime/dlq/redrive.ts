/** Sends records of a DLQ topic back to the topics that they came from, each once. */
import type { Clock } from '../../core/ports.ts';
import { RecordBatchBuilder } from '../../core/batch-builder.ts';
import type { LogClient, TopicInfo } from '../../log/log-client.ts';
import { partitionFor } from '../../log/partitioner.ts';
import type { StateStore } from '../../state/state-store.ts';
import { type Court, type Letter, letterAt, redrivenHeaders, type Verdict, verdictOn } from './letters.ts';
import { createNotes, Notes } from './notes.ts';
import { type RedriveLog, redriveLogFor } from './redrive-log.ts';
import { Reached, scan, wholeTopic } from './scan.ts';

/** What one transaction may hold. */
const MAX_RECORDS = 5_000;
const MAX_BYTES = 4 * 1024 * 1024;

export interface RedriveOptions {
  readonly log: LogClient;
  readonly store: StateStore;
  readonly clock: Clock;
  /** The DLQ topic, which is read to the end that it has at the start. */
  readonly dlq: TopicInfo;
  readonly court: Omit<Court, 'isRedriven'>;
  /** Records a second at most. */
  readonly rate?: number | undefined;
  /** Aborting it ends the redrive behind the transaction under way. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: Redriven) => void) | undefined;
}

export interface Redriven {
  /** Records of the DLQ that were looked at, of those there were at the start. */
  readonly seen: number;
  readonly total: number;
  /** Records by what became of them; `waiting` ones are sent. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Whether all were looked at. */
  readonly finished: boolean;
}

/**
 * Delivery: exactly once, over crashes and repeated calls: the note that a record was sent back is part of its transaction.
 * Order: that of each partition of the DLQ. Memory: one transaction, and a bit for each record that was ever sent back.
 * @throws MillraceError OWNED_ELSEWHERE when another redrive of the topic begins; CONFIG_INVALID where there are no transactions
 */
export async function redrive(options: RedriveOptions): Promise<Redriven> {
  const { log, store, clock, dlq } = options;
  const notes = new Notes(dlq);
  const out = redriveLogFor({ log, store, clock }, notes, dlq.topic);
  await createNotes(log, dlq.topic);
  await out.begin();
  return new Redrive(options, notes, out).run();
}

class Redrive {
  private readonly options: RedriveOptions;
  private readonly court: Court;
  private readonly out: RedriveLog;
  private readonly verdicts = noVerdicts();
  private readonly limit: number;
  private builders = new Map<string, RecordBatchBuilder>();
  private pending = new Map<number, number[]>();
  private pendingRecords = 0;
  private pendingBytes = 0;
  private reached = new Reached({ from: [], to: [] });
  private nextWithoutKey = 0;
  /** When the rate lets the next transaction go. */
  private nextAt = Number.NEGATIVE_INFINITY;

  constructor(options: RedriveOptions, notes: Notes, out: RedriveLog) {
    this.options = options;
    this.out = out;
    this.court = { ...options.court, isRedriven: (letter) => notes.has(letter) };
    // With a rate, about one transaction a second.
    this.limit = Math.min(MAX_RECORDS, Math.max(1, Math.floor(options.rate ?? MAX_RECORDS)));
  }

  async run(): Promise<Redriven> {
    const { log, dlq, signal } = this.options;
    const range = await wholeTopic(log, dlq.topic);
    this.reached = new Reached(range);
    for await (const batch of scan(log, dlq.topic, range, signal)) {
      for (let row = 0; row < batch.length; row++) {
        if (signal.aborted) return this.progress(false);
        this.take(letterAt(batch, row));
        if (this.pendingRecords >= this.limit || this.pendingBytes >= MAX_BYTES) await this.send();
      }
      this.reached.pass(batch);
      this.options.onProgress?.(this.progress(false));
    }
    if (!signal.aborted) await this.send();
    return this.progress(!signal.aborted);
  }

  private take(letter: Letter): void {
    const verdict = verdictOn(letter, this.court);
    // Those to be sent are counted when they are.
    if (verdict !== 'waiting') {
      this.verdicts[verdict]++;
      return;
    }
    const { payload, headers, key, topic, timestamp } = letter.record!;
    const partition = this.partitionOf(letter, this.court.origins.get(topic!)!.partitions);
    const place = `${topic}/${partition}`;
    let builder = this.builders.get(place);
    if (builder === undefined) this.builders.set(place, (builder = new RecordBatchBuilder(topic!, partition)));
    const marked = redrivenHeaders(headers, letter.attempts, this.options.clock.now());
    this.pendingBytes += builder.add(key, payload, timestamp ?? letter.timestamp, marked);
    for (const header of marked) this.pendingBytes += header.key.length + header.value.length;
    const offsets = this.pending.get(letter.partition) ?? [];
    offsets.push(letter.offset);
    this.pending.set(letter.partition, offsets);
    this.pendingRecords++;
  }

  /** The one that it came from, as long as there is one of that number. */
  private partitionOf({ record, key }: Letter, partitions: number): number {
    const origin = record?.partition ?? -1;
    if (Number.isInteger(origin) && origin >= 0 && origin < partitions) return origin;
    return key === null ? this.nextWithoutKey++ % partitions : partitionFor(key, partitions);
  }

  /** Sends what has been collected, when it is its turn. */
  private async send(): Promise<void> {
    const { clock, rate, signal } = this.options;
    if (this.pendingRecords === 0) return;
    const restMs = this.nextAt - clock.now();
    if (restMs > 0) await clock.sleep(restMs, signal);
    if (signal.aborted) return;
    const sent = this.pendingRecords;
    if (rate !== undefined) this.nextAt = clock.now() + (sent / rate) * 1_000;
    const batches = [...this.builders.values()].map((builder) => builder.finish());
    await this.out.send(batches, this.pending);
    this.verdicts.waiting += sent;
    this.builders = new Map();
    this.pending = new Map();
    this.pendingRecords = 0;
    this.pendingBytes = 0;
    this.options.onProgress?.(this.progress(false));
  }

  private progress(finished: boolean): Redriven {
    const { seen, total } = this.reached;
    return { seen: finished ? total : seen, total, verdicts: { ...this.verdicts }, finished };
  }
}

export function noVerdicts(): Record<Verdict, number> {
  return {
    waiting: 0,
    unmatched: 0,
    redriven: 0,
    'given-up': 0,
    unreadable: 0,
    computed: 0,
    cut: 0,
    foreign: 0,
    'no-topic': 0,
    'too-large': 0,
  };
}
