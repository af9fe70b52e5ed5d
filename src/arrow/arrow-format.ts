/** Rows to Arrow: segments are IPC streams of one record batch, a whole file is an IPC file of all of them. */
import { makeData, RecordBatch, Schema, Struct, Table, tableFromIPC, tableToIPC } from 'apache-arrow';
import { MillraceError, messageOf } from '../core/errors.ts';
import type { SegmentFormat } from '../files/rolling-output.ts';
import { type Column, fieldOf } from './columns.ts';

export type Columns = Readonly<Record<string, Column<never>>>;

export function arrowFormat(operator: string, columns: Columns): SegmentFormat<Readonly<Record<string, unknown>>> {
  const entries = Object.entries(columns as Readonly<Record<string, Column<unknown>>>);
  const schema = new Schema(entries.map(([name, column]) => fieldOf(name, column)));
  return {
    extension: 'arrow',
    encode(rows) {
      const children = entries.map(([name, column]) => packColumn(operator, name, column, rows));
      const data = makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children });
      return tableToIPC(new Table(schema, [new RecordBatch(schema, data)]), 'stream');
    },
    join: (segments) =>
      tableToIPC(
        new Table(
          schema,
          segments.flatMap((bytes) => tableFromIPC(bytes).batches),
        ),
        'file',
      ),
  };
}

function packColumn(
  operator: string,
  name: string,
  column: Column<unknown>,
  rows: readonly Readonly<Record<string, unknown>>[],
) {
  const values = rows.map((row) => row[name]);
  try {
    if (!column.nullable && values.some((value) => value === null || value === undefined)) {
      throw new TypeError('is missing, and the column is not nullable');
    }
    return column.pack(values);
  } catch (thrown) {
    throw new MillraceError('CALLBACK_FAILED', `column ${name} (${column.name}): a value ${messageOf(thrown)}`, {
      place: { operator },
      hint: `let the step above give what the column takes, or choose another column type, such as nullable(${column.name})`,
    });
  }
}
