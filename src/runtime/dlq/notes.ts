/** What was sent back already: notes in a topic beside the DLQ, each written in the transaction that it speaks of. */
import { MillraceError } from '../../core/errors.ts';
import { RecordBatchBuilder } from '../../core/batch-builder.ts';
import type { RecordBatch } from '../../core/record-batch.ts';
import type { LogClient, TopicInfo } from '../../log/log-client.ts';
import { OffsetSet } from './offset-set.ts';
import { scan } from './scan.ts';

const NOTES_PARTITION = 0;

/** Records of the DLQ by partition: their offsets, rising. */
export type Sent = ReadonlyMap<number, readonly number[]>;

export function countOf(sent: Sent): number {
  return [...sent.values()].reduce((sum, offsets) => sum + offsets.length, 0);
}

/** First and last offset of records of the DLQ in a row. */
type Run = readonly [from: number, to: number];

interface Note {
  readonly dlq: string;
  /** Of the DLQ topic, where the log tells: a topic that was created anew begins anew. */
  readonly id?: string | undefined;
  readonly partition: number;
  readonly offsets: readonly Run[];
  readonly redriven_at: string;
}

export function notesTopicOf(dlq: string): string {
  return `${dlq}-redriven`;
}

/** Makes the topic of the notes, which are kept as long as it exists. */
export async function createNotes(log: LogClient, dlq: string): Promise<void> {
  await log.createTopics([{ topic: notesTopicOf(dlq), partitions: 1, keep: 'forever' }]);
}

/** One bit for each record that was sent back. */
export class Notes {
  readonly topic: string;
  private readonly dlq: TopicInfo;
  private readonly sets = new Map<number, OffsetSet>();
  /** The next note to read. */
  private position = 0;

  constructor(dlq: TopicInfo) {
    this.dlq = dlq;
    this.topic = notesTopicOf(dlq.topic);
  }

  /** How many offsets of the notes have been read. */
  get end(): number {
    return this.position;
  }

  has({ partition, offset }: { readonly partition: number; readonly offset: number }): boolean {
    return this.sets.get(partition)?.has(offset) === true;
  }

  /**
   * Reads the notes that have come since.
   * @throws MillraceError CHECKPOINT_MISMATCH when some were deleted before they were read
   */
  async catchUp(log: LogClient, signal?: AbortSignal): Promise<void> {
    if ((await log.topic(this.topic)) === undefined) return;
    const [[first], [end]] = await Promise.all([
      log.offsets(this.topic, 'earliest'),
      log.offsets(this.topic, 'latest'),
    ]);
    if (first > this.position) throw this.incomplete(first);
    for await (const batch of scan(log, this.topic, { from: [this.position], to: [end] }, signal)) {
      for (let row = 0; row < batch.length; row++) this.read(batch, row);
    }
    this.position = end;
  }

  /** How many of these are noted. */
  countOf(sent: Sent): number {
    return [...sent].reduce((sum, [partition, offsets]) => {
      return sum + offsets.filter((offset) => this.has({ partition, offset })).length;
    }, 0);
  }

  /** Takes what was written for read; `end`: where the notes end now, if that is known. */
  take(sent: Sent, end = this.position): void {
    this.position = end;
    for (const [partition, offsets] of sent)
      for (const [from, to] of runsOf(offsets)) this.setOf(partition).add(from, to);
  }

  /** The note that these are sent back. */
  write(sent: Sent, now: number): RecordBatch {
    const notes = new RecordBatchBuilder(this.topic, NOTES_PARTITION);
    for (const [partition, offsets] of sent) {
      const place = { dlq: this.dlq.topic, id: this.dlq.id, partition };
      const note: Note = { ...place, offsets: runsOf(offsets), redriven_at: new Date(now).toISOString() };
      notes.add(`${this.dlq.topic}/${partition}`, JSON.stringify(note), now);
    }
    return notes.finish();
  }

  private read(batch: RecordBatch, row: number): void {
    const note = noteOf(batch.value(row));
    if (note === undefined) throw this.unreadable(batch.offsets[row]);
    if (note.dlq !== this.dlq.topic || (note.id ?? this.dlq.id) !== (this.dlq.id ?? note.id)) return;
    for (const [from, to] of note.offsets) this.setOf(note.partition).add(from, to);
  }

  private setOf(partition: number): OffsetSet {
    const set = this.sets.get(partition) ?? new OffsetSet();
    this.sets.set(partition, set);
    return set;
  }

  private incomplete(first: number): MillraceError {
    return new MillraceError(
      'CHECKPOINT_MISMATCH',
      `the notes before offset ${first} of ${this.topic} were deleted: nobody knows any more what was redriven`,
      {
        place: { topic: this.topic, partition: NOTES_PARTITION, offset: this.position },
        hint: `set retention.ms=-1 for ${this.topic}; to begin without notes, so that records may be sent twice, delete that topic`,
      },
    );
  }

  private unreadable(offset: number): MillraceError {
    return new MillraceError('CHECKPOINT_MISMATCH', `${this.topic} holds a record that is no note`, {
      place: { topic: this.topic, partition: NOTES_PARTITION, offset },
      hint: 'leave that topic to `millrace dlq redrive`',
    });
  }
}

function runsOf(offsets: readonly number[]): Run[] {
  const runs: [number, number][] = [];
  for (const offset of offsets) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === offset - 1) last[1] = offset;
    else runs.push([offset, offset]);
  }
  return runs;
}

function noteOf(value: Buffer | null): Note | undefined {
  try {
    const note = JSON.parse(String(value)) as Partial<Note> | null;
    const isNote = typeof note?.dlq === 'string' && Number.isInteger(note.partition) && isRuns(note.offsets);
    return isNote ? (note as Note) : undefined;
  } catch {
    return undefined;
  }
}

function isRuns(runs: unknown): boolean {
  return (
    Array.isArray(runs) &&
    runs.every((run) => Array.isArray(run) && run.length === 2 && run.every((offset) => Number.isSafeInteger(offset)))
  );
}
