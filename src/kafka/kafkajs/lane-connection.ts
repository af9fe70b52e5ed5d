/** Fetches over a kafkajs connection: its request, our reading of the answer. */
import type { FetchAnswer, LaneConnection, LaneRequest } from '../fetch-lane.ts';
import { dropConnection } from './cluster.ts';
import { readFetchAnswer } from './fetch-answer.ts';
import { type Connection, fetchRequest } from './internals.ts';

const CONSUMER = -1;
const READ_COMMITTED = 1;
/** Beyond the wait that was asked for, how long an answer may take. */
const ANSWER_MS = 15_000;

export class KafkajsLaneConnection implements LaneConnection {
  private readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  get isUsable(): boolean {
    return this.connection.isConnected();
  }

  async fetch({ positions, maxBytes, maxWaitMs }: LaneRequest): Promise<FetchAnswer> {
    const payload = await this.connection.send({
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

  drop(): void {
    dropConnection(this.connection);
  }
}
