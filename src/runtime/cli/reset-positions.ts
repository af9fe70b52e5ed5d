/** Where `reset` would have each partition begin. */
import { InvalidArgumentError } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Plan } from '../../core/plan.ts';
import type { LogClient } from '../../log/log-client.ts';
import { parseIso } from '../../time/iso.ts';
import type { StartFrom } from '../run-options.ts';
import { usageError } from './failure.ts';
import type { PositionRow } from './positions.ts';
import { grouped } from './text.ts';

/** One offset for every partition, or for those that are named. */
export interface GivenOffset {
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  readonly offset: number;
}

export type ResetTo = StartFrom | { readonly offsets: readonly GivenOffset[] };

const OFFSET = /^(?:(?:(?<topic>[\w.-]+):)?(?<partition>\d{1,9}):)?(?<offset>\d{1,15})$/;

/** `earliest`, `latest`, `1200`, `0:1200,1:1300`, `orders:0:1200`, `2024-02-29T12:00:00Z` */
export function resetTo(text: string): ResetTo {
  if (text === 'earliest' || text === 'latest') return text;
  const timestamp = parseIso(text);
  if (!Number.isNaN(timestamp)) return { timestamp };
  const found = text.split(',').map((each) => OFFSET.exec(each.trim())?.groups);
  if (found.every((each) => each !== undefined) && (found.length === 1 || found.every(({ partition }) => partition))) {
    return {
      offsets: found.map(({ topic, partition, offset }) => ({
        topic,
        partition: partition === undefined ? undefined : Number(partition),
        offset: Number(offset),
      })),
    };
  }
  throw new InvalidArgumentError(
    'It must be earliest, latest, an offset such as 1200 or (by partition) 0:1200,1:1300, or an ISO 8601 time such as 2024-02-29T12:00:00Z.',
  );
}

/** Current and new position of every partition that the plan reads. */
export async function resetRows(
  plan: Plan,
  log: LogClient,
  saved: Checkpoint | undefined,
  to: ResetTo,
  group: string,
): Promise<PositionRow[]> {
  const sources = plan.nodes.filter(({ node }) => node.role === 'source');
  if (typeof to !== 'string' && 'offsets' in to)
    refuseAmbiguous(
      to.offsets,
      sources.map(({ node }) => node.name!),
    );
  const rows = sources.map(async ({ id, node }): Promise<PositionRow[]> => {
    const topic = node.name!;
    if ((await log.topic(topic)) === undefined) return [];
    const [first, end, committed] = await Promise.all([
      log.offsets(topic, 'earliest'),
      log.offsets(topic, 'latest'),
      log.groupOffsets(group, [topic], { settled: false }),
    ]);
    const ofGroup = new Map(committed.map(({ partition, offset }) => [partition, offset]));
    const current = end.map((_, partition) => saved?.offsets[id]?.[partition] ?? ofGroup.get(partition) ?? null);
    const { next, because } = await newPositions(log, { topic, first, end, current }, to);
    return next.map((offset, partition) => ({
      source: id,
      topic,
      partition,
      current: current[partition],
      next: offset,
      end: end[partition],
      because: because[partition],
    }));
  });
  return (await Promise.all(rows)).flat();
}

/** A topic as it is: columns by partition number. */
interface Standing {
  readonly topic: string;
  readonly first: readonly number[];
  readonly end: readonly number[];
  readonly current: readonly (number | null)[];
}

async function newPositions(
  log: LogClient,
  standing: Standing,
  to: ResetTo,
): Promise<{ readonly next: readonly number[]; readonly because: readonly string[] }> {
  const { topic, first, end, current } = standing;
  if (typeof to === 'string' || 'timestamp' in to) {
    const because = typeof to === 'string' ? to : new Date(to.timestamp).toISOString();
    return { next: await log.offsets(topic, to), because: end.map(() => because) };
  }
  const next = first.map((offset, partition) => current[partition] ?? offset);
  const because: string[] = first.map((_, partition) => (current[partition] === null ? 'earliest' : 'unchanged'));
  for (const { topic: named, partition: one, offset } of to.offsets) {
    if (named !== undefined && named !== topic) continue;
    for (const partition of one === undefined ? end.keys() : [one]) {
      refuseOutside(standing, partition, offset);
      next[partition] = offset;
      because[partition] = 'offset';
    }
  }
  return { next, because };
}

function refuseAmbiguous(offsets: readonly GivenOffset[], topics: readonly string[]): void {
  const unknown = offsets.find(({ topic }) => topic !== undefined && !topics.includes(topic));
  if (unknown !== undefined)
    throw usageError(`the pipeline does not read topic ${unknown.topic}`, `it reads ${topics.join(', ')}`);
  const names = offsets.map(({ topic = topics[0], partition }) => `${topic}:${partition}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw usageError(`--to names ${twice} twice`, 'give one offset for each partition');
  if (topics.length > 1 && offsets.some(({ topic }) => topic === undefined)) {
    throw usageError(
      `the pipeline reads several topics (${topics.join(', ')}): whose offset is meant?`,
      `name topic and partition, such as --to ${topics[0]}:0:1200, or give a time`,
    );
  }
}

function refuseOutside({ topic, first, end }: Standing, partition: number, offset: number): void {
  if (partition >= end.length) {
    throw usageError(`topic ${topic} has no partition ${partition}`, `it has partitions 0 to ${end.length - 1}`);
  }
  if (offset >= first[partition] && offset <= end[partition]) return;
  throw usageError(
    `${topic}[${partition}] has the offsets ${grouped(first[partition])} to ${grouped(end[partition])}, not ${grouped(offset)}`,
    'give one of them, or one for each partition: --to 0:1200,1:1300',
  );
}
