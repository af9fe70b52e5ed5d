/** Reads one topic into the plan: fetches under credit, one fetch ahead, and emits chunks, barriers and the last watermark. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Subject } from 'rxjs';
import type { SourceFacts } from '../checkpoint/checkpoint.ts';
import { type Barrier, Chunk, type Element, type Origin, Watermark } from '../core/element.ts';
import { MillraceError } from '../core/errors.ts';
import type { IntakeLimit } from '../core/operator.ts';
import type { Clock } from '../core/ports.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type { FetchedPartition, FetchPosition, LogClient } from '../log/log-client.ts';
import type { Credit } from './credit.ts';
import { goneError, type OnDataLoss, skipOver, skipText } from './data-loss.ts';
import { Intake } from './intake.ts';
import type { SourceStart } from './start-positions.ts';

const FETCH_BYTES = 2 * 1024 * 1024;
/** How long a fetch waits at the end of the log; also the pace of the signs of life that idleness is told by. */
const FETCH_WAIT_MS = 1_000;
/** Heartbeats and timers run at least this often. */
const MAX_TURN_MS = 8;

export class SourceReader {
  readonly topic: string;
  readonly elements = new Subject<Element<unknown>>();
  readonly origins: readonly Origin[];
  /** The offset to process next, by partition. */
  readonly positions: number[];
  /** The end of the log as last seen, by partition. */
  readonly ends: number[];
  /** Records that were gone before they were read, by partition: a topic that was made anew may have fewer. */
  readonly lost: number[];
  /** The last answer did not hold all that was there. */
  isBehind = false;
  private readonly topicId: string | undefined;
  private readonly onDataLoss: OnDataLoss;
  private readonly onNotice: (notice: string) => void;
  private readonly paused: boolean[];
  private stopAt: readonly number[] | undefined;
  private readonly log: LogClient;
  private readonly clock: Clock;
  private readonly credit: Credit;
  private readonly intake: Intake;
  private readonly maxChunkRecords: number;
  private readonly onRecords: () => void;
  private wake: AbortController | undefined;

  constructor(options: {
    source: string;
    topic: string;
    limit?: IntakeLimit | undefined;
    start: SourceStart;
    onDataLoss: OnDataLoss;
    onNotice: (notice: string) => void;
    log: LogClient;
    clock: Clock;
    credit: Credit;
    maxChunkRecords: number;
    onRecords: () => void;
  }) {
    this.topic = options.topic;
    const { offsets, lost, topicId } = options.start;
    this.positions = [...offsets];
    this.ends = [...offsets];
    this.lost = [...lost];
    this.topicId = topicId;
    this.onDataLoss = options.onDataLoss;
    this.onNotice = options.onNotice;
    this.paused = offsets.map(() => false);
    this.origins = offsets.map((_, partition) => ({
      source: options.source,
      topic: options.topic,
      partition,
    }));
    this.log = options.log;
    this.clock = options.clock;
    this.credit = options.credit;
    const { limit } = options;
    this.intake = new Intake(limit, options.clock);
    // No partition takes all that may come in.
    const share = limit === undefined ? Number.POSITIVE_INFINITY : Math.ceil(limit.records / offsets.length);
    this.maxChunkRecords = Math.min(options.maxChunkRecords, share);
    this.onRecords = options.onRecords;
  }

  /** Emits the barrier between two chunks. */
  inject(barrier: Barrier): void {
    this.elements.next(barrier);
  }

  /** Says that no record will follow, whatever its event time. */
  endOfTime(): void {
    this.elements.next(new Watermark(Number.POSITIVE_INFINITY));
  }

  /** Stops in front of these offsets, by partition. */
  readUntil(ends: readonly number[]): void {
    this.stopAt = ends;
    this.wake?.abort();
  }

  setPaused(partition: number, paused: boolean): void {
    this.paused[partition] = paused;
  }

  isPaused(partition: number): boolean {
    return this.paused[partition];
  }

  /** For the checkpoint. */
  facts(): SourceFacts {
    return { topicId: this.topicId ?? null, ends: [...this.ends], lost: [...this.lost] };
  }

  get isDone(): boolean {
    return this.stopAt !== undefined && this.positions.every((position, i) => position >= this.stopAt![i]);
  }

  /** Reads until `signal` aborts or the offsets of `readUntil` are reached. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.wake?.abort();
    signal.addEventListener('abort', wake);
    let ahead = this.fetch(this.positions, signal);
    try {
      while (!signal.aborted && !this.isDone) {
        const fetched = await ahead.catch((thrown: unknown) => this.skipGone(thrown));
        this.isBehind = fetched.some(leavesMore);
        await this.credit.available(signal);
        const next = [...this.positions];
        for (const { partition, nextOffset } of fetched) next[partition] = this.limit(partition, nextOffset);
        ahead = this.fetch(next, signal);
        // Observed at the next turn of the loop; until then a failure must not count as unhandled.
        ahead.catch(() => {});
        await this.emit(fetched, signal);
        this.emitSignsOfLife(fetched);
      }
      if (this.isDone) this.emitSignsOfLife([]);
    } finally {
      wake();
      signal.removeEventListener('abort', wake);
      await ahead.catch(() => {});
    }
  }

  private async fetch(from: readonly number[], stopped: AbortSignal): Promise<FetchedPartition[]> {
    const wanted: FetchPosition[] = [];
    from.forEach((offset, partition) => {
      if (this.paused[partition] || (this.stopAt !== undefined && offset >= this.stopAt[partition])) return;
      wanted.push({ topic: this.topic, partition, offset, topicId: this.topicId });
    });
    this.wake = new AbortController();
    if (stopped.aborted) this.wake.abort();
    const { signal } = this.wake;
    if (wanted.length === 0) {
      await this.clock.sleep(FETCH_WAIT_MS, signal);
      return [];
    }
    try {
      const answers = await this.log.fetch(wanted, { maxBytes: FETCH_BYTES, maxWaitMs: FETCH_WAIT_MS, signal });
      // A fetch that was called off may not have heard of the end of a log: it must not make a partition seem read to it.
      return signal.aborted ? answers.filter(({ batch }) => batch !== undefined) : answers;
    } catch (thrown) {
      if (signal.aborted) return [];
      throw thrown;
    }
  }

  /** Where records are gone and may be: on to what is there. The position moves with the count: no barrier comes in between. */
  private async skipGone(thrown: unknown): Promise<FetchedPartition[]> {
    const isGone = thrown instanceof MillraceError && thrown.code === 'OFFSET_OUT_OF_RANGE';
    if (!isGone) throw thrown;
    const { topic } = this;
    const [first, end] = await Promise.all([this.log.offsets(topic, 'earliest'), this.log.offsets(topic, 'latest')]);
    const isSameTopic = this.topicId === undefined ? undefined : true;
    let isSkipped = false;
    for (const [partition, offset] of this.positions.entries()) {
      const seenEnd = this.ends[partition];
      const skip = skipOver({ offset, seenEnd, first: first[partition], end: end[partition], isSameTopic });
      if (skip === undefined) continue;
      if (this.onDataLoss === 'fail') {
        throw goneError({ topic, partition, offset }, { first: first[partition], end: end[partition] });
      }
      isSkipped = true;
      this.positions[partition] = skip.to;
      this.lost[partition] += skip.lost;
      this.onNotice(skipText({ topic, partition, offset }, skip));
    }
    if (!isSkipped) throw thrown;
    this.onRecords();
    return [];
  }

  /** Chunks of the partitions in turn, so that none runs ahead of the others in event time. */
  private async emit(fetched: readonly FetchedPartition[], signal: AbortSignal): Promise<void> {
    let turnBegan = this.clock.elapsed();
    let left = fetched.map((answer): Cursor => ({ answer, batch: this.withinLimit(answer), row: 0 }));
    while (left.length > 0) {
      for (const cursor of left) {
        await this.credit.available(signal);
        const room = cursor.batch === undefined ? 0 : await this.intake.room(signal);
        if (signal.aborted) return;
        this.emitChunk(cursor, room);
        if (this.clock.elapsed() - turnBegan < MAX_TURN_MS) continue;
        await nextTurn();
        turnBegan = this.clock.elapsed();
      }
      left = left.filter(({ batch, row }) => batch !== undefined && row < batch.length);
    }
  }

  /**
   * Partitions that were not asked for have their say, too: one that is read to where the run ends is idle one day, and one
   * that is paused has to be looked at again.
   */
  private emitSignsOfLife(fetched: readonly FetchedPartition[]): void {
    for (const origin of this.origins) {
      const { partition } = origin;
      if (fetched.some((answer) => answer.partition === partition)) continue;
      const isRead = this.stopAt !== undefined && this.positions[partition] >= this.stopAt[partition];
      this.elements.next(Chunk.empty(origin, isRead));
    }
  }

  /** Emits the next records of an answer, or a sign of life where it has none. */
  private emitChunk(cursor: Cursor, room: number): void {
    const { answer, batch, row } = cursor;
    const { partition, highWatermark, lastStableOffset } = answer;
    const end = Math.min(row + Math.min(this.maxChunkRecords, room), batch?.length ?? 0);
    const isLast = batch === undefined || end === batch.length;
    const position = isLast ? this.limit(partition, answer.nextOffset) : batch.offsets[end];
    // A transaction that is still open holds the last stable offset back: more may come with an old event time.
    const caughtUp = position >= highWatermark && lastStableOffset >= highWatermark;
    cursor.row = end;
    this.intake.take(end - row);
    this.ends[partition] = highWatermark;
    // The position moves with the chunk: no barrier can pass between the two.
    this.positions[partition] = position;
    const origin = this.origins[partition];
    if (batch === undefined) {
      this.elements.next(Chunk.empty(origin, caughtUp));
      return;
    }
    this.onRecords();
    const records = row === 0 && isLast ? batch : batch.subarray(row, end);
    this.elements.next(Chunk.ofBatch(origin, records, caughtUp));
  }

  private limit(partition: number, offset: number): number {
    return this.stopAt === undefined ? offset : Math.min(offset, this.stopAt[partition]);
  }

  /** The records of an answer in front of the offset to stop at. */
  private withinLimit({ partition, batch }: FetchedPartition): RecordBatch | undefined {
    const end = this.stopAt?.[partition];
    if (batch === undefined || end === undefined || batch.nextOffset <= end) return batch;
    const rows = batch.offsets.findIndex((offset) => offset >= end);
    return rows === 0 ? undefined : batch.subarray(0, rows);
  }
}

function leavesMore({ nextOffset, highWatermark, lastStableOffset }: FetchedPartition): boolean {
  return nextOffset < Math.min(highWatermark, lastStableOffset);
}

/** How far an answer has been emitted. */
interface Cursor {
  readonly answer: FetchedPartition;
  readonly batch: RecordBatch | undefined;
  row: number;
}
