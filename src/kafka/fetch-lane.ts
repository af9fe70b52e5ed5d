/** One fetch at a time from one leader, over a connection of its own. */
import type { FetchPosition } from '../log/log-client.ts';
import type { AbortedTransaction } from './decode-records.ts';

export interface LaneRequest {
  readonly positions: readonly FetchPosition[];
  readonly maxBytes: number;
  readonly maxWaitMs: number;
}

export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, as they came. */
  readonly records: Buffer;
}

export interface FetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly PartitionAnswer[];
}

/** What a driver brings: a connection that carries nothing but fetches, since each may wait for seconds. */
export interface LaneConnection {
  readonly isUsable: boolean;
  fetch(request: LaneRequest): Promise<FetchAnswer>;
  /** Ends it at once, and with it the fetch that is under way. */
  drop(): void;
}

/**
 * An answer that its caller did not wait for is kept for the next call for the same positions; a call for others drops
 * it, connection and all, since a broker answers the requests of a connection in order.
 */
export class FetchLane {
  readonly leader: number;
  /** A caller is waiting. */
  isBusy = false;
  private readonly open: () => Promise<LaneConnection>;
  private connection: LaneConnection | undefined;
  private underWay: { readonly key: string; readonly answer: Promise<FetchAnswer> } | undefined;
  /** Raised by `drop`: a connection that comes up for an older life is not taken. */
  private life = 0;

  constructor(leader: number, open: () => Promise<LaneConnection>) {
    this.leader = leader;
    this.open = open;
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
    this.connection?.drop();
    this.connection = undefined;
  }

  private async send(request: LaneRequest): Promise<FetchAnswer> {
    let connection = this.connection;
    if (connection === undefined || !connection.isUsable) {
      const { life } = this;
      connection = await this.open();
      if (life === this.life) this.connection = connection;
      else connection.drop();
    }
    return connection.fetch(request);
  }
}

function keyOf(positions: readonly FetchPosition[]): string {
  return positions
    .map(({ topic, partition, offset }) => `${topic}/${partition}/${offset}`)
    .toSorted()
    .join();
}
