import type { Columns } from '../src/arrow/columns.ts';
import { csvFormat } from '../src/csv/csv-format.ts';
import { type ColumnarSinkOptions, rollingSink } from './core/rolling-sink.ts';

export interface SinkCsvOptions<T, C extends Columns, Omitted extends string>
  extends ColumnarSinkOptions<T, C, Omitted> {
  /** Begin every file with the names of the columns. Default true. */
  readonly header?: boolean;
  /**
   * Write text that begins with `=`, `+`, `-`, `@`, also behind blanks or in full width, or with a tab or a line end behind
   * a `'`, so that a spreadsheet does not run it.
   * Default true.
   */
  readonly escapeFormulas?: boolean;
}

/**
 * Writes records to CSV files: a folder in which a reader sees whole files only.
 *
 * `T → line` · in order · as RFC 4180 has it, in UTF-8 with a header; null is an empty cell and empty text `""`; times are ISO
 * 8601 in UTC, decimals have all digits of their scale; numbers stay numbers, also negative ones · names, publication,
 * `keepFiles`, `partitionBy`, state, delivery and back pressure are those of {@link sinkArrow} · a value that its column
 * cannot hold stops the pipeline: behind a sink there is no DLQ.
 *
 * @throws MillraceError PLAN_INVALID where `columns` is left out and nothing above says what they are, and for a column
 * type that CSV has no cell for; CALLBACK_FAILED for a value that does not fit its column; CHECKPOINT_MISMATCH when
 * somebody else has changed the hidden folders or written a file of the same name; STORE_FAILED
 * @example
 * ```ts
 * const lines = kafka('lines').pipe(map((r) => ({ at: r.timestamp, text: String(r.value) })));
 * const columns = { at: timestamp(), text: utf8() };
 * export default pipeline('mirror', lines.pipe(sinkCsv('mirror', { columns, rollEveryMs: 30_000, keepFiles: 48 })));
 * ```
 * @see RFC 4180; https://owasp.org/www-community/attacks/CSV_Injection
 */
export function sinkCsv<T extends object, const C extends Columns, const Omitted extends string = never>(
  dir: string,
  options: SinkCsvOptions<T, C, Omitted> = {},
) {
  const { header = true, escapeFormulas = true } = options;
  const format = (columns: Columns) => csvFormat<T>(columns, { header, escapeFormulas });
  return rollingSink<T>({ kind: 'sinkCsv', dir, columns: options.columns, options, format });
}
