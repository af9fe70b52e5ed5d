/** What lies in a DLQ topic, and what can become of it. */
import { decodeDlqRecord, type DlqRecord } from '../../core/dlq-record.ts';
import type { Plan } from '../../core/plan.ts';
import type { Header, RecordBatch } from '../../core/record-batch.ts';
import type { TopicInfo } from '../../log/log-client.ts';

/** A record of a DLQ topic; named for the dead letter that it is. */
export interface Letter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** All headers that it has. */
  readonly headers: readonly Header[];
  /** `undefined` for a record in another shape. */
  readonly record: DlqRecord | undefined;
  /** How many times it has been redriven before it came here. */
  readonly attempts: number;
}

/** Why a record is sent back, or is not. */
export type Verdict =
  /** It can be sent back. */
  | 'waiting'
  /** It does not meet `--where`. */
  | 'unmatched'
  /** It was sent back before. */
  | 'redriven'
  /** It has been sent back as many times as it may. */
  | 'given-up'
  /** It has not the shape of a DLQ record. */
  | 'unreadable'
  /** A step had computed it: it never stood in a topic. */
  | 'computed'
  /** It was too large for the DLQ topic, which has its beginning only. */
  | 'cut'
  /** It does not say which topic it came from, or not one that the pipeline reads. */
  | 'foreign'
  /** The topic that it came from is not there any more. */
  | 'no-topic'
  /** With the marks it is larger than its topic takes. */
  | 'too-large';

/** Marks of a record that was sent back: its last two headers. */
export const REDRIVEN_AT = 'dlq_redriven_at';
export const ATTEMPT = 'dlq_attempt';
const COUNT = /^[1-9]\d{0,8}$/;
/** What a header takes besides its name and value, at most. */
const HEADER_OVERHEAD = 10;

export function letterAt(batch: RecordBatch, row: number): Letter {
  const { key, value, headers, topic, partition, offset, timestamp } = batch.record(row);
  const record = decodeDlqRecord({ key, value, headers });
  const attempts = attemptsOf(record?.headers ?? []);
  return { topic, partition, offset, timestamp, key, value, headers, record, attempts };
}

/** The headers that it first came with, and the marks of the attempt that comes next. */
export function redrivenHeaders(headers: readonly Header[], attempts: number, now: number): Header[] {
  const own = attempts === 0 ? headers : headers.slice(0, -2);
  return [
    ...own,
    { key: REDRIVEN_AT, value: Buffer.from(new Date(now).toISOString()) },
    { key: ATTEMPT, value: Buffer.from(String(attempts + 1)) },
  ];
}

/** 0 where the headers do not end in our marks. */
export function attemptsOf(headers: readonly Header[]): number {
  const at = headers.at(-2);
  const attempt = headers.at(-1);
  if (at?.key !== REDRIVEN_AT || attempt?.key !== ATTEMPT) return 0;
  const text = Buffer.from(attempt.value).toString();
  return COUNT.test(text) ? Number(text) : 0;
}

/** What a verdict depends on. */
export interface Court {
  /** The topics that the pipeline reads; `undefined` for one that is not there. */
  readonly origins: ReadonlyMap<string, TopicInfo | undefined>;
  readonly maxAttempts: number;
  isRedriven(letter: Letter): boolean;
  isWanted(letter: Letter): boolean;
}

export function verdictOn(letter: Letter, court: Court): Verdict {
  const { record, attempts } = letter;
  if (!court.isWanted(letter)) return 'unmatched';
  if (court.isRedriven(letter)) return 'redriven';
  if (record === undefined) return 'unreadable';
  if (record.cutFrom !== undefined) return 'cut';
  if (record.topic === undefined || !court.origins.has(record.topic)) return 'foreign';
  // A record of somebody else's producer may leave its offset out; ours has one unless a step has computed it.
  if (record.offset === undefined && record.step !== undefined) return 'computed';
  const origin = court.origins.get(record.topic);
  if (origin === undefined) return 'no-topic';
  if (attempts >= court.maxAttempts) return 'given-up';
  return sizeOf(record, redrivenHeaders(record.headers, attempts, 0)) > origin.maxRecordBytes ? 'too-large' : 'waiting';
}

function sizeOf({ key, payload }: DlqRecord, headers: readonly Header[]): number {
  let bytes = (key?.length ?? 0) + (payload?.length ?? 0);
  for (const header of headers) bytes += Buffer.byteLength(header.key) + header.value.length + HEADER_OVERHEAD;
  return bytes;
}

/** A topic that a pipeline writes its rejections to. */
export interface DlqTopic {
  readonly topic: string;
  /** Whether records come here because their windows had closed. */
  readonly isLate: boolean;
}

export function dlqTopicsOf(plan: Plan): DlqTopic[] {
  const topics = plan.nodes.flatMap(({ node: { takes, topics: uses } }): DlqTopic[] => {
    if (takes === 'none') return [];
    const isLate = takes !== 'all' && takes.every((kind) => kind === 'LateRecord');
    return uses.filter(({ use }) => use === 'write').map(({ topic }) => ({ topic, isLate }));
  });
  return [...new Map(topics.map((each) => [each.topic, each])).values()];
}
