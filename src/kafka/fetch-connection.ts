/** Fetch (version 13) over a connection of our own: topics go by their id, record batches stay bytes. */
import { Writer } from '@platformatic/kafka';
import type { AbortedTransaction } from './decode-records.ts';
import { type BrokerConnection, VERSIONS } from './broker-connection.ts';
import type { FetchAnswer, LaneConnection, LaneRequest, PartitionAnswer } from './fetch-lane.ts';
import { WireReader } from './wire-reader.ts';

const CONSUMER = -1;
const READ_COMMITTED = 1;
const MIN_BYTES = 1;
const NO_SESSION = 0;
const NO_SESSION_EPOCH = -1;
const UNKNOWN_EPOCH = -1;
const [KEY, VERSION] = VERSIONS.Fetch;

/** The id of a topic; throws when it is not the one that is wanted. */
type IdOf = (topic: string, wanted: string | undefined) => Promise<string>;

export class FetchConnection implements LaneConnection {
  private readonly connection: BrokerConnection;
  /** The id of a topic, the same for as long as it is not deleted. */
  private readonly idOf: IdOf;

  constructor(connection: BrokerConnection, idOf: IdOf) {
    this.connection = connection;
    this.idOf = idOf;
  }

  get isUsable(): boolean {
    return this.connection.isUsable;
  }

  async fetch(request: LaneRequest): Promise<FetchAnswer> {
    const ids = new Map<string, string>();
    for (const { topic, topicId } of request.positions) ids.set(topic, await this.idOf(topic, topicId));
    await this.connection.quiet();
    const payload = await this.connection.send({
      key: KEY,
      version: VERSION,
      payload: () => fetchRequest(request, ids),
    });
    const { throttleMs, answer } = readFetchAnswer(payload, ids);
    this.connection.throttle(throttleMs);
    return answer;
  }

  drop(): void {
    this.connection.drop();
  }
}

/** @see https://kafka.apache.org/protocol#The_Messages_Fetch */
function fetchRequest({ positions, maxBytes, maxWaitMs }: LaneRequest, ids: ReadonlyMap<string, string>): Writer {
  const maxPartitionBytes = Math.ceil(maxBytes / positions.length);
  const topics = [...ids.keys()];
  return Writer.create()
    .appendInt32(CONSUMER)
    .appendInt32(maxWaitMs)
    .appendInt32(MIN_BYTES)
    .appendInt32(maxBytes)
    .appendInt8(READ_COMMITTED)
    .appendInt32(NO_SESSION)
    .appendInt32(NO_SESSION_EPOCH)
    .appendArray(topics, (topicWriter, topic) => {
      const own = positions.filter((position) => position.topic === topic);
      topicWriter.appendUUID(ids.get(topic)).appendArray(own, (writer, { partition, offset }) => {
        writer
          .appendInt32(partition)
          .appendInt32(UNKNOWN_EPOCH)
          .appendInt64(BigInt(offset))
          .appendInt32(UNKNOWN_EPOCH)
          .appendInt64(-1n)
          .appendInt32(maxPartitionBytes);
      });
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields();
}

function readFetchAnswer(
  payload: Buffer,
  ids: ReadonlyMap<string, string>,
): { throttleMs: number; answer: FetchAnswer } {
  const names = new Map([...ids].map(([name, id]) => [id.replaceAll('-', ''), name]));
  const reader = new WireReader(payload);
  const throttleMs = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // Session: none is used.
  const partitions: PartitionAnswer[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = names.get(reader.uuid()) ?? '';
    for (let count = reader.count(); count > 0; count--) partitions.push(readPartition(reader, topic));
    reader.skipTags();
  }
  return { throttleMs, answer: { errorCode, partitions } };
}

function readPartition(reader: WireReader, topic: string): PartitionAnswer {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStartOffset = reader.int64();
  const aborted: AbortedTransaction[] = [];
  for (let count = reader.count(); count > 0; count--) {
    aborted.push({ producerId: reader.bigint64(), firstOffset: reader.int64() });
    reader.skipTags();
  }
  reader.int32(); // Preferred read replica: no rack is told, so there is none.
  const records = reader.bytes();
  reader.skipTags();
  return { topic, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records };
}
