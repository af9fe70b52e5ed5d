/** `rollingSink`: the core of the sinks that write folders of whole files with columns. */
import { normalize } from 'node:path';
import { ColumnError } from '../../src/arrow/column-base.ts';
import { type Columns, type ColumnsFor, describeColumns } from '../../src/arrow/columns.ts';
import type { Chunk } from '../../src/core/element.ts';
import { MillraceError } from '../../src/core/errors.ts';
import type { NodeContext } from '../../src/core/operator.ts';
import type { RejectionKind } from '../../src/core/rejection.ts';
import type { SealedStream, Stream } from '../../src/core/stream.ts';
import { type HivePartition, hivePath } from '../../src/files/hive-path.ts';
import { type RollingFormat, RollingOutput } from '../../src/files/rolling-output.ts';
import { columnsAbove } from './columns-above.ts';
import { invalidOption, requireDuration, requirePositiveInteger, requireText } from './options.ts';
import { callbackFailed } from './process.ts';
import { sink } from './sink.ts';

/** When a folder's files are published, how they are called, and how long they stay. */
export interface RollingSinkOptions<T> {
  /** Begins every file name; one sink a folder and prefix. Default `part`. */
  readonly prefix?: string;
  /** A file is published at the first checkpoint so many ms of processing time after its first row. Default 60 s. */
  readonly rollEveryMs?: number;
  /** The same for the first file of a run, so that there is something to see soon. Default `rollEveryMs`. */
  readonly rollFirstMs?: number;
  /** … or at the first with so many rows. Default 1,000,000. */
  readonly rollRows?: number;
  /** … or at the first with so many bytes in its segments. Default 128 MiB. */
  readonly rollBytes?: number;
  /**
   * Keep the last so many published files, those of all partitions together, and remove the others; files that one
   * checkpoint publishes stay together until the next. Default: keep all.
   */
  readonly keepFiles?: number;
  /**
   * Columns and values of the folder that a record goes to, the same columns for all, in order:
   * `{ date: '2025-01-01', country: 'DE' }` is `date=2025-01-01/country=DE`. Readers take them for columns, so `omit` fields
   * of the same names.
   */
  readonly partitionBy?: (value: T) => HivePartition;
}

export interface ColumnarSinkOptions<T, C extends Columns, Omitted extends string> extends RollingSinkOptions<T> {
  /**
   * Name and type of every column, in order: each takes the field of its name. Left out, they are those of the schema of
   * the `validate()` above, where only steps that keep values stand between: see `columnsOf`.
   */
  readonly columns?: C & ColumnsFor<T, C, Omitted>;
  /** Fields that are left out on purpose. */
  readonly omit?: readonly (Omitted & keyof T)[];
}

export interface RollingSinkSpec<T> {
  readonly kind: string;
  readonly dir: string;
  readonly columns: Columns | undefined;
  readonly options: RollingSinkOptions<T> & { readonly omit?: readonly string[] };
  readonly format: (columns: Columns) => RollingFormat<T>;
}

const DEFAULT_ROLL_EVERY_MS = 60_000;
const DEFAULT_ROLL_ROWS = 1_000_000;
const DEFAULT_ROLL_BYTES = 128 * 1024 * 1024;
const DEFAULT_PREFIX = 'part';
const PREFIX = /^[A-Za-z0-9][\w.-]*$/;

/**
 * An end of the plan that is a folder of files.
 *
 * `T → row` · in order · state: the rows of one checkpoint epoch in memory, those of open files as synced segments in
 * `.staging` · delivery: exactly-once · back pressure: rows in memory take credit.
 */
export function rollingSink<T extends object>(spec: RollingSinkSpec<T>) {
  const { kind, dir, options } = spec;
  const { prefix = DEFAULT_PREFIX, rollEveryMs = DEFAULT_ROLL_EVERY_MS, keepFiles, partitionBy } = options;
  const { rollFirstMs = rollEveryMs } = options;
  const { rollRows = DEFAULT_ROLL_ROWS, rollBytes = DEFAULT_ROLL_BYTES } = options;
  requireText(kind, 'dir', dir);
  requireDuration(kind, 'rollEveryMs', rollEveryMs);
  requireDuration(kind, 'rollFirstMs', rollFirstMs);
  requirePositiveInteger(kind, 'rollRows', rollRows);
  requirePositiveInteger(kind, 'rollBytes', rollBytes);
  if (keepFiles !== undefined) requirePositiveInteger(kind, 'keepFiles', keepFiles);
  if (!PREFIX.test(prefix)) throw invalidOption(kind, 'prefix', 'must be letters, digits, and then also . _ -');
  const given = spec.columns && withFormat(spec, spec.columns);
  const end = ({ columns, format }: ColumnsAndFormat<T>) =>
    sink<T>({
      kind,
      name: dir,
      exclusive: normalize(`${dir}/${prefix}`),
      options: {
        columns: describeColumns(columns),
        rollEveryMs,
        ...(keepFiles !== undefined && { keepFiles }),
        ...(partitionBy !== undefined && { partitioned: true }),
      },
      writer(ctx) {
        const when = { rollEveryMs, rollFirstMs, rollRows, rollBytes };
        const rolling = { task: ctx.task, owner: ctx.owner, dir: ctx.outputPath(dir), prefix, keepFiles, ...when };
        const output = new RollingOutput<T>(ctx, format, rolling);
        ctx.output(output);
        if (partitionBy === undefined)
          return { write: (chunk) => append(ctx, dir, chunk, () => output.append(chunk.values)) };
        const partition = new Partitioner(ctx, partitionBy);
        return {
          write(chunk) {
            for (const [folder, { values, rows }] of partition.split(chunk)) {
              append(ctx, dir, chunk, () => output.append(values, folder), rows);
            }
          },
        };
      },
    });
  return <E extends RejectionKind>(stream: Stream<T, E>): SealedStream<T, E> =>
    end(given ?? withFormat(spec, columnsAbove(stream.node, `${kind}(${dir})`, options.omit ?? [])))(stream);
}

interface ColumnsAndFormat<T> {
  readonly columns: Columns;
  readonly format: RollingFormat<T>;
}

function withFormat<T>({ kind, format }: RollingSinkSpec<T>, columns: Columns): ColumnsAndFormat<T> {
  if (Object.keys(columns).length === 0) throw invalidOption(kind, 'columns', 'must name at least one column');
  return { columns, format: format(columns) };
}

/** Says at which record a value does not fit its column. `rows` are the records of the chunk that are added. */
function append(ctx: NodeContext, dir: string, chunk: Chunk<unknown>, add: () => void, rows?: readonly number[]): void {
  try {
    add();
  } catch (thrown) {
    if (!(thrown instanceof ColumnError)) throw thrown;
    const { topic, partition } = chunk.origin;
    const offset = chunk.offset(rows === undefined ? thrown.index : rows[thrown.index]);
    throw new MillraceError('CALLBACK_FAILED', `cannot write the record to ${dir}: ${thrown.message}`, {
      place: { operator: ctx.id, topic, partition, offset },
      hint: 'make it fit in a map() above the sink, filter() such records out, or choose another column type',
      cause: thrown,
    });
  }
}

interface Part<T> {
  readonly values: T[];
  readonly rows: number[];
}

/** Sorts the records of a chunk by the folder that they go to. */
class Partitioner<T> {
  private readonly ctx: NodeContext;
  private readonly partitionBy: (value: T) => HivePartition;
  /** Of the first record; all others have the same. */
  private columns: string | undefined;

  constructor(ctx: NodeContext, partitionBy: (value: T) => HivePartition) {
    this.ctx = ctx;
    this.partitionBy = partitionBy;
  }

  split(chunk: Chunk<T>): ReadonlyMap<string, Part<T>> {
    const parts = new Map<string, Part<T>>();
    for (let i = 0; i < chunk.length; i++) {
      const value = chunk.values[i];
      const folder = this.folderOf(chunk, value, i);
      let part = parts.get(folder);
      if (part === undefined) parts.set(folder, (part = { values: [], rows: [] }));
      part.values.push(value);
      part.rows.push(i);
    }
    return parts;
  }

  private folderOf(chunk: Chunk<T>, value: T, i: number): string {
    try {
      const partition = this.partitionBy(value);
      const columns = Object.keys(partition).join(', ');
      this.columns ??= columns;
      if (columns !== this.columns) {
        throw new RangeError(`the partition has the columns ${columns}, and those before it had ${this.columns}`);
      }
      return hivePath(partition);
    } catch (thrown) {
      throw callbackFailed(this.ctx, chunk, i, thrown);
    }
  }
}
