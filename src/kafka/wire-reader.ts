/** Reads the flexible versions of Kafka's protocol: compact strings, arrays and tagged fields. */
const NOTHING = Buffer.alloc(0);
const UUID_BYTES = 16;
const TWO_TO_32 = 4_294_967_296;

export class WireReader {
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

  /** Exact up to 2^53: offsets and times are. */
  int64(): number {
    this.at += 8;
    return this.data.readInt32BE(this.at - 8) * TWO_TO_32 + this.data.readUInt32BE(this.at - 4);
  }

  bigint64(): bigint {
    this.at += 8;
    return this.data.readBigInt64BE(this.at - 8);
  }

  /** As hex digits. */
  uuid(): string {
    this.at += UUID_BYTES;
    return this.data.toString('hex', this.at - UUID_BYTES, this.at);
  }

  /** The length of an array; null counts as none. */
  count(): number {
    return Math.max(0, this.uvarint() - 1);
  }

  string(): string | null {
    const length = this.uvarint() - 1;
    if (length < 0) return null;
    this.at += length;
    return this.data.toString('utf8', this.at - length, this.at);
  }

  bytes(): Buffer {
    const length = this.uvarint() - 1;
    if (length <= 0) return NOTHING;
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  /** Tagged fields carry what an older reader may leave out. */
  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint();
      const length = this.uvarint();
      this.at += length;
    }
  }

  private uvarint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.data.readUInt8(this.at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }
}
