import { type Columns, arrowFormat } from '../src/arrow/arrow-format.ts';
import type { Column } from '../src/arrow/columns.ts';
import type { RejectionKind } from '../src/core/rejection.ts';
import type { SealedStream, Stream } from '../src/core/stream.ts';
import { RollingOutput } from '../src/files/rolling-output.ts';
import { invalidOption, requireDuration, requirePositiveInteger, requireText } from './core/options.ts';
import { sink } from './core/sink.ts';

/** A column for each field that is to be written; each must take what the field holds. */
export type ColumnsFor<T, C> = {
  readonly [K in keyof C]: K extends keyof T
    ? Column<T[K]>
    : { readonly 'this column is no field of the values that reach the sink': K };
};

export interface SinkArrowOptions<C> {
  readonly columns: C;
  /** Age at which a file is published, milliseconds. Default 60 s. */
  readonly rollEveryMs?: number;
  /** Default 1,000,000. */
  readonly rollRows?: number;
  /** Bytes of staged segments. Default 128 MiB. */
  readonly rollBytes?: number;
  /** First part of the file names. Default `part`. */
  readonly prefix?: string;
}

const DEFAULT_ROLL_EVERY_MS = 60_000;
const DEFAULT_ROLL_ROWS = 1_000_000;
const DEFAULT_ROLL_BYTES = 128 * 1024 * 1024;

/**
 * Writes values as rows of Arrow IPC files into a folder of whole files.
 *
 * `T → row` · rows are staged with each checkpoint and become a file at the first one past `rollEveryMs`, `rollRows` or
 * `rollBytes`, and at a stop · files are named `PREFIX_YYYYMMDD_HHMMSS_EPOCH.arrow` and are never changed · delivery:
 * exactly-once; who lists the folder sees whole files only · memory: the rows of one checkpoint, and one file while it is
 * put together · a value that its column cannot take stops the pipeline: behind a sink there is no DLQ.
 *
 * @throws MillraceError PLAN_INVALID, CALLBACK_FAILED; CHECKPOINT_MISMATCH at the start, when a staged file is gone
 * @example
 * ```ts
 * const sizes = kafka('uploads').pipe(
 *   map((record) => ({ at: record.timestamp, bytes: record.value?.length ?? 0 })),
 *   sinkArrow('uploads-arrow', { columns: { at: timestamp(), bytes: int64() } }),
 * );
 * ```
 * @see https://arrow.apache.org/docs/format/Columnar.html
 */
export function sinkArrow<T extends object, const C extends ColumnsFor<T, C>>(
  folder: string,
  options: SinkArrowOptions<C>,
) {
  requireText('sinkArrow', 'folder', folder);
  const operator = `sinkArrow('${folder}')`;
  const rolling = {
    prefix: options.prefix ?? 'part',
    rollEveryMs: options.rollEveryMs ?? DEFAULT_ROLL_EVERY_MS,
    rollRows: options.rollRows ?? DEFAULT_ROLL_ROWS,
    rollBytes: options.rollBytes ?? DEFAULT_ROLL_BYTES,
  };
  requireDuration(operator, 'rollEveryMs', rolling.rollEveryMs);
  requirePositiveInteger(operator, 'rollRows', rolling.rollRows);
  requirePositiveInteger(operator, 'rollBytes', rolling.rollBytes);
  if (Object.keys(options.columns ?? {}).length === 0)
    throw invalidOption(operator, 'columns', 'must name at least one column');
  const write = sink<T>({
    kind: 'sinkArrow',
    name: folder,
    options: { columns: Object.keys(options.columns).join(' ') },
    writer: (ctx) => {
      const format = arrowFormat(ctx.id, options.columns as unknown as Columns);
      const output = new RollingOutput(ctx, ctx.outputPath(folder), format, rolling);
      ctx.output(output);
      return {
        write(chunk) {
          for (const value of chunk.values) output.append(value as Readonly<Record<string, unknown>>);
        },
      };
    },
  });
  return <E extends RejectionKind>(stream: Stream<T, E>): SealedStream<T, E> => write(stream);
}
