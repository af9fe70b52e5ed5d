/** Reads from all leaders at once and answers as soon as one of them has records. */
import type { Clock } from '../core/ports.ts';
import type { FetchedPartition, FetchOptions, FetchPosition, TopicPartition } from '../log/log-client.ts';
import type { Attempt } from './attempt.ts';
import { decodeRecords } from './decode-records.ts';
import { CODE } from './error-table.ts';
import { type FetchAnswer, FetchLane, type LaneConnection, type PartitionAnswer } from './fetch-lane.ts';
import { offsetOutOfRange, unknownPartition } from './refusals.ts';

/** What the fetcher needs of a driver. */
export interface FetchSource {
  readonly clock: Clock;
  attempt<T>(attempt: Attempt, action: () => Promise<T>): Promise<T>;
  /** The node that leads, by partition. */
  leadersOf(topic: string): Promise<readonly number[]>;
  /** A connection that nobody else uses. */
  openLane(leader: number): Promise<LaneConnection>;
  /** What a driver throws for an error code in the answer about a partition that it knows. */
  failureOf(code: number): unknown;
  rangeOf(place: TopicPartition): Promise<{ readonly first: number; readonly end: number }>;
}

/** One request waits no longer than this: whoever waits longer asks again. */
const MAX_WAIT_MS = 10_000;

interface Group {
  readonly leader: number;
  readonly positions: FetchPosition[];
}

interface Ends {
  readonly highWatermark: number;
  readonly lastStableOffset: number;
}

export class Fetcher {
  private readonly source: FetchSource;
  private readonly lanes = new Set<FetchLane>();
  /** As last heard: what is told of a partition whose leader has not answered yet. */
  private readonly ends = new Map<string, Ends>();
  /** Rotates the partition that is served first, so that each has its turn at an answer of bounded size. */
  private turn = 0;

  constructor(source: FetchSource) {
    this.source = source;
  }

  async fetch(positions: readonly FetchPosition[], options: FetchOptions): Promise<FetchedPartition[]> {
    const { signal } = options;
    if (positions.length === 0) await this.source.clock.sleep(options.maxWaitMs, signal);
    for (const position of positions) if (!(position.offset >= 0)) await this.refuse(position);
    const place = positions.length === 1 ? positions[0] : { topic: positions[0]?.topic };
    const deadline = this.source.clock.elapsed() + options.maxWaitMs;
    let answers: ReadonlyMap<string, PartitionAnswer> = new Map();
    for (let leftMs = options.maxWaitMs; positions.length > 0 && signal?.aborted !== true; ) {
      // Leaders that have never told the ends of these partitions must tell them before anything is waited for.
      const isFirst = !positions.every((position) => this.ends.has(keyOf(position)));
      const maxWaitMs = isFirst ? 0 : Math.min(leftMs, MAX_WAIT_MS);
      answers = await this.source.attempt({ doing: 'read', place, signal }, async () =>
        signal?.aborted ? new Map() : await this.fetchOnce(positions, { ...options, maxWaitMs }, isFirst),
      );
      leftMs = deadline - this.source.clock.elapsed();
      if (leftMs <= 0 || [...answers.values()].some(({ records }) => records.length > 0)) break;
    }
    return positions.map((position) => this.fetched(position, answers.get(keyOf(position))));
  }

  close(): void {
    for (const lane of this.lanes) lane.drop();
    this.lanes.clear();
  }

  private async fetchOnce(
    positions: readonly FetchPosition[],
    options: FetchOptions,
    waitForAll: boolean,
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
      const answered = await firstWithRecords(pending, waitForAll, options.signal);
      if (options.signal?.aborted) stop();
      for (const { lane } of answered) lane.taken();
      const answers = answered.flatMap(({ answer }) => this.partitionsOf(answer));
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
      const leaders = await this.source.leadersOf(position.topic);
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
      new FetchLane(leader, () => this.source.openLane(leader));
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
    if (answer.errorCode === CODE.offsetOutOfRange) await this.refuse(positions.find((each) => keyOf(each) === key)!);
    if (answer.errorCode !== 0) throw this.source.failureOf(answer.errorCode);
    this.ends.set(key, answer);
  }

  /** @throws MillraceError OFFSET_OUT_OF_RANGE, always */
  private async refuse({ topic, partition, offset }: FetchPosition): Promise<never> {
    const { first, end } = await this.source.rangeOf({ topic, partition });
    throw offsetOutOfRange({ topic, partition, offset }, first, end);
  }

  private partitionsOf({ errorCode, partitions }: FetchAnswer): readonly PartitionAnswer[] {
    if (errorCode !== 0) throw this.source.failureOf(errorCode);
    return partitions;
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

/** All that have answered by the time one has something to tell (or none is missing), or the signal aborts. */
async function firstWithRecords(
  pending: readonly Promise<Answered>[],
  waitForAll: boolean,
  signal?: AbortSignal,
): Promise<Answered[]> {
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
          if (answered.length < pending.length && (waitForAll || !hasNews(one.answer))) return;
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

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
