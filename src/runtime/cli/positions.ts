/** Where a pipeline stands on its log, and where it would go: read only. */
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Plan } from '../../core/plan.ts';
import type { LogClient } from '../../log/log-client.ts';
import { type OnDataLoss, refuseReplaced, replacedTopics } from '../data-loss.ts';
import type { StartFrom } from '../run-options.ts';
import { startPositions } from '../start-positions.ts';
import { type Align, counted, grouped, table } from './text.ts';

export interface PositionRow {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  /** What the checkpoint says; null where there is none. */
  readonly current: number | null;
  readonly next: number;
  readonly end: number;
  readonly because: string;
}

export interface MissingTopic {
  readonly topic: string;
  readonly partitions: number;
}

/** Where a run would start, by partition; topics that do not exist yet are listed apart. */
export async function nextPositions(
  plan: Plan,
  log: LogClient,
  checkpoint: Checkpoint | undefined,
  from: StartFrom,
  group: string,
  onDataLoss: OnDataLoss,
): Promise<{ rows: PositionRow[]; missing: MissingTopic[] }> {
  const infos = new Map(
    await Promise.all(plan.topics.map(async ({ topic }) => [topic, await log.topic(topic)] as const)),
  );
  if (onDataLoss === 'fail') refuseReplaced(await replacedTopics(plan, log, checkpoint));
  const missing = plan.topics.filter(({ topic }) => infos.get(topic) === undefined);
  const nodes = plan.nodes.filter(({ node }) => node.role !== 'source' || infos.get(node.name!) !== undefined);
  const positions = await startPositions({ ...plan, nodes }, log, checkpoint, from, group, onDataLoss);
  const ends = new Map<string, number[]>();
  for (const { topic } of positions) if (!ends.has(topic)) ends.set(topic, await log.offsets(topic, 'latest'));
  const rows = positions.map(({ source, topic, partition, offset, because }) => ({
    source,
    topic,
    partition,
    current: checkpoint?.offsets[source]?.[partition] ?? null,
    next: offset,
    end: ends.get(topic)![partition],
    because,
  }));
  return {
    rows,
    missing: [...new Map(missing.map(({ topic, partitions }) => [topic, { topic, partitions }])).values()],
  };
}

const ALIGNS: readonly Align[] = ['left', 'right', 'left', 'right', 'right', 'left'];

export function positionTable(rows: readonly PositionRow[]): string[] {
  const cells = rows.map(({ topic, partition, current, next, end, because }) => [
    `${topic}[${partition}]`,
    current === null ? 'none' : grouped(current),
    '→',
    grouped(next),
    grouped(end),
    because,
  ]);
  return table([['partition', 'current', '', 'new', 'end', 'because'], ...cells], ALIGNS);
}

export function missingLines(missing: readonly MissingTopic[]): string[] {
  return missing.map(
    ({ topic, partitions }) =>
      `topic ${topic} does not exist yet: a run creates it with ${counted(partitions, 'partition')}`,
  );
}
