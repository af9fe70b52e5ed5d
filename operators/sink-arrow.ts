import { type ArrowContainer, arrowFormat } from '../src/arrow/arrow-format.ts';
import type { Columns, ColumnsFor } from '../src/arrow/columns.ts';
import { invalidOption } from './core/options.ts';
import { type ColumnarSinkOptions, rollingSink } from './core/rolling-sink.ts';

export type { ColumnsFor };

export interface SinkArrowOptions<T, C extends Columns, Omitted extends string>
  extends ColumnarSinkOptions<T, C, Omitted> {
  /** `'file'` (`.arrow`, which readers may open anywhere) or `'stream'` (`.arrows`, read from the start). Default `'file'`. */
  readonly format?: ArrowContainer;
}

/**
 * Writes records to Arrow files: a folder in which a reader sees whole files only.
 *
 * `T → row` · in order · names are `PREFIX_YYYYMMDD_HHMMSS_EPOCH.arrow`, in UTC of processing time · a file is published
 * when it is old or large enough, and at a stop; `keepFiles` removes old ones, `partitionBy` makes folders as Hive has them ·
 * state: the rows of one checkpoint epoch in memory, those of open files as synced segments in the hidden folder `.staging`;
 * at most 100 partitions stay open from one checkpoint to the next · delivery: exactly-once; the checkpoint holds a
 * manifest with the names of the open segments and of the whole, synced files that its commit publishes, by rename;
 * `.published` has a line of JSON for each file, and for each that was pruned · back pressure: rows in memory take credit · a
 * value that its column cannot hold stops the pipeline: behind a sink there is no DLQ.
 *
 * @throws MillraceError PLAN_INVALID where `columns` is left out and nothing above says what they are; CALLBACK_FAILED
 * for a value that does not fit its column; CHECKPOINT_MISMATCH when somebody else has changed the hidden folders or
 * written a file of the same name; STORE_FAILED
 * @example
 * ```ts
 * const sizes = kafka('lines').pipe(map((r) => ({ at: r.timestamp, size: r.value?.length ?? 0 })));
 * export default pipeline('sizes', sizes.pipe(sinkArrow('sizes', { columns: { at: timestamp(), size: int32() } })));
 * ```
 * @see src/files/rolling-output.ts for the manifest
 */
export function sinkArrow<T extends object, const C extends Columns, const Omitted extends string = never>(
  dir: string,
  options: SinkArrowOptions<T, C, Omitted> = {},
) {
  const { format: container = 'file' } = options;
  if (container !== 'file' && container !== 'stream') {
    throw invalidOption('sinkArrow', 'format', `must be 'file' or 'stream', not ${String(container)}`);
  }
  const format = (columns: Columns) => arrowFormat<T>(columns, container);
  return rollingSink<T>({ kind: 'sinkArrow', dir, columns: options.columns, options, format });
}
