import { normalize } from 'node:path';
import { arrowFormat } from '../src/arrow/arrow-format.ts';
import { ColumnError } from '../src/arrow/column-base.ts';
import { type Columns, type ColumnsFor, describeColumns } from '../src/arrow/columns.ts';
import { MillraceError } from '../src/core/errors.ts';
import { RollingOutput } from '../src/files/rolling-output.ts';
import { invalidOption, requireDuration, requirePositiveInteger, requireText } from './core/options.ts';
import { sink } from './core/sink.ts';

export type { ColumnsFor };

export interface SinkArrowOptions<T, C extends Columns, Omitted extends string> {
  /** Name and type of every column, in order: each takes the field of its name. */
  readonly columns: C & ColumnsFor<T, C, Omitted>;
  /** Fields that are left out on purpose. */
  readonly omit?: readonly (Omitted & keyof T)[];
  /** Begins every file name; one sink a folder and prefix. Default `part`. */
  readonly prefix?: string;
  /** A file is published at the first checkpoint so many ms of processing time after its first row. Default 60 s. */
  readonly rollEveryMs?: number;
  /** … or at the first with so many rows. Default 1,000,000. */
  readonly rollRows?: number;
  /** … or at the first with so many bytes in its segments. Default 128 MiB. */
  readonly rollBytes?: number;
}

const DEFAULT_ROLL_EVERY_MS = 60_000;
const DEFAULT_ROLL_ROWS = 1_000_000;
const DEFAULT_ROLL_BYTES = 128 * 1024 * 1024;
const DEFAULT_PREFIX = 'part';
const PREFIX = /^[A-Za-z0-9][\w.-]*$/;

/**
 * Writes records to Arrow files: a folder in which a reader sees whole files only.
 *
 * `T → row` · in order · names are `PREFIX_YYYYMMDD_HHMMSS_EPOCH.arrow`, in UTC of processing time · a file is published
 * when it is old or large enough, and at a stop · state: the rows of one checkpoint epoch in memory, those of the open file
 * as synced segments in the hidden folder `.staging` · delivery: exactly-once; the checkpoint holds a manifest with the
 * names of the open segments and of the whole, synced files that its commit publishes, by rename · back pressure: rows in
 * memory take credit · a value that its column cannot hold stops the pipeline: behind a sink there is no DLQ.
 *
 * @throws MillraceError CALLBACK_FAILED for a value that does not fit its column; CHECKPOINT_MISMATCH when somebody else
 * has changed the staging folder or written a file of the same name; STORE_FAILED
 * @example
 * ```ts
 * const sizes = kafka('lines').pipe(map((r) => ({ at: r.timestamp, size: r.value?.length ?? 0 })));
 * export default pipeline('sizes', sizes.pipe(sinkArrow('sizes', { columns: { at: timestamp(), size: int32() } })));
 * ```
 * @see src/files/rolling-output.ts for the manifest
 */
export function sinkArrow<T extends object, const C extends Columns, const Omitted extends string = never>(
  dir: string,
  options: SinkArrowOptions<T, C, Omitted>,
) {
  const { prefix = DEFAULT_PREFIX, rollEveryMs = DEFAULT_ROLL_EVERY_MS } = options;
  const { rollRows = DEFAULT_ROLL_ROWS, rollBytes = DEFAULT_ROLL_BYTES } = options;
  const columns: Columns = options.columns;
  requireText('sinkArrow', 'dir', dir);
  requireDuration('sinkArrow', 'rollEveryMs', rollEveryMs);
  requirePositiveInteger('sinkArrow', 'rollRows', rollRows);
  requirePositiveInteger('sinkArrow', 'rollBytes', rollBytes);
  if (!PREFIX.test(prefix)) throw invalidOption('sinkArrow', 'prefix', 'must be letters, digits, and then also . _ -');
  if (Object.keys(columns).length === 0) throw invalidOption('sinkArrow', 'columns', 'must name at least one column');
  return sink<T>({
    kind: 'sinkArrow',
    name: dir,
    exclusive: normalize(`${dir}/${prefix}`),
    options: { columns: describeColumns(columns), rollEveryMs },
    writer: (ctx) => {
      const rolling = { task: ctx.task, dir: ctx.outputPath(dir), prefix, rollEveryMs, rollRows, rollBytes };
      const output = new RollingOutput<T>(ctx, arrowFormat(columns), rolling);
      ctx.output(output);
      return {
        write(chunk) {
          try {
            output.append(chunk.values);
          } catch (thrown) {
            if (!(thrown instanceof ColumnError)) throw thrown;
            const { topic, partition } = chunk.origin;
            throw new MillraceError('CALLBACK_FAILED', `cannot write the record to ${dir}: ${thrown.message}`, {
              place: { operator: ctx.id, topic, partition, offset: chunk.offset(thrown.index) },
              hint: 'make it fit in a map() above the sink, filter() such records out, or choose another column type',
              cause: thrown,
            });
          }
        },
      };
    },
  });
}
