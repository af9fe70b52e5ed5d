/** Arrow IPC: segments in the stream format, whole files in the file format or the stream format. */
import {
  AsyncByteQueue,
  Field,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
} from './arrow-library.ts';
import type { RollingFormat, SegmentWriter } from '../files/rolling-output.ts';
import { columnBuilder } from './column-builder.ts';
import { type Columns, describeColumns } from './columns.ts';

/** `'file'` has an index at its end, `'stream'` can be read while it comes in. */
export type ArrowContainer = 'file' | 'stream';

/** As the format registers them. */
const EXTENSIONS: Record<ArrowContainer, string> = { file: 'arrow', stream: 'arrows' };

/**
 * Files that any Arrow reader opens, one record batch a checkpoint epoch. Segments carry their own schema, so that files
 * can be finished after the columns of the pipeline have changed.
 *
 * @see https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
 */
export function arrowFormat<T extends object>(columns: Columns, container: ArrowContainer = 'file'): RollingFormat<T> {
  return {
    extension: EXTENSIONS[container],
    signature: describeColumns(columns),
    begin: () => new BatchWriter<T>(columns),
    assemble: (segments) => assemble(segments, container),
  };
}

/** Rows as one record batch. */
class BatchWriter<T extends object> implements SegmentWriter<T> {
  rows = 0;
  private readonly columns: Columns;
  private readonly builders;

  constructor(columns: Columns) {
    this.columns = columns;
    this.builders = Object.entries(columns).map(([name, column]) => columnBuilder(name, column));
  }

  get bytes(): number {
    return this.builders.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  add(values: readonly T[]): void {
    for (const builder of this.builders) builder.add(values);
    this.rows += values.length;
  }

  finish(): Uint8Array {
    const fields = this.builders.map(({ name, dataType }) => new Field(name, dataType, this.columns[name].nullable));
    const children = this.builders.map((builder) => builder.finish());
    const struct = makeData({ type: new Struct(fields), length: this.rows, nullCount: 0, children });
    return RecordBatchStreamWriter.writeAll([new RecordBatch(new Schema(fields), struct)]).toUint8Array(true);
  }
}

/** Hands on what a writer has written so far, so that a file never stands in memory whole. */
class Pieces extends AsyncByteQueue {
  private pieces: Uint8Array[] = [];

  override write(bytes: Uint8Array): void {
    this.pieces.push(bytes);
  }

  take(): Uint8Array {
    const taken = Buffer.concat(this.pieces);
    this.pieces = [];
    return taken;
  }
}

async function* assemble(segments: AsyncIterable<Uint8Array>, container: ArrowContainer): AsyncGenerator<Uint8Array> {
  const pieces = new Pieces();
  const writer = container === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter();
  writer.reset(pieces);
  for await (const segment of segments) {
    for (const batch of RecordBatchReader.from(segment)) writer.write(batch);
    yield pieces.take();
  }
  writer.close();
  yield pieces.take();
}
