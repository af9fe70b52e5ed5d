/** The codecs of record batches: all that Kafka knows are read, those that cost little are written. */
import * as zlib from 'node:zlib';
import { packLz4, unpackLz4 } from '../compression/lz4.ts';
import { packSnappy, unpackSnappy } from '../compression/snappy.ts';
import { unpackZstd } from '../compression/zstd.ts';

/** What can be written. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4';

/** As the attributes of a batch name them. */
export const CODEC_NUMBERS: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, snappy: 2, lz4: 3 };
/** By number. */
const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
/** Half the time of the default level, for a few percent more bytes. */
const GZIP_LEVEL = 1;

type Unpack = (packed: Buffer, limit: number) => Buffer;

const PACK: Readonly<Record<Exclude<Compression, 'none'>, (plain: Uint8Array) => Buffer>> = {
  gzip: (plain) => zlib.gzipSync(plain, { level: GZIP_LEVEL }),
  snappy: packSnappy,
  lz4: packLz4,
};
const UNPACK: readonly (Unpack | undefined)[] = [
  undefined,
  (packed, limit) => zlib.gunzipSync(packed, { maxOutputLength: limit }),
  unpackSnappy,
  unpackLz4,
  nativeZstd() ?? unpackZstd,
];

export function compress(compression: Exclude<Compression, 'none'>, plain: Uint8Array): Buffer {
  return PACK[compression](plain);
}

/**
 * Unpacks what a batch says is compressed by the codec of this number.
 * @throws an error that names no place, for input that is broken, that grows beyond `limit` bytes, or of a codec unknown
 */
export function decompress(codec: number, packed: Buffer, limit: number): Buffer {
  const unpack = UNPACK[codec];
  if (unpack === undefined) throw new RangeError('no client of Kafka knows this codec');
  return unpack(packed, limit);
}

/** For messages. */
export function codecName(codec: number): string {
  return CODEC_NAMES[codec] ?? `codec ${codec}`;
}

/** Node has Zstandard of its own from 22.15 on. */
function nativeZstd(): Unpack | undefined {
  const { zstdDecompressSync: unpack } = zlib as { zstdDecompressSync?: typeof zlib.gunzipSync };
  return unpack === undefined ? undefined : (packed, limit) => unpack(packed, { maxOutputLength: limit });
}
