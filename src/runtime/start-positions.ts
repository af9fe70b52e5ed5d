/** Where each source begins: its checkpoint where there is one, `--from` where there is none. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { MillraceError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { LogClient } from '../log/log-client.ts';
import type { StartFrom } from './run-options.ts';

export interface StartPosition {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Why there. */
  readonly because: 'checkpoint' | 'new partition' | 'earliest' | 'latest' | 'timestamp';
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
      const [earliest, latest] = await Promise.all([log.offsets(topic, 'earliest'), log.offsets(topic, 'latest')]);
      const saved = checkpoint?.offsets[id];
      if (saved === undefined) return fresh(log, id, topic, from, earliest, latest);
      if (saved.length > earliest.length) throw shrunk(topic, saved.length, earliest.length);
      return earliest.map((first, partition): StartPosition => {
        if (partition >= saved.length) return { source: id, topic, partition, offset: first, because: 'new partition' };
        checkInLog(topic, partition, saved[partition], first, latest[partition]);
        return { source: id, topic, partition, offset: saved[partition], because: 'checkpoint' };
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

function shrunk(topic: string, before: number, now: number): MillraceError {
  return new MillraceError(
    'OFFSET_OUT_OF_RANGE',
    `the checkpoint knows ${before} partitions of the topic, and it has ${now}`,
    {
      place: { topic },
      hint: 'the topic was deleted and made anew, or this is another log; to begin again without the old state, see `millrace reset NAME`',
    },
  );
}

function checkInLog(topic: string, partition: number, offset: number, first: number, end: number): void {
  if (offset >= first && offset <= end) return;
  const problem =
    offset < first
      ? `records ${offset} to ${first - 1} have been deleted from the log before they were processed`
      : `the log ends at ${end}: the topic was deleted and made anew, or this is another log`;
  throw new MillraceError('OFFSET_OUT_OF_RANGE', `the checkpoint goes on at offset ${offset}, but ${problem}`, {
    place: { topic, partition, offset },
    hint: 'to begin again without the old state, see `millrace reset NAME`; nothing was skipped and nothing written',
  });
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
