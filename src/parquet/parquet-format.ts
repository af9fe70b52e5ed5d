/** Parquet files, made of segments of Arrow. */
import * as zlib from 'node:zlib';
import { arrowFormat } from '../arrow/arrow-format.ts';
import { type Columns, describeColumns } from '../arrow/columns.ts';
import { type ColumnPart, readSegment } from '../arrow/read-segment.ts';
import { MillraceError } from '../core/errors.ts';
import type { RollingFormat } from '../files/rolling-format.ts';
import { packSnappyBlock } from '../compression/snappy.ts';
import { type Codec, ParquetWriter } from './parquet-writer.ts';

export type ParquetCompression = 'snappy' | 'zstd' | 'none';

export interface ParquetOptions {
  readonly compression: ParquetCompression;
}

/** A row group is written when it has so many rows, or bytes of segments: they stand in memory until then. */
const GROUP_ROWS = 1_000_000;
const GROUP_BYTES = 32 * 1024 * 1024;

/**
 * Files that any Parquet reader opens; the segments of many checkpoint epochs share a row group. Segments are Arrow's, with
 * their own schema, so that files can be finished after the columns of the pipeline have changed.
 *
 * @throws MillraceError PLAN_INVALID for zstd where Node does not have it
 * @see https://parquet.apache.org/docs/file-format/
 */
export function parquetFormat<T extends object>(columns: Columns, { compression }: ParquetOptions): RollingFormat<T> {
  const codec = codecOf(compression);
  return {
    extension: 'parquet',
    signature: `${compression}: ${describeColumns(columns)}`,
    begin: () => arrowFormat<T>(columns).begin(),
    assemble: (segments) => assemble(segments, codec),
  };
}

async function* assemble(segments: AsyncIterable<Uint8Array>, codec: Codec): AsyncGenerator<Uint8Array> {
  const writer = new ParquetWriter(codec);
  yield writer.begin();
  let group: (readonly ColumnPart[])[] = [];
  let [rows, bytes] = [0, 0];
  for await (const segment of segments) {
    for (const batch of readSegment(segment)) {
      group.push(batch);
      rows += batch[0].length;
    }
    bytes += segment.length;
    if (rows < GROUP_ROWS && bytes < GROUP_BYTES) continue;
    yield* writer.rowGroup(group);
    group = [];
    [rows, bytes] = [0, 0];
  }
  if (rows > 0) yield* writer.rowGroup(group);
  yield writer.finish();
}

const UNCOMPRESSED_ID = 0;
const SNAPPY_ID = 1;
const ZSTD_ID = 6;

function codecOf(compression: ParquetCompression): Codec {
  if (compression === 'none') return { id: UNCOMPRESSED_ID, pack: (plain) => plain };
  if (compression === 'snappy') return { id: SNAPPY_ID, pack: packSnappyBlock };
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (plain: Uint8Array) => Uint8Array };
  if (compression === 'zstd' && zstdCompressSync !== undefined) return { id: ZSTD_ID, pack: zstdCompressSync };
  throw new MillraceError(
    'PLAN_INVALID',
    `sinkParquet: this Node cannot write compression '${compression as string}'`,
    {
      hint: "choose 'snappy' or 'none'; 'zstd' needs Node 22.15 or later",
    },
  );
}
