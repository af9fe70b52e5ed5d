/** Kafka's answer to a fetch (version 11), taken apart down to the record batches, which stay bytes. */
import type { AbortedTransaction } from '../decode-records.ts';
import type { FetchAnswer, PartitionAnswer } from '../fetch-lane.ts';

const NOTHING = Buffer.alloc(0);

/** @see https://kafka.apache.org/protocol#The_Messages_Fetch */
export function readFetchAnswer(payload: Buffer): FetchAnswer {
  const reader = new Reader(payload);
  reader.int32(); // Throttle time: the broker has already waited.
  const errorCode = reader.int16();
  reader.int32(); // Session: none is used.
  const partitions: PartitionAnswer[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.int32(); count > 0; count--) partitions.push(readPartition(reader, topic));
  }
  return { errorCode, partitions };
}

function readPartition(reader: Reader, topic: string): PartitionAnswer {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStartOffset = reader.int64();
  const aborted: AbortedTransaction[] = [];
  for (let count = reader.int32(); count > 0; count--) {
    aborted.push({ producerId: reader.bigint64(), firstOffset: reader.int64() });
  }
  reader.int32(); // Preferred read replica: no rack is told, so there is none.
  const records = reader.bytes();
  return { topic, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records };
}

class Reader {
  private readonly data: Buffer;
  private at = 0;

  constructor(data: Buffer) {
    this.data = data;
  }

  int16(): number {
    this.at += 2;
    return this.data.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.data.readInt32BE(this.at - 4);
  }

  int64(): number {
    return Number(this.bigint64());
  }

  bigint64(): bigint {
    this.at += 8;
    return this.data.readBigInt64BE(this.at - 8);
  }

  string(): string {
    const length = this.int16();
    this.at += length;
    return this.data.toString('utf8', this.at - length, this.at);
  }

  bytes(): Buffer {
    const length = this.int32();
    if (length <= 0) return NOTHING;
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }
}
