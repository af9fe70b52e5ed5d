import { ColumnBuilder, INITIAL_ROWS } from './column-base.ts';

/** A column whose values are runs of something, one behind the other: the bytes of texts, or the items of lists. */
export abstract class OffsetsBuilder extends ColumnBuilder {
  /** Where each row begins; a row ends where the next one begins. */
  private offsets = new Int32Array(INITIAL_ROWS + 1);
  /** Where the next row begins. */
  protected used = 0;

  protected end(row: number): undefined {
    this.offsets[row + 1] = this.used;
  }

  protected putNull(row: number): void {
    this.end(row);
  }

  protected grow(capacity: number): void {
    const longer = new Int32Array(capacity + 1);
    longer.set(this.offsets);
    this.offsets = longer;
  }

  protected valueOffsets(rows: number): Int32Array {
    return this.offsets.subarray(0, rows + 1);
  }
}
