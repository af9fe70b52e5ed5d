/**
 * Records that are gone before they were read: deleted by retention, or with their topic. A run stops at them, or goes on
 * with what is there and counts what it skips, as its user has chosen.
 */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { MillraceError, type Place } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { LogClient, TopicInfo } from '../log/log-client.ts';

/** `skip`: goes on from what is there. */
export type OnDataLoss = 'fail' | 'skip';

const CHOICE =
  'either go on with what is there, counting what is gone as lost: --fail-on-data-loss false (or FAIL_ON_DATA_LOSS=false); or begin again without the old state: `millrace reset NAME --apply`';

/** Codes of failures that a topic which was deleted under the run may be behind of. */
const SUSPECT: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'TOPIC_REPLACED',
  'OFFSET_OUT_OF_RANGE',
  'CHECKPOINT_MISMATCH',
  'TRANSACTION_FAILED',
  'TRANSACTION_TIMED_OUT',
]);

/** What became of topics that the checkpoint has read from, in words, by topic; empty where they are as they were. */
export async function replacedTopics(
  plan: Plan,
  log: LogClient,
  checkpoint: Checkpoint | undefined,
): Promise<ReadonlyMap<string, string>> {
  const replaced = new Map<string, string>();
  for (const { id, node } of plan.nodes) {
    const offsets = checkpoint?.offsets[id];
    if (node.role !== 'source' || offsets === undefined) continue;
    const topic = node.name!;
    const fate = fateOf(await log.topic(topic), checkpoint!.sources?.[id]?.topicId ?? null, offsets.length);
    if (fate !== undefined) replaced.set(topic, fate);
  }
  return replaced;
}

function fateOf(info: TopicInfo | undefined, id: string | null, partitions: number): string | undefined {
  if (info === undefined) return 'was deleted';
  if (id !== null && info.id !== undefined && info.id !== id) return 'was deleted and created anew';
  if (info.partitions >= partitions) return undefined;
  return `was deleted and created anew: it had ${partitions} partitions, and has ${info.partitions}`;
}

/** @throws MillraceError TOPIC_REPLACED when there are any */
export function refuseReplaced(replaced: ReadonlyMap<string, string>, cause?: unknown): void {
  for (const [topic, fate] of replaced) {
    throw new MillraceError('TOPIC_REPLACED', `topic ${topic} ${fate}; what was not read from it is gone`, {
      place: { topic },
      hint: CHOICE,
      cause,
    });
  }
}

/** A failure that a topic which is gone is behind of is told as that. */
export async function explained(
  thrown: unknown,
  plan: Plan,
  log: LogClient,
  checkpoint: Checkpoint | undefined,
): Promise<unknown> {
  if (!(thrown instanceof MillraceError) || !SUSPECT.has(thrown.code)) return thrown;
  try {
    refuseReplaced(await replacedTopics(plan, log, checkpoint), thrown);
    return thrown;
  } catch (explanation) {
    return explanation instanceof MillraceError && explanation.code === 'TOPIC_REPLACED' ? explanation : thrown;
  }
}

/** What is known of a partition from earlier, and what there is. */
export interface PartitionRange {
  /** Where to go on. */
  readonly offset: number;
  /** The end as last seen. */
  readonly seenEnd: number;
  readonly first: number;
  readonly end: number;
  /** Whether it is still the topic of which offset and end are known; undefined where the log does not tell. */
  readonly isSameTopic: boolean | undefined;
}

export interface Skip {
  /** Where to go on, then. */
  readonly to: number;
  /** Offsets that were not read and are gone, as far as is known: what came behind the end as last seen is not. */
  readonly lost: number;
}

/** Pure. `undefined` when the offset to go on at is there. */
export function skipOver({ offset, seenEnd, first, end, isSameTopic }: PartitionRange): Skip | undefined {
  const unread = Math.max(0, seenEnd - offset);
  const isOther = isSameTopic === false || (isSameTopic === undefined && offset > end);
  if (isOther) return { to: first, lost: unread };
  if (offset < first) return { to: first, lost: first - offset };
  // Records were cut off the end, as by an unclean election of a leader.
  return offset > end ? { to: end, lost: unread } : undefined;
}

/** `goes on at offset 100 of orders[1], not at 60: 40 records are lost` */
export function skipText({ topic, partition, offset }: Required<Omit<Place, 'operator'>>, { to, lost }: Skip): string {
  return `data loss: goes on at offset ${to} of ${topic}[${partition}], not at ${offset}; records lost: ${lost}`;
}

/** The offset to go on at is not in the log. */
export function goneError(
  place: Required<Omit<Place, 'operator'>>,
  { first, end }: { readonly first: number; readonly end: number },
): MillraceError {
  const { offset } = place;
  const problem =
    offset < first
      ? `records ${offset} to ${first - 1} have been deleted from the log before they were processed`
      : `the log ends at ${end}: the topic was deleted and made anew, or this is another log`;
  return new MillraceError('OFFSET_OUT_OF_RANGE', `offset ${offset} comes next, but ${problem}`, {
    place,
    hint: `nothing was skipped; ${CHOICE}`,
  });
}
