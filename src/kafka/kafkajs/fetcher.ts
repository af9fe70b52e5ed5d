/** Reads from all leaders at once and answers as soon as one of them has records. */
import type { FetchedPartition, FetchOptions, FetchPosition, TopicPartition } from '../../log/log-client.ts';
import type { FetchAnswer, PartitionAnswer } from './fetch-answer.ts';
import { FetchLane } from './fetch-lane.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { OFFSET_OUT_OF_RANGE, offsetOutOfRange, staleLeader, unknownPartition } from './kafka-errors.ts';
import { errorOfCode } from './kafkajs-internals.ts';
import { decodeRecords } from '../decode-records.ts';

interface Group {
  readonly leader: number;
  readonly positions: FetchPosition[];
}

interface Ends {
  readonly highWatermark: number;
  readonly lastStableOffset: number;
}

export class Fetcher {
  private readonly cluster: KafkaCluster;
  private readonly lanes = new Set<FetchLane>();
  /** As last heard: what is told of a partition whose leader has not answered yet. */
  private readonly ends = new Map<string, Ends>();
  /** Rotates the partition that is served first, so that each has its turn at an answer of bounded size. */
  private turn = 0;
  private readonly rangeOf: (place: TopicPartition) => Promise<{ readonly first: number; readonly end: number }>;

  constructor(cluster: KafkaCluster, rangeOf: Fetcher['rangeOf']) {
    this.cluster = cluster;
    this.rangeOf = rangeOf;
  }

  async fetch(positions: readonly FetchPosition[], options: FetchOptions): Promise<FetchedPartition[]> {
    if (positions.length === 0) await this.cluster.clock.sleep(options.maxWaitMs, options.signal);
    for (const position of positions) if (!(position.offset >= 0)) await this.refuse(position);
    const place = positions.length === 1 ? positions[0] : { topic: positions[0]?.topic };
    const answers = await this.cluster.attempt({ doing: 'read', place, signal: options.signal }, async () => {
      if (options.signal?.aborted || positions.length === 0) return new Map<string, PartitionAnswer>();
      // A leader that has never told the ends of these partitions must tell them before anything is waited for.
      if (positions.every((position) => this.ends.has(keyOf(position)))) return this.fetchOnce(positions, options);
      const first = await this.fetchOnce(positions, { ...options, maxWaitMs: 0 });
      const isNews = options.signal?.aborted || [...first.values()].some(({ records }) => records.length > 0);
      return isNews ? first : this.fetchOnce(positions, options);
    });
    return positions.map((position) => this.fetched(position, answers.get(keyOf(position))));
  }

  close(): void {
    for (const lane of this.lanes) lane.drop();
    this.lanes.clear();
  }

  private async fetchOnce(
    positions: readonly FetchPosition[],
    options: FetchOptions,
  ): Promise<ReadonlyMap<string, PartitionAnswer>> {
    const groups = await this.groups(positions);
    const maxBytes = Math.ceil(options.maxBytes / groups.length);
    const lanes: FetchLane[] = [];
    const stop = (): void => lanes.forEach((lane) => lane.drop());
    try {
      const pending = groups.map(async ({ leader, positions: own }) => {
        const lane = this.take(leader, own);
        lanes.push(lane);
        const answer = await lane.fetch({ positions: own, maxBytes, maxWaitMs: options.maxWaitMs });
        return { lane, answer };
      });
      const answered = await firstWithRecords(pending, options.signal);
      if (options.signal?.aborted) stop();
      for (const { lane } of answered) lane.taken();
      const answers = answered.flatMap(({ answer }) => partitionsOf(answer));
      for (const answer of answers) await this.check(answer, positions);
      return new Map(answers.map((answer) => [keyOf(answer), answer]));
    } catch (error) {
      // Lanes to nodes that lead nothing any more would stay behind.
      for (const lane of lanes) this.remove(lane);
      throw error;
    } finally {
      for (const lane of lanes) lane.isBusy = false;
    }
  }

  private async groups(positions: readonly FetchPosition[]): Promise<Group[]> {
    const groups = new Map<number, Group>();
    this.turn++;
    for (const i of positions.keys()) {
      const position = positions[(i + this.turn) % positions.length];
      const leaders = await this.cluster.leadersOf(position.topic);
      const leader = leaders[position.partition];
      if (leader === undefined) throw unknownPartition(position, leaders.length);
      const group = groups.get(leader) ?? { leader, positions: [] };
      group.positions.push(position);
      groups.set(leader, group);
    }
    return [...groups.values()];
  }

  private take(leader: number, positions: readonly FetchPosition[]): FetchLane {
    const free = [...this.lanes].filter((lane) => lane.leader === leader && !lane.isBusy);
    const lane =
      free.find((each) => each.isWaitingFor(positions)) ??
      free.find((each) => each.isIdle) ??
      free[0] ??
      new FetchLane(this.cluster, leader);
    this.lanes.add(lane);
    lane.isBusy = true;
    return lane;
  }

  private remove(lane: FetchLane): void {
    lane.drop();
    this.lanes.delete(lane);
  }

  private async check(answer: PartitionAnswer, positions: readonly FetchPosition[]): Promise<void> {
    const key = keyOf(answer);
    if (answer.errorCode === OFFSET_OUT_OF_RANGE) await this.refuse(positions.find((each) => keyOf(each) === key)!);
    if (answer.errorCode !== 0) throw staleLeader(errorOfCode(answer.errorCode));
    this.ends.set(key, answer);
  }

  /** @throws MillraceError OFFSET_OUT_OF_RANGE, always */
  private async refuse({ topic, partition, offset }: FetchPosition): Promise<never> {
    const { first, end } = await this.rangeOf({ topic, partition });
    throw offsetOutOfRange({ topic, partition, offset }, first, end);
  }

  private fetched(position: FetchPosition, answer: PartitionAnswer | undefined): FetchedPartition {
    const { topic, partition, offset } = position;
    const ends = this.ends.get(keyOf(position)) ?? { highWatermark: offset, lastStableOffset: offset };
    const { highWatermark, lastStableOffset } = ends;
    const decoded =
      answer === undefined
        ? { batch: undefined, nextOffset: offset }
        : decodeRecords({ topic, partition, offset, records: answer.records, aborted: answer.aborted });
    return { topic, partition, ...decoded, highWatermark, lastStableOffset };
  }
}

interface Answered {
  readonly lane: FetchLane;
  readonly answer: FetchAnswer;
}

/** All that have answered by the time one has something to tell, all have answered, or the signal aborts. */
async function firstWithRecords(pending: readonly Promise<Answered>[], signal?: AbortSignal): Promise<Answered[]> {
  const answered: Answered[] = [];
  await new Promise<void>((resolve, reject) => {
    if (signal?.aborted) resolve();
    const stop = (): void => resolve();
    signal?.addEventListener('abort', stop, { once: true });
    const settle = (): void => signal?.removeEventListener('abort', stop);
    for (const each of pending) {
      each.then(
        (one) => {
          answered.push(one);
          if (answered.length < pending.length && !hasNews(one.answer)) return;
          settle();
          resolve();
        },
        (error) => {
          settle();
          reject(error);
        },
      );
    }
  });
  return [...answered];
}

function hasNews({ errorCode, partitions }: FetchAnswer): boolean {
  return errorCode !== 0 || partitions.some((each) => each.errorCode !== 0 || each.records.length > 0);
}

function partitionsOf({ errorCode, partitions }: FetchAnswer): readonly PartitionAnswer[] {
  if (errorCode !== 0) throw errorOfCode(errorCode);
  return partitions;
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
