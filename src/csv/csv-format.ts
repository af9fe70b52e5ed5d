/** CSV files: a header, if it is wanted, and a line a record. */
import { type Columns, describeColumns } from '../arrow/columns.ts';
import { ColumnError } from '../arrow/column-base.ts';
import type { RollingFormat, SegmentWriter } from '../files/rolling-format.ts';
import { type CellWriter, cellWriter, Misfit, textCell } from './csv-cell.ts';

export interface CsvOptions {
  /** Begin every file with the names of the columns. */
  readonly header: boolean;
  /** Keep spreadsheets from taking text for a formula. */
  readonly escapeFormulas: boolean;
}

const END = '\r\n';
/** At the start of a segment: how many bytes of header follow. */
const LENGTH_BYTES = 4;

/**
 * Text in UTF-8, lines that end with CR LF, cells quoted where they have to be. Null is an empty cell, empty text is
 * `""`; a file of one column writes null as `""`, too, because readers skip empty lines. Segments carry the header, so that
 * files can be finished after the columns of the pipeline have changed.
 *
 * @throws MillraceError PLAN_INVALID for a column that has no form in CSV
 * @see RFC 4180
 */
export function csvFormat<T extends object>(columns: Columns, options: CsvOptions): RollingFormat<T> {
  const { header, escapeFormulas } = options;
  const cells = Object.entries(columns).map(([name, column]) => ({
    name,
    isNullable: column.nullable,
    write: cellWriter(name, column, escapeFormulas),
  }));
  const names = cells.map(({ name }) => textCell(name, escapeFormulas)).join(',');
  const first = Buffer.from(header ? names + END : '');
  return {
    extension: 'csv',
    signature: `header ${header}, formulas ${escapeFormulas ? 'escaped' : 'kept'}: ${describeColumns(columns)}`,
    begin: () => new LinesWriter<T>(cells, first),
    assemble,
  };
}

interface Cell {
  readonly name: string;
  readonly isNullable: boolean;
  readonly write: CellWriter;
}

class LinesWriter<T extends object> implements SegmentWriter<T> {
  rows = 0;
  bytes = 0;
  private readonly cells: readonly Cell[];
  private readonly header: Uint8Array;
  private readonly nothing: string;
  private readonly pieces: Uint8Array[] = [];

  constructor(cells: readonly Cell[], header: Uint8Array) {
    this.cells = cells;
    this.header = header;
    this.nothing = cells.length === 1 ? '""' : '';
  }

  add(values: readonly T[]): void {
    let text = '';
    for (let i = 0; i < values.length; i++) text += this.lineOf(values[i], i);
    const piece = Buffer.from(text);
    this.pieces.push(piece);
    this.bytes += piece.length;
    this.rows += values.length;
  }

  finish(): Uint8Array {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(this.header.length);
    return Buffer.concat([length, this.header, ...this.pieces]);
  }

  private lineOf(record: T, row: number): string {
    let line = '';
    let separator = '';
    let at = '';
    try {
      for (const { name, isNullable, write } of this.cells) {
        at = name;
        const value = (record as Readonly<Record<string, unknown>>)[name];
        if (value !== null && value !== undefined) line += separator + write(value);
        else if (isNullable) line += separator + this.nothing;
        else throw new Misfit(`${value} in a column that is not nullable`);
        separator = ',';
      }
    } catch (thrown) {
      throw thrown instanceof Misfit ? new ColumnError(at, thrown.message, row) : thrown;
    }
    return line + END;
  }
}

/** The header of the first segment, and the lines of all. */
async function* assemble(segments: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const segment of segments) {
    const header = Buffer.from(segment.buffer, segment.byteOffset, LENGTH_BYTES).readUInt32LE();
    yield segment.subarray(isFirst ? LENGTH_BYTES : LENGTH_BYTES + header);
    isFirst = false;
  }
}
