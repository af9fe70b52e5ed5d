/** One fetch at a time from one leader, over a connection of its own. */
import type { FetchPosition } from '../../log/log-client.ts';
import { type FetchAnswer, readFetchAnswer } from './fetch-answer.ts';
import { dropConnection, type KafkaCluster } from './kafka-cluster.ts';
import { type Connection, fetchRequest } from './kafkajs-internals.ts';

export interface LaneRequest {
  readonly positions: readonly FetchPosition[];
  readonly maxBytes: number;
  readonly maxWaitMs: number;
}

const CONSUMER = -1;
const READ_COMMITTED = 1;
/** Beyond the wait that was asked for, how long an answer may take. */
const ANSWER_MS = 15_000;

/**
 * An answer that its caller did not wait for is kept for the next call for the same positions; a call for others drops
 * it, connection and all, since a broker answers the requests of a connection in order.
 */
export class FetchLane {
  readonly leader: number;
  /** A caller is waiting. */
  isBusy = false;
  private readonly cluster: KafkaCluster;
  private connection: Connection | undefined;
  private underWay: { readonly key: string; readonly answer: Promise<FetchAnswer> } | undefined;
  /** Raised by `drop`: a connection that comes up for an older life is not taken. */
  private life = 0;

  constructor(cluster: KafkaCluster, leader: number) {
    this.cluster = cluster;
    this.leader = leader;
  }

  /** Whether a fetch of exactly these positions is under way. */
  isWaitingFor(positions: readonly FetchPosition[]): boolean {
    return this.underWay?.key === keyOf(positions);
  }

  get isIdle(): boolean {
    return !this.isBusy && this.underWay === undefined;
  }

  /** The answer stays the lane's, and is given again, until `taken`. */
  fetch(request: LaneRequest): Promise<FetchAnswer> {
    const key = keyOf(request.positions);
    if (this.underWay?.key === key) return this.underWay.answer;
    if (this.underWay !== undefined) this.drop();
    const answer = this.send(request);
    // Nobody may be waiting for it when it fails; whoever comes next is told.
    answer.catch(() => {});
    this.underWay = { key, answer };
    return answer;
  }

  taken(): void {
    this.underWay = undefined;
  }

  drop(): void {
    this.life++;
    this.underWay = undefined;
    if (this.connection !== undefined) dropConnection(this.connection);
    this.connection = undefined;
  }

  private async send({ positions, maxBytes, maxWaitMs }: LaneRequest): Promise<FetchAnswer> {
    let connection = this.connection;
    if (connection === undefined || !connection.isConnected()) {
      const { life } = this;
      connection = await this.cluster.dedicatedConnection(this.leader);
      if (life !== this.life) dropConnection(connection);
      else this.connection = connection;
    }
    const payload = await connection.send({
      request: fetchRequest({
        replicaId: CONSUMER,
        maxWaitTime: maxWaitMs,
        minBytes: 1,
        maxBytes,
        isolationLevel: READ_COMMITTED,
        topics: positions.map(({ topic, partition, offset }) => ({
          topic,
          partitions: [{ partition, fetchOffset: offset, maxBytes: Math.ceil(maxBytes / positions.length) }],
        })),
      }),
      response: {
        decode: async (bytes) => ({ bytes }),
        parse: async (decoded) => (decoded as { bytes: Buffer }).bytes,
      },
      requestTimeout: maxWaitMs + ANSWER_MS,
    });
    return readFetchAnswer(payload as Buffer);
  }
}

function keyOf(positions: readonly FetchPosition[]): string {
  return positions
    .map(({ topic, partition, offset }) => `${topic}/${partition}/${offset}`)
    .toSorted()
    .join();
}
