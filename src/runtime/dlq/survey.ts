/** Counts the records of a DLQ topic by what went wrong and where; nothing is changed. */
import type { LogClient, TopicInfo } from '../../log/log-client.ts';
import { CommonReason, patternOf } from './common-reason.ts';
import { type Court, letterAt, type Letter, type Verdict, verdictOn } from './letters.ts';
import { Notes } from './notes.ts';
import { noVerdicts } from './redrive.ts';
import { Reached, scan, wholeTopic } from './scan.ts';

/** Reasons may be as many as records: beyond so many groups only kind and step are told apart, and then nothing is. */
const MAX_REASONS = 1_000;
const MAX_GROUPS = 2_000;
export const OTHER_REASONS = '(other reasons)';

export interface Group {
  readonly kind: string | undefined;
  readonly step: string | undefined;
  /** Records that differ by times and numbers belong together: `TIME` and `N` stand where they do. */
  readonly reason: string;
  /** The topic that the records came from. */
  readonly origin: string | undefined;
  records: number;
  readonly verdicts: Record<Verdict, number>;
  /** Epoch ms. */
  firstFailedAt: number;
  lastFailedAt: number;
}

type Counted = Omit<Group, 'reason'> & { readonly common: CommonReason };

export interface Survey {
  readonly dlq: string;
  readonly records: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** The largest first; records that do not meet the conditions are in none. */
  readonly groups: readonly Group[];
  /** Whether all records were looked at. */
  readonly finished: boolean;
}

export interface SurveyOptions {
  readonly log: LogClient;
  readonly dlq: TopicInfo;
  readonly court: Omit<Court, 'isRedriven'>;
  readonly signal: AbortSignal;
  readonly onProgress?: ((seen: number, total: number) => void) | undefined;
}

/** Memory: a bounded number of groups, and a bit for each record that was ever sent back. */
export async function survey({ log, dlq, court, signal, onProgress }: SurveyOptions): Promise<Survey> {
  const notes = new Notes(dlq);
  await notes.catchUp(log, signal);
  const range = await wholeTopic(log, dlq.topic);
  const reached = new Reached(range);
  const whole: Court = { ...court, isRedriven: (letter) => notes.has(letter) };
  const verdicts = noVerdicts();
  const groups = new Map<string, Counted>();
  let records = 0;
  for await (const batch of scan(log, dlq.topic, range, signal)) {
    for (let row = 0; row < batch.length; row++) {
      const letter = letterAt(batch, row);
      const verdict = verdictOn(letter, whole);
      records++;
      verdicts[verdict]++;
      if (verdict !== 'unmatched') count(groupOf(groups, letter), letter, verdict);
    }
    reached.pass(batch);
    onProgress?.(reached.seen, reached.total);
  }
  const sorted = [...groups.values()]
    .map(({ common, ...group }): Group => ({ ...group, reason: common.text }))
    .sort((a, b) => b.records - a.records);
  return { dlq: dlq.topic, records, verdicts, groups: sorted, finished: !signal.aborted };
}

/** The group of a letter, which has taken note of its reason. */
function groupOf(groups: Map<string, Counted>, { record }: Letter): Counted {
  const { kind, step, topic } = record ?? {};
  const reason = record === undefined ? 'not in the shape of a DLQ record' : record.reason;
  const keys = [[kind, step, topic, patternOf(reason)], [kind, step, topic, OTHER_REASONS], [OTHER_REASONS]].map(
    (each) => JSON.stringify(each),
  );
  const level =
    groups.has(keys[0]) || groups.size < MAX_REASONS ? 0 : groups.has(keys[1]) || groups.size < MAX_GROUPS ? 1 : 2;
  const known = groups.get(keys[level]);
  if (known !== undefined) {
    if (level === 0) known.common.add(reason);
    return known;
  }
  const facts = level === 2 ? { kind: undefined, step: undefined, origin: undefined } : { kind, step, origin: topic };
  const times = { firstFailedAt: Number.POSITIVE_INFINITY, lastFailedAt: Number.NEGATIVE_INFINITY };
  const common = new CommonReason(level === 0 ? reason : OTHER_REASONS);
  const group: Counted = { ...facts, common, records: 0, verdicts: noVerdicts(), ...times };
  groups.set(keys[level], group);
  return group;
}

function count(group: Counted, { record, timestamp }: Letter, verdict: Verdict): void {
  const failedAt = record?.failedAt ?? timestamp;
  group.records++;
  group.verdicts[verdict]++;
  group.firstFailedAt = Math.min(group.firstFailedAt, failedAt);
  group.lastFailedAt = Math.max(group.lastFailedAt, failedAt);
}
