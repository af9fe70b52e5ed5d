/** Produce (version 9): one record batch to one partition, acknowledged by all in-sync replicas. */
import { Writer } from '@platformatic/kafka';
import type { TopicPartition } from '../log/log-client.ts';
import { type BrokerConnection, VERSIONS } from './broker-connection.ts';
import { BrokerError } from './failures.ts';
import { WireReader } from './wire-reader.ts';

const ALL_REPLICAS = -1;
/** How long the broker may wait for its replicas. */
const REPLICAS_MS = 20_000;
const [KEY, VERSION] = VERSIONS.Produce;

/**
 * Sends before it returns for the first time. `records` must stay as they are until the answer.
 * @returns the offset of the first record
 * @throws BrokerError, ConnectionError
 * @see https://kafka.apache.org/protocol#The_Messages_Produce
 */
export async function produce(
  connection: BrokerConnection,
  { topic, partition }: TopicPartition,
  records: Buffer,
  transactionalId: string | null,
): Promise<number> {
  const payload = (): Writer =>
    Writer.create()
      .appendString(transactionalId)
      .appendInt16(ALL_REPLICAS)
      .appendInt32(REPLICAS_MS)
      .appendArray([topic], (topicWriter, name) => {
        topicWriter.appendString(name).appendArray([partition], (writer, index) => {
          writer.appendInt32(index).appendBytes(records);
        });
      })
      .appendTaggedFields();
  const answer = await connection.send({ key: KEY, version: VERSION, payload });
  return readAnswer(connection, new WireReader(answer));
}

function readAnswer(connection: BrokerConnection, reader: WireReader): number {
  reader.count();
  reader.string();
  reader.count();
  reader.int32(); // The partition: there is one.
  const errorCode = reader.int16();
  const baseOffset = reader.int64();
  reader.int64(); // Append time.
  reader.int64(); // Start of the log.
  let detail: string | null = null;
  for (let errors = reader.count(); errors > 0; errors--) {
    reader.int32();
    const ofRecord = reader.string();
    detail ??= ofRecord;
    reader.skipTags();
  }
  const ofBatch = reader.string();
  detail ??= ofBatch;
  reader.skipTags();
  reader.skipTags();
  connection.throttle(reader.int32());
  if (errorCode !== 0) throw new BrokerError(errorCode, detail);
  return baseOffset;
}
