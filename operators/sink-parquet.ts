import type { Columns } from '../src/arrow/columns.ts';
import { type ParquetCompression, parquetFormat } from '../src/parquet/parquet-format.ts';
import { type ColumnarSinkOptions, rollingSink } from './core/rolling-sink.ts';

export interface SinkParquetOptions<T, C extends Columns, Omitted extends string>
  extends ColumnarSinkOptions<T, C, Omitted> {
  /** `'zstd'` needs Node 22.15 or later. Default `'snappy'`. */
  readonly compression?: ParquetCompression;
}

/**
 * Writes records to Parquet files: a folder in which a reader sees whole files only.
 *
 * `T → row` · in order · one file an interval (`rollEveryMs`), however many checkpoints it spans, its row groups as large as
 * 32 MiB of memory make them · names (`PREFIX_YYYYMMDD_HHMMSS_EPOCH.parquet`), publication, `keepFiles`, `partitionBy`, state,
 * delivery and back pressure are those of {@link sinkArrow} · a value that its column cannot hold stops the pipeline: behind
 * a sink there is no DLQ.
 *
 * @throws MillraceError PLAN_INVALID where `columns` is left out and nothing above says what they are, and for a
 * compression that this Node does not have; CALLBACK_FAILED for a value that does not fit its column;
 * CHECKPOINT_MISMATCH when somebody else has changed the hidden folders or written a file of the same name;
 * STORE_FAILED
 * @example
 * ```ts
 * const sizes = kafka('lines').pipe(map((r) => ({ at: r.timestamp, size: r.value?.length ?? 0 })));
 * const columns = { at: timestamp(), size: int32() };
 * export default pipeline('sizes', sizes.pipe(sinkParquet('sizes', { columns, rollEveryMs: 30_000, keepFiles: 48 })));
 * ```
 * @see https://parquet.apache.org/docs/file-format/
 */
export function sinkParquet<T extends object, const C extends Columns, const Omitted extends string = never>(
  dir: string,
  options: SinkParquetOptions<T, C, Omitted> = {},
) {
  const { compression = 'snappy' } = options;
  const format = (columns: Columns) => parquetFormat<T>(columns, { compression });
  return rollingSink<T>({ kind: 'sinkParquet', dir, columns: options.columns, options, format });
}
