/** Where each source begins: its checkpoint where there is one, `--from` where there is none. */
import type { Checkpoint, SourceFacts } from '../checkpoint/checkpoint.ts';
import { MillraceError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { LogClient } from '../log/log-client.ts';
import { goneError, type OnDataLoss, type Skip, skipOver } from './data-loss.ts';
import type { StartFrom } from './run-options.ts';

export interface StartPosition {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Why there. */
  readonly because: 'checkpoint' | 'data loss' | 'new partition' | 'earliest' | 'latest' | 'timestamp';
  /** Where the offset of the checkpoint is gone: what is skipped. */
  readonly skip?: Skip & { readonly from: number };
}

/** Where one source begins. */
export interface SourceStart {
  /** By partition number. */
  readonly offsets: readonly number[];
  readonly topicId: string | undefined;
  /** Records lost so far, by partition number. */
  readonly lost: readonly number[];
}

/** What a source goes on from. */
export function sourceStart(
  positions: readonly StartPosition[],
  before: SourceFacts | undefined,
  topicId: string | undefined,
): SourceStart {
  const offsets = positions.map(({ offset }) => offset);
  // What was lost with a partition that is no more stays counted.
  const lost = Array.from({ length: Math.max(offsets.length, before?.lost.length ?? 0) }, (_, partition) => {
    return (before?.lost[partition] ?? 0) + (positions[partition]?.skip?.lost ?? 0);
  });
  return { offsets, topicId, lost };
}

/**
 * @throws MillraceError OFFSET_OUT_OF_RANGE when a checkpoint's offset is no longer, or not yet, in the log;
 * CHECKPOINT_MISMATCH when the group has offsets and the state directory has no checkpoint
 */
export async function startPositions(
  plan: Plan,
  log: LogClient,
  checkpoint: Checkpoint | undefined,
  from: StartFrom,
  group: string,
  onDataLoss: OnDataLoss = 'fail',
): Promise<StartPosition[]> {
  const sources = plan.nodes.filter(({ node }) => node.role === 'source');
  if (checkpoint === undefined)
    await refuseForeignGroup(
      log,
      group,
      sources.map(({ node }) => node.name!),
    );
  const positions = await Promise.all(
    sources.map(async ({ id, node }) => {
      const topic = node.name!;
      const [info, earliest, latest] = await Promise.all([
        log.topic(topic),
        log.offsets(topic, 'earliest'),
        log.offsets(topic, 'latest'),
      ]);
      const saved = checkpoint?.offsets[id];
      if (saved === undefined) return fresh(log, id, topic, from, earliest, latest);
      const facts = checkpoint?.sources?.[id];
      const isSameTopic = isSame(facts?.topicId ?? undefined, info?.id, saved.length <= earliest.length);
      return earliest.map((first, partition): StartPosition => {
        if (partition >= saved.length) return { source: id, topic, partition, offset: first, because: 'new partition' };
        const offset = saved[partition];
        const end = latest[partition];
        const skip = skipOver({ offset, seenEnd: facts?.ends[partition] ?? offset, first, end, isSameTopic });
        if (skip === undefined) return { source: id, topic, partition, offset, because: 'checkpoint' };
        if (onDataLoss === 'fail') throw goneError({ topic, partition, offset }, { first, end });
        const because = 'data loss';
        return { source: id, topic, partition, offset: skip.to, because, skip: { ...skip, from: offset } };
      });
    }),
  );
  return positions.flat();
}

async function fresh(
  log: LogClient,
  source: string,
  topic: string,
  from: StartFrom,
  earliest: readonly number[],
  latest: readonly number[],
): Promise<StartPosition[]> {
  const because = typeof from === 'string' ? from : 'timestamp';
  const offsets = typeof from !== 'string' ? await log.offsets(topic, from) : from === 'earliest' ? earliest : latest;
  return offsets.map((offset, partition) => ({ source, topic, partition, offset, because }));
}

/** Whether the topic is the one that the checkpoint read from; undefined where nobody can tell. */
function isSame(before: string | undefined, now: string | undefined, hasAllPartitions: boolean): boolean | undefined {
  if (!hasAllPartitions) return false;
  return before === undefined || now === undefined ? undefined : before === now;
}

/** Offsets of the group without our checkpoint: its windows lie in a state directory that is not this one. */
export async function refuseForeignGroup(
  log: LogClient,
  group: string,
  topics: readonly string[],
  options = { settled: true },
): Promise<void> {
  if (log.kind === 'embedded') return;
  const offsets = await log.groupOffsets(group, topics, options);
  if (offsets.length === 0) return;
  throw new MillraceError(
    'CHECKPOINT_MISMATCH',
    `group '${group}' has committed offsets on ${log.description}, but this state directory has no checkpoint of it`,
    {
      place: { topic: offsets[0].topic, partition: offsets[0].partition, offset: offsets[0].offset },
      hint: 'use the state directory that belongs to the group (--data DIR), another group (--group ID), or begin again with `millrace reset NAME --apply`',
    },
  );
}
