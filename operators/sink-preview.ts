import type { NodeContext } from '../src/core/operator.ts';
import { requireDuration, requirePositiveInteger, requireText } from './core/options.ts';
import { callbackFailed } from './core/process.ts';
import { sink } from './core/sink.ts';

export interface SinkPreviewOptions<T> {
  /** The fields to show of a record, in order; called for those that are shown. Default: all fields. */
  readonly show?: (value: T) => object;
  /** Rows of a table. Default 10. */
  readonly rows?: number;
  /** At most one table in so many milliseconds of processing time. Default 10 s. */
  readonly everyMs?: number;
}

const DEFAULT_ROWS = 10;
const DEFAULT_EVERY_MS = 10_000;
const MAX_CELL = 48;

/**
 * Shows the last few records as a table to whoever watches the run: at once when the first come, and from then on every
 * `everyMs` while more do.
 *
 * `T → table on stdout` · in order · state: the rows of one table, in memory only · delivery: best effort; with `--json`
 * tables are left out · control characters in values are replaced, long values cut.
 *
 * @throws MillraceError PLAN_INVALID; CALLBACK_FAILED when `show` throws
 * @example
 * ```ts
 * const sizes = kafka('lines').pipe(map((r) => ({ at: iso(r.timestamp), size: r.value?.length ?? 0 })));
 * export default pipeline('sizes', sizes.pipe(sinkPreview('sizes', { rows: 5 })));
 * ```
 */
export function sinkPreview<T extends object>(name: string, options: SinkPreviewOptions<T> = {}) {
  const { rows = DEFAULT_ROWS, everyMs = DEFAULT_EVERY_MS, show } = options;
  requireText('sinkPreview', 'name', name);
  requirePositiveInteger('sinkPreview', 'rows', rows);
  requireDuration('sinkPreview', 'everyMs', everyMs);
  return sink<T>({
    kind: 'sinkPreview',
    name,
    options: { rows, everyMs },
    writer(ctx) {
      const preview = new Preview<T>(ctx, name, { rows, everyMs, show: show ?? ((value) => value) });
      return {
        write(chunk) {
          try {
            preview.take(chunk.values);
          } catch (thrown) {
            throw callbackFailed(ctx, chunk, chunk.length - 1, thrown);
          }
        },
      };
    },
  });
}

class Preview<T extends object> {
  private readonly ctx: NodeContext;
  private readonly name: string;
  private readonly options: { rows: number; everyMs: number; show: (value: T) => object };
  /** Records since the last table, and the last of them. */
  private count = 0;
  private latest: T[] = [];
  private nextAt = Number.NEGATIVE_INFINITY;

  constructor(ctx: NodeContext, name: string, options: Preview<T>['options']) {
    this.ctx = ctx;
    this.name = name;
    this.options = options;
  }

  take(values: readonly T[]): void {
    const { rows, everyMs } = this.options;
    if (values.length === 0) return;
    this.count += values.length;
    this.latest = [...this.latest, ...values.slice(-rows)].slice(-rows);
    const now = this.ctx.clock.now();
    if (now < this.nextAt) return;
    this.nextAt = now + everyMs;
    for (const line of this.table()) this.ctx.print(line);
    this.count = 0;
    this.latest = [];
  }

  private table(): string[] {
    const shown = this.latest.map((value) => this.options.show(value) as Readonly<Record<string, unknown>>);
    const columns = [...new Set(shown.flatMap((row) => Object.keys(row)))];
    const cells = shown.map((row) => columns.map((column) => cell(row[column])));
    const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((row) => row[i].length)));
    const isNumeric = columns.map((column) => shown.every((row) => NUMERIC.has(typeof row[column])));
    const line = (texts: readonly string[]) =>
      texts
        .map((text, i) => (isNumeric[i] ? text.padStart(widths[i]) : text.padEnd(widths[i])))
        .join('  ')
        .trimEnd();
    const part = this.count > cells.length ? `, the last ${cells.length} of them` : '';
    const head = `${this.name}: ${this.count.toLocaleString('en-US')} ${this.count === 1 ? 'row' : 'rows'}${part}`;
    return [head, ...[columns, widths.map((width) => '-'.repeat(width)), ...cells].map((row) => `  ${line(row)}`), ''];
  }
}

const NUMERIC: ReadonlySet<string> = new Set(['number', 'bigint']);

/** Values come from outside: what a terminal would obey must not reach it. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function cell(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  const isPlain = typeof value === 'string' || typeof value === 'bigint';
  const text = isPlain ? String(value) : (JSON.stringify(value) ?? typeof value);
  const clean = text.slice(0, MAX_CELL + 1).replaceAll(CONTROL, '\ufffd');
  return clean.length <= MAX_CELL ? clean : `${clean.slice(0, MAX_CELL - 1)}…`;
}
